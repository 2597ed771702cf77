"""Explanations as text, Markdown, LaTeX and MathML: each form is right by its own grammar, and says the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from explained_graphs import GRAPHS, logistic
from pylatexenc.latexwalker import LatexWalker

from minigrad import Graph, Value, explain, relu, sigmoid
from minigrad.explaining import ExplainError, Explanation, second_backward, why, why_add, why_order
from minigrad.explaining.forms import STYLE
from minigrad.explaining.maths import exact, number, read
from minigrad.explaining.typeset import latex, latex_name, mathml, text

#: Labels that mean something to LaTeX, Markdown, HTML or Python.
HOSTILE = [
    "a$b_c^d{e}~f\\g%h&i#j", "</script><script>alert(1)</script>", "<b>&amp;", "|x|", '"\'`', "x" * 10_000, "]]>",
    "<!-- -->", "javascript:alert(1)", "a\nb\u2028c", "\u202eabc", "שלום", "日本", "é ü ł", "α", "theta", "lambda",
    "learning_rate", "w_1", "(x)", "dL/dz", "n3_", "**bold** [a](b)", "\\end{document}", "\\input{secret}", "$$", "1",
    "- item", "| cell |", "inf", "t1 = 2; x",
]  # fmt: skip


def hostile() -> Value:
    """A graph whose nodes have all of these labels."""
    output = Value(0.5, label="start")
    for k, label in enumerate(HOSTILE):
        output = (output * Value(0.3 + 0.01 * k, label=label) + output).named(f"{label}'")
    return output.named("</title>")


def explained_whole(graph: Callable[[], Value]) -> Explanation:
    return explain(graph())


THE_LECTURE = logistic()
Z, W1 = Graph(THE_LECTURE).find("z"), Graph(THE_LECTURE).find("w1")

EXPLAINED: dict[str, Callable[[], Explanation]] = {
    **{name: partial(explained_whole, graph) for name, graph in GRAPHS.items()},
    "hostile": lambda: explain(hostile(), max_nodes=1000),
    "node": lambda: explain(THE_LECTURE, Z),
    "order": why_order,
    "add": lambda: why_add(W1, THE_LECTURE),
    "twice": lambda: second_backward(THE_LECTURE),
}


# -- text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_text_keeps_to_its_width(width: int) -> None:
    """Longer lines are those of a table's numbers and of a formula without a place to break."""
    for graph in GRAPHS.values():
        for line in explain(graph()).to_text(width).splitlines():
            assert len(line) <= max(width, 72), line


def test_equations_are_aligned_at_their_signs() -> None:
    rows = [line for line in explain(logistic()).text.splitlines() if re.match(r"  .* = .*  \S", line)]
    assert rows
    chain = explain(logistic(), digits=6).text.split("At z = ")[1].split("\n\n")[1].splitlines()
    signs = {line.index(" = ") for line in chain if " = " in line}
    assert len(signs) == 1


def test_nothing_of_the_inner_names_is_seen() -> None:
    """The copy that is derived has names of our own; none comes out."""
    for make in EXPLAINED.values():
        if make is EXPLAINED["hostile"]:
            continue
        explanation = make()
        for form in (explanation.text, explanation.markdown, explanation.latex, explanation.mathml):
            assert not re.search(r"\bd?n\d+_", form)


def test_short_forms_of_numbers() -> None:
    shown = [text(number(x)) for x in (2.0, -0.5, 1e-9, 123456789.0, 0.1 + 0.2, float("inf"), float("nan"))]
    assert shown == ["2", "−0.5", "1e-09", "1.23457e+08", "0.3", "inf", "nan"]
    assert text(exact(1 / 3)) == "1/3"
    assert text(exact(-2 / 7)) == "−2/7"
    assert text(exact(0.6931471805599453)) == "0.6931471805599453"


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("a*(1 - a)", "a·(1 − a)"),
        ("-(x + y)", "−(x + y)"),
        ("x - (y - z)", "x − (y − z)"),
        ("x - -y", "x + y"),
        ("x/(y/z)", "x/(y/z)"),
        ("(x/y)/z", "x/y/z"),
        ("x/y*z", "(x/y)·z"),
        ("(-x)**2", "(−x)²"),
        ("-x**2", "−x²"),
        ("x**-1", "x⁻¹"),
        ("x**(y + 1)", "x^(y + 1)"),
        ("(x**y)**z", "(x^y)^z"),
        ("sigmoid(-z)", "σ(−z)"),
        ("where(0 < x, 1, y)", "1 if 0 < x, else y"),
        ("1 if x > 0 else 0", "1 if x > 0, else 0"),
        ("abs(x)", "|x|"),
        ("dot([a, b], [c, d])", "dot([a, b], [c, d])"),
        ("t1 = x + y; t1*t1", "(x + y)·(x + y)"),
    ],
)
def test_order_of_operations_is_kept(formula: str, written: str) -> None:
    """As few parentheses as the order of operations allows."""
    assert text(read(formula, {})) == written


# -- LaTeX ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPLAINED)
def test_latex_is_read_by_a_strict_parser(name: str) -> None:
    """Braces, environments and dollar signs are balanced, and so are \\left and \\right."""
    document = EXPLAINED[name]().document
    nodes, _, length = LatexWalker(document, tolerant_parsing=False).get_latex_nodes()
    assert length == len(document)
    assert nodes
    assert document.count(r"\left") == document.count(r"\right")
    for environment in ("align*", "itemize", "tabular", "cases", "document"):
        assert document.count(rf"\begin{{{environment}}}") == document.count(rf"\end{{{environment}}}")


def test_latex_compiles(tmp_path: Path) -> None:
    """Where a LaTeX is installed: without an error or a character that is missing, hostile labels included."""
    program = shutil.which("tectonic") or shutil.which("pdflatex")
    if program is None:
        pytest.skip("neither tectonic nor pdflatex is on the PATH; the strict parser has read it")
    for name, make in EXPLAINED.items():
        (tmp_path / f"{name}.tex").write_text(make().document, encoding="utf-8")
        options = ["-interaction=nonstopmode", "-halt-on-error"] if program.endswith("pdflatex") else []
        done = subprocess.run(
            [program, *options, f"{name}.tex"], cwd=tmp_path, capture_output=True, text=True, check=False,
            errors="replace", timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
        assert "Missing character" not in done.stdout
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000


def test_the_chain_rule_in_latex() -> None:
    L = logistic()
    assert (
        r"\frac{\partial L}{\partial z} &= \frac{\partial L}{\partial a} \cdot \frac{\partial a}{\partial z}"
        in explain(L, Graph(L).find("z")).latex
    )


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("w1", "w_{1}"), ("theta", r"\theta"), ("α", r"\alpha "), ("loss", r"\mathrm{loss}"), ("x", "x"),
        ("a_b", r"\mathrm{a}\_\mathrm{b}"), ("50%", r"\mathrm{50}\%"), ("日", r"\langle \text{U+65E5} \rangle "),
    ],
)  # fmt: skip
def test_labels_in_latex(label: str, written: str) -> None:
    assert latex_name(label) == written


# -- MathML -----------------------------------------------------------------------------------------------

ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "mfrac", "msup", "msub", "msqrt", "mtable", "mtr", "mtd", "mtext",
    "div", "table", "tbody", "thead", "tr", "td", "th", "p", "ul", "li", "h2", "h3", "h4",
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLAINED)
def test_mathml_is_well_formed(name: str) -> None:
    """XML, of known elements only, with as many children as each needs, and the same as text beside each formula."""
    root = ElementTree.fromstring(EXPLAINED[name]().mathml)
    children = {"mfrac": 2, "msup": 2, "msub": 2}
    for element in root.iter():
        assert element.tag in ELEMENTS
        assert set(element.attrib) <= {
            "class",
            "alttext",
            "displaystyle",
            "stretchy",
            "role",
            "scope",
            "colspan",
        }
        if element.tag in children:
            assert len(element) == children[element.tag]
        if element.tag == "math" and "".join(element.itertext()) != "=":
            assert element.attrib["alttext"]


def test_labels_of_a_user_stay_text() -> None:
    """No tag, no attribute, no script comes of a label, in the piece and in the page."""
    explanation = explain(hostile(), max_nodes=1000)
    for form in (explanation.mathml, explanation.page, explanation._repr_html_()):
        assert "<script" not in form
        assert "<b>" not in form
        assert "<!--" not in form
    assert "default-src 'none'" in explanation.page
    assert len(explanation.page) < 3_000_000


def test_mathml_of_a_sum() -> None:
    assert mathml(read("w1 - 1e-9", {})) == (
        '<math alttext="w1 − 1e-09"><mrow><msub><mi>w</mi><mn>1</mn></msub><mo>−</mo><mrow><mn>1</mn><mo>×</mo>'
        "<msup><mn>10</mn><mrow><mo>−</mo><mn>9</mn></mrow></msup></mrow></mrow></math>"
    )


# -- Markdown ---------------------------------------------------------------------------------------------


def test_markdown_has_balanced_dollars_and_tables() -> None:
    for make in EXPLAINED.values():
        if make is EXPLAINED["hostile"]:
            continue
        markdown = make().markdown
        assert len(re.findall(r"(?<!\\)\$\$", markdown)) % 2 == 0
        for line in markdown.splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 6), line


def test_labels_do_not_become_markdown() -> None:
    L = (Value(2.0, label="**bold** [a](b)") * 3).named("L")
    markdown = re.sub(r"\$\$[^$]*\$\$|\$[^$]*\$", "", explain(L).markdown)  # a formula is no Markdown
    assert "**bold**" not in markdown
    assert "[a](b)" not in markdown


# -- the object -------------------------------------------------------------------------------------------


def test_an_explanation_shows_itself() -> None:
    explanation = explain(logistic())
    assert repr(explanation) == "<Explanation: Forward and backward through L>"
    assert str(explanation) + "\n" == explanation.text
    assert explanation._repr_markdown_() == explanation.markdown
    assert explanation._repr_html_() == f"<style>{STYLE}</style>{explanation.mathml}"


def test_a_notebook_is_given_html_and_markdown() -> None:
    """By IPython's own formatter, which Jupyter, VS Code and marimo follow."""
    formatters = pytest.importorskip("IPython.core.formatters")
    explanation = explain(logistic())
    bundle, _ = formatters.DisplayFormatter().format(explanation)
    assert bundle["text/html"] == explanation._repr_html_()
    assert bundle["text/markdown"] == explanation.markdown
    assert bundle["text/plain"] == repr(explanation)


@pytest.mark.parametrize(
    ("ending", "form"), [("txt", "text"), ("md", "markdown"), ("tex", "document"), ("html", "page")]
)
def test_an_explanation_is_saved_by_its_ending(tmp_path: Path, ending: str, form: str) -> None:
    explanation = explain(logistic())
    path = explanation.save(tmp_path / f"z.{ending}")
    assert path.read_text(encoding="utf-8") == getattr(explanation, form)


def test_another_ending_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    explanation = explain(logistic())
    with pytest.raises(ExplainError, match=r"saved as .txt, .md, .tex or .html: .*z.pdf"):
        explanation.save(tmp_path / "z.pdf")
    with pytest.raises(OSError, match="does not exist"):
        explanation.save(tmp_path / "nowhere" / "z.md")


def test_every_form_has_every_reason() -> None:
    """A reason is said in text, Markdown, LaTeX and HTML alike."""
    L = logistic()
    explanation = explain(L, Graph(L).find("z"))
    plain = {
        "text": " ".join(explanation.to_text(1000).split()),
        "markdown": explanation.markdown,
        "latex": explanation.latex,
        "mathml": explanation.mathml,
    }
    for row in explanation.equations:
        for form in plain.values():
            assert row.reason in form


def test_why_has_all_forms() -> None:
    w = Value(-1.0, label="w")
    closed = why(w, (relu(w) * sigmoid(w)).named("L"))
    assert isinstance(closed, Explanation)
    assert "closed" in closed.markdown
    assert latex(read("x", {})) == "x"
