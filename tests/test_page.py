"""The page as a file: translation, formulas, what it escapes, what it refuses. test_page_browser opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import RULES, Graph, GraphTooLargeError, NotANumberError, Value, cli
from minigrad.explaining import chain_rule
from minigrad.files import CannotWriteError
from minigrad.logistic import example
from minigrad.page import Page, PageError, RowsError, page
from minigrad.page.contents import MOST_NODES, MOST_ROWS, names_of
from minigrad.page.document import SCRIPTS, json_in_html, script, style_text
from minigrad.page.figure import figure
from minigrad.page.formulas import NoTreeError, meaning_tree, partial_trees, tree, value_tree
from minigrad.page.translate import arithmetic, row_names
from minigrad.tables import DataError


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lecture() -> Value:
    return example().loss


def data_of(made: Page) -> dict[str, Any]:
    """The data in a page."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', made.html, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


# -- translation --------------------------------------------------------------------------------------------


def test_every_row_of_the_table_is_translated() -> None:
    """A new row comes to the page of itself, or the suite fails here."""
    text = arithmetic(row_names())
    for name in row_names():
        assert f"function row_{name}(" in text
        assert f"  {name}: row_{name}," in text
    assert set(RULES) <= set(row_names())


def test_a_row_brings_what_it_calls_and_nothing_else() -> None:
    """The page of a product holds no gamma function."""
    text = arithmetic(["mul"])
    assert text.count("function ") == 1
    assert "function sigmoid_minus(" in arithmetic(["bce_sigmoid"])
    assert "ABOUT_1" in arithmetic(["lgamma"])


def test_the_same_rows_give_the_same_script() -> None:
    """In any process, whatever the hashes of texts are."""
    code = (
        "from minigrad.page.translate import *; import hashlib; "
        "print(hashlib.sha256(arithmetic(row_names()).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


#: The linter's rules: all about what is wrong or suspicious. x !== x asks for nan, and all is in one scope of its own.
DENIED = (
    "correctness",
    "suspicious",
    "no-undef",
    "no-eval",
    "no-implied-eval",
    "eqeqeq",
    "prefer-const",
    "no-var",
)
STRICT = [word for rule in DENIED for word in ("-D", rule)]
LET = ["-A", "no-shadow", "-A", "no-self-compare", "-A", "consistent-function-scoping"]
#: What a translation has and a hand would not write.
TRANSLATED = ["-A", "prefer-const", "-A", "erasing-op", "-A", "approx-constant", "-A", "no-unused-vars"]


@pytest.mark.parametrize("rows", [[], row_names()], ids=["by hand", "with all rows"])
def test_the_script_passes_the_linter(rows: list[str], tmp_path: Path) -> None:
    """oxlint finds nothing in what is written by hand, nor in the whole."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("oxlint", path=path)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("no oxlint: it is in the extra `test`")
        pytest.skip("needs oxlint")
    (tmp_path / "script.js").write_text(script(rows), encoding="utf-8")
    others = dict.fromkeys(("sigmoid", "digamma", "lgamma", "polygamma"), "readonly") if not rows else {}
    settings = {"env": {"browser": True, "es2024": True}, "globals": others}
    (tmp_path / "lint.json").write_text(json.dumps(settings), encoding="utf-8")
    allowed = [*LET, *(TRANSLATED if rows else ["-A", "no-unused-vars"])]
    command = [program, "-c", "lint.json", *STRICT, *allowed, "script.js"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_compiles_no_text_and_writes_no_markup() -> None:
    """No eval, no Function, no innerHTML; nothing is fetched."""
    text = script(row_names())
    for word in (
        "eval(",
        "new Function",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "fetch(",
        "http:",
    ):
        assert word not in text.replace("http://www.w3.org/", ""), word
    assert "http" not in text.replace("http://www.w3.org/", "")


# -- formulas -----------------------------------------------------------------------------------------------


def leaves(part: Any) -> set[str]:
    """The kinds of parts in a tree."""
    if not isinstance(part, list):
        return set()
    return {part[0]}.union(*map(leaves, part[1:]))


@pytest.mark.parametrize("op", RULES)
def test_every_operation_has_its_formulas(op: str) -> None:
    """Value and partials as trees of known kinds, one partial for each operand."""
    known = {"n", "x", "out", "row", "fn", "frac", "pow", "root", "abs", "if"}
    partials = partial_trees(op)
    assert len(partials) == len(RULES[op].partials)
    for made in (value_tree(op), meaning_tree(op), *partials):
        assert leaves(made) <= known


def test_formulas_are_those_of_the_textbook() -> None:
    """The lecture's, and the brackets that they need."""
    assert partial_trees("sigmoid") == (
        ["row", ["out"], "·", ["row", "(", ["row", ["n", "1"], "−", ["out"]], ")"]],
    )
    assert partial_trees("mul") == (["x", 1], ["x", 0])
    x, y = {"x": ["x", 0], "y": ["x", 1]}.values()
    names = {"x": x, "y": y}
    assert tree("x - (y - 1)", names) == ["row", x, "−", ["row", "(", ["row", y, "−", ["n", "1"]], ")"]]
    assert tree("-(x + y)", names) == ["row", "−", ["row", "(", ["row", x, "+", y], ")"]]
    assert tree("x / y / y", names) == ["frac", x, ["pow", y, ["n", "2"]]]
    assert tree("(x + 1) ** 2", names)[1][1] == "("


@pytest.mark.parametrize(
    "text", ["unknown", "x.y", "x[0]", "lambda: x", "'a'", "x +", "__import__('os')", "f(*x)", "\x00"]
)
def test_what_is_no_formula_is_no_tree(text: str) -> None:
    """Names that are not known, and everything that is not arithmetic."""
    with pytest.raises(NoTreeError):
        tree(text, {"x": ["x", 0]})


# -- the file -----------------------------------------------------------------------------------------------


class Parsed(HTMLParser):
    """The elements of a page, its texts, its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "": []}
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        self.inside[self.open].append(data)


def test_the_policy_names_the_script_and_the_style_and_nothing_else() -> None:
    """Their digests are right, and no other source of anything but images in the file is allowed."""
    parsed = Parsed(page(lecture()).html)
    (policy,) = [a["content"] for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in (policy or "").split("; "))
    assert rules["default-src"] == "'none'"
    data, code = "".join(parsed.inside["script"][:1]), "".join(parsed.inside["script"][1:])
    assert json.loads(data)["output"] == 11
    for name, text in (("script-src", code), ("style-src", "".join(parsed.inside["style"]))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}


def test_the_file_asks_for_nothing() -> None:
    """No address in any attribute but the icon, which is empty, and the link to the state."""
    parsed = Parsed(page(lecture()).html)
    asked = [(tag, a[key]) for tag, a in parsed.tags for key in ("src", "href", "action", "data") if key in a]
    assert asked == [("link", "data:,"), ("a", "#")]
    assert not [key for _, a in parsed.tags for key in a if key.startswith("on") or key == "style"]


HOSTILE = [
    "</script><script>alert(1)</script>", "<!--", "--><b>", "]]>", "javascript:alert(1)", '" onload="x', "'><i>",
    "&amp;",    "\u2028", "\x00", "\ud800", "$title", "${x}", "{{x}}", "\\", "x" * 10_000, "<svg onload=x>",
]  # fmt: skip


@settings(deadline=None, max_examples=12)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=30), min_size=3, max_size=3))
def test_labels_make_no_markup(labels: list[str]) -> None:
    """Whatever is in them, the page has the elements of one with plain labels, in the same order."""

    def tags(a: str, b: str, c: str) -> list[str]:
        w, x = Value(0.5, label=a), Value(2.0, label=b)
        made = page((w * x).named(c), title=a)
        made.html.encode("utf-8")
        return [tag for tag, _ in Parsed(made.html).tags]

    assert tags(*labels) == tags("w", "x", "z")


def test_json_in_html_is_inert() -> None:
    """It reads back as it was, and holds no sign that a parser of HTML or of script could trip over."""
    text = json_in_html({"a": "".join(HOSTILE[:8]) + "\u2028\u2029"})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["a"].startswith("</script>")


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert page(lecture()).html == page(lecture()).html


def test_the_graph_is_not_changed() -> None:
    """Neither its numbers nor its gradients."""
    output = lecture()
    before = [(node.data, node.grad) for node in Graph(output)]
    page(output)
    assert [(node.data, node.grad) for node in Graph(output)] == before


def test_numbers_are_in_the_file_without_a_script() -> None:
    """Values, and the gradients that the page computed although backward was not called."""
    texts = "".join(Parsed(page(lecture()).html).inside[""])
    assert "1.35" in texts
    assert "−0.20587" in texts


def test_nan_and_inf_are_in_the_data() -> None:
    """JSON has neither; they go as texts."""
    nodes = data_of(page(mg.log(Value(math.nan, label="x")) + Value(-math.inf, label="k")))["nodes"]
    assert [node["value"] for node in nodes if "value" in node] == ["nan", "-inf"]


def test_names_are_told_apart() -> None:
    """Those that are equal are numbered, those that are blank get the node's place; constants may repeat."""
    a, b, c, d = (Value(1.0, label=label) for label in ("w", "w", " ", ""))
    graph = Graph(a * b + c * d + 2.0 + 2.0)
    names = list(names_of(graph).values())
    inputs = [name for node, name in names_of(graph).items() if node.op == "input"]
    assert inputs == ["w #1", "w #2", "v3", "v4"]
    assert names.count("2") == 2


def test_closed_forms_go_with_named_nodes() -> None:
    """∂L/∂z = a − y, with the nodes of the graph in it."""
    made = data_of(page(lecture()))
    names = [node["name"] for node in made["nodes"]]
    assert made["closed"][str(names.index("z"))] == [
        "row",
        ["node", names.index("a")],
        "−",
        ["node", names.index("y")],
    ]


def test_the_chain_rule_is_told_as_explain_tells_it() -> None:
    """Line by line, with the reasons; hostile names stay texts."""
    made = data_of(page(lecture()))
    i = next(k for k, node in enumerate(made["nodes"]) if node["name"] == "z")
    lines = made["told"][str(i)]
    output = lecture()
    rows = chain_rule(Graph(output).find("z"), output, numbers=False).equations
    assert [reason for _, reason in lines] == [row.reason for row in rows]
    assert lines[0][0] == ["row", ["d", "L", "a"], "·", ["d", "a", "z"]]
    assert lines[-1][0] == ["row", ["n", "a"], "−", ["n", "y"]]
    w = Value(2.0, label="</script>" + "x" * 10_000)
    told = data_of(page((w * w * 3.0).named("<!--")))["told"]["0"]
    assert max(len(json.dumps(line)) for line in told) < 2500


def test_what_is_learned() -> None:
    """What is not called x, y or t; what is no column of the rows; or what is said."""

    def learned(**options: Any) -> set[str]:
        made = data_of(page(one.loss, **options))
        return {made["nodes"][x["node"]]["name"] for x in made["inputs"] if x["learn"]}

    one = example()
    assert learned() == {"w1", "w2", "b"}
    assert learned(rows={"x1": [1.0], "y": [0]}) == {"w1", "w2", "x2", "b"}
    assert learned(parameters=[one.x1]) == {"x1"}
    assert learned(parameters=[]) == set()


def test_rows_tell_label_and_line() -> None:
    """The label is what the loss compares with; the line is where z is 0, or a is 1/2."""
    one = example()
    rows = {"x1": [1.0, 2.0], "x2": [0.0, 1.0], "y": [0, 1], "other": [1, 1]}
    made = data_of(page(one.loss, rows=rows))
    names = [node["name"] for node in made["nodes"]]
    found = made["rows"]
    assert [names[i] for i in found["nodes"]] == ["x1", "x2", "y"]
    assert found["values"] == [[1.0, 0.0, 0.0], [2.0, 1.0, 1.0]]
    assert (names[found["label"]], names[found["score"]], found["threshold"]) == ("y", "z", 0.0)
    z, y = Value(0.5, label="x1") * Value(1.0, label="w") + Value(0.5, label="x2"), Value(1.0, label="y")
    for loss, threshold in (
        (mg.bce_with_logits(z, y), 0.0),
        (mg.bce(z, y), 0.5),
        (-(y * mg.log(mg.sigmoid(z)) + (1 - y) * mg.log(1 - mg.sigmoid(z))), None),
    ):
        found = data_of(page(loss, rows=rows))["rows"]
        assert (found["threshold"] if found["score"] is not None else None) == threshold


def test_a_large_graph_is_folded() -> None:
    """What lies nearest to the result is drawn, and stubs say how much is not; an operand of many is one stub."""
    x = Value(0.5, label="x")
    value = x
    for _ in range(400):
        value = mg.tanh(value)
    made = page(value)
    assert (made.nodes, made.drawn) == (401, 250)
    assert "1 not drawn" in made.html
    wide = mg.sum([Value(float(k), label=f"x{k}") for k in range(900)])
    made = page(wide)
    assert (made.nodes, made.drawn) == (901, 1)
    assert "900 not drawn" in made.html
    edges = mg.sum([x] * 5000)
    assert len(figure(Graph(edges), names_of(Graph(edges)), "LR", 250).edges) == 1


# -- what is refused ----------------------------------------------------------------------------------------


def chain(count: int) -> Value:
    value = Value(0.5, label="x")
    for _ in range(count):
        value = -value
    return value


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: page(chain(MOST_NODES)), GraphTooLargeError, "5,001 nodes, more than the 5,000"),
        (lambda: page(3.0), NotANumberError, "one Value, not float"),  # type: ignore[arg-type]
        (lambda: page(lecture(), alpha=0.0), PageError, "above 0"),
        (lambda: page(lecture(), alpha=math.nan), PageError, "above 0"),
        (lambda: page(lecture(), direction="up"), PageError, '"LR" or "TB"'),  # type: ignore[arg-type]
        (lambda: page(lecture(), max_nodes=0), PageError, "1 or more"),
        (lambda: page(lecture(), "page.txt"), PageError, "is saved as .html"),
        (lambda: page(lecture(), 3), PageError, "the name of a file"),  # type: ignore[arg-type]
        (lambda: page(lecture(), title=3), PageError, "the title is text"),  # type: ignore[arg-type]
        (lambda: page(lecture(), "no/where.html"), CannotWriteError, "does not exist; create it first"),
        (lambda: page(lecture(), parameters=[Value(1.0, label="k")]), ValueError, "k is none"),
        (lambda: page(lecture(), rows=[[1.0, 2.0]]), RowsError, "columns have names"),
        (lambda: page(lecture(), rows={"age": [1.0]}), RowsError, "columns are age, the inputs w1"),
        (lambda: page(lecture(), rows={"x1": [0.0] * (MOST_ROWS + 1)}), RowsError, "give a sample"),
        (lambda: page(lecture(), rows={"x1": [0.0, math.nan]}), DataError, "row 1, column 'x1' holds nan"),
        (lambda: page(lecture(), rows="none.csv"), OSError, "none.csv"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence(make: Any, error: type[Exception], said: str) -> None:
    """What, where, what to do; and no file is left."""
    with pytest.raises(error) as caught:
        make()
    assert said in str(caught.value)
    assert os.listdir() == []


def test_the_page_is_saved_and_shown() -> None:
    """As a file; in a notebook as an iframe, which cannot reach its host."""
    made = lecture().page("page.html", title="L & <co>")
    assert Path("page.html").read_text(encoding="utf-8") == made.html
    assert repr(made) == f"<Page 'L & <co>': 12 nodes, {len(made.html.encode()):,} bytes>"
    (frame,) = Parsed(made._repr_html_()).tags
    assert frame[0] == "iframe"
    assert frame[1]["srcdoc"] == made.html
    assert frame[1]["sandbox"] == "allow-scripts"


@pytest.mark.slow
def test_a_notebook_that_is_executed_shows_the_page(tmp_path: Path) -> None:
    """In a kernel of its own; the output is the page in a frame, and its repr as text."""
    from test_draw_notebook import executed

    (shown,) = executed(["from minigrad.logistic import example\nexample().loss.page()"], tmp_path)
    assert shown["text/plain"].startswith("<Page 'L': 12 nodes")
    (frame,) = Parsed(shown["text/html"]).tags
    inside = frame[1]["srcdoc"] or ""
    assert inside.startswith("<!doctype html>")
    assert '"output":11' in inside


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(scheme: str) -> None:
    """At least 4.5 to what lies behind it, and lines 3."""
    text = style_text(100.0, 100.0)
    block = re.findall(r":root\[data-scheme=\"" + scheme + r"\"\] \{ (.*?) \}", text)[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(x: str, y: str) -> float:
        low, high = sorted((light(colours[x]), light(colours[y])))
        return (high + 0.05) / (low + 0.05)

    for ink in ("ink", "quiet", "link", "alarm", "grad"):
        for behind in ("background", "panel", "card"):
            assert contrast(ink, behind) >= 4.5, (ink, behind)
    assert contrast("on-main", "main") >= 4.5
    for line in ("edge", "now", "main", "grad"):
        assert contrast(line, "background") >= 3.0, line


# -- the command --------------------------------------------------------------------------------------------


def test_play_writes_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments: the lecture's example."""
    assert cli.main(["play"]) == 0
    assert capsys.readouterr().out == "page.html: 12 nodes; open it in a browser\n"
    assert "Logistic regression on one example" in Path("page.html").read_text(encoding="utf-8")


def test_play_writes_a_formula_with_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """And a mistake is a line on standard error."""
    Path("points.csv").write_text("x,y\n1,0\n2,1\n", encoding="utf-8")
    formula = "L = bce_with_logits(w*x + b, y)"
    numbers = ["--at", "w=1", "x=2", "b=0", "y=1"]
    assert (
        cli.main(["play", formula, *numbers, "--rows", "points.csv", "-o", "a.html", "--alpha", "0.1"]) == 0
    )
    assert '"values":[[1.0,0.0],[2.0,1.0]]' in Path("a.html").read_text(encoding="utf-8")
    capsys.readouterr()
    for arguments, said in (
        (["play", formula, *numbers, "--rows", "none.csv"], "none.csv"),
        (["play", formula, *numbers, "-o", "a.txt"], "is saved as .html"),
        (["play", formula, *numbers, "-o", "no/a.html"], "does not exist"),
        (["play", "--at", "w=1"], "a formula, which is missing"),
    ):
        assert cli.main(arguments) == 2
        errors = capsys.readouterr().err
        assert said in errors
        assert errors.count("\n") == 1


def test_the_parts_of_the_page_are_shipped() -> None:
    """Beside the module, where an installed package finds them."""
    folder = Path(mg.__file__).parent / "page"
    for name in ("page.html", "style.css", *(f"script/{part}.js" for part in SCRIPTS)):
        assert (folder / name).is_file(), name
