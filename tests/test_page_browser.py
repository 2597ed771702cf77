"""The page in a real browser: every control by mouse and by keyboard; the numbers beside Python's; no request."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Opened, launched
from witnesses import WITNESSES

import minigrad as mg
from minigrad import RULES, Graph, Value
from minigrad.logistic import example
from minigrad.page import page
from minigrad.page.document import SCRIPTS, _file
from minigrad.page.translate import arithmetic, row_names
from minigrad.value import record

Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests of a process."""
    with launched() as started:
        yield started


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a Value; at the end, nothing may have been complained of or asked for."""
    tabs: list[Opened] = []

    def open_page(
        output: Value, fragment: str = "", *, options: dict[str, Any] | None = None, **more: Any
    ) -> Opened:
        file = tmp_path / f"page{len(tabs)}.html"
        page(output, file, **more)
        tab = Opened(browser, file, fragment, **(options or {}))
        tabs.append(tab)
        return tab

    yield open_page
    for tab in tabs:
        quiet, complaints, requests = tab.quiet(), tab.complaints, tab.requests
        tab.close()
        assert quiet, (complaints, requests)


def leaf(x: float, label: str) -> Value:
    return Value(x, label=label)


def lecture() -> Value:
    return example().loss


def shared() -> Value:
    x = leaf(0.7, "x")
    u = (x * x).named("u")
    return (u * x + u + x).named("L")


def perceptron() -> Value:
    draw = random.Random(4)
    x = [leaf(0.8, "x1"), leaf(-0.3, "x2")]
    hidden = []
    for k in range(3):
        w = [leaf(draw.uniform(-1, 1), f"w{k}{j}") for j in range(2)]
        hidden.append(mg.tanh(mg.dot(w, x) + leaf(0.1 * k, f"b{k}")))
    out = mg.dot([leaf(draw.uniform(-1, 1), f"v{k}") for k in range(3)], hidden) + leaf(0.2, "c")
    return mg.bce_with_logits(out, leaf(1.0, "y")).named("L")


def softmax() -> Value:
    z = [leaf(x, f"z{k}") for k, x in enumerate((0.5, -1.0, 2.0))]
    return (mg.logsumexp(z) - z[1]).named("L")


def huber() -> Value:
    r = (leaf(1.5, "w") * leaf(2.0, "x") - leaf(0.5, "y")).named("r")
    inside = mg.less_equal(abs(r), Value(1.0, label="d"))
    loss: Value = mg.where(inside, 0.5 * r * r, abs(r) - 0.5).named("L")
    return loss


def gamma() -> Value:
    k, x = leaf(2.5, "k"), leaf(1.2, "x")
    return (mg.lgamma(k) - (k - 1) * mg.log(x) + x + mg.digamma(k)).named("L")


def normal() -> Value:
    x, s = leaf(0.4, "x"), leaf(1.3, "s")
    return (mg.erf(x / s) * mg.exp(-x * x / 2) + mg.erfc(x)).named("L")


def trigonometry() -> Value:
    x, y = leaf(0.3, "x"), leaf(-0.8, "y")
    return (mg.sin(x) * mg.cos(y) + mg.atan2(y, x) + mg.hypot(x, y) + mg.tan(0.15 * x * y)).named("L")


def powers() -> Value:
    x, y = leaf(1.7, "x"), leaf(0.6, "y")
    return (x**3 + x**y + mg.sqrt(x) / y + mg.cbrt(y) + mg.log1p(x * x)).named("L")


def sums() -> Value:
    x = [leaf(0.1 * k - 0.4, f"x{k}") for k in range(7)]
    return (mg.sum([v * v for v in x]) + mg.mean(x) * mg.max(x[0], x[1])).named("L")


GRAPHS = {
    f.__name__: f
    for f in (lecture, shared, perceptron, softmax, huber, gamma, normal, trigonometry, powers, sums)
}


# -- numbers ------------------------------------------------------------------------------------------------


def close(x: float, y: float, scale: float) -> bool:
    """Equal, or both nan, or apart by what a unit in the last place of `exp` and the like grows to in a graph."""
    return x == y or (x != x and y != y) or abs(x - y) <= 1e-12 * max(scale, abs(y))


@pytest.mark.parametrize("name", GRAPHS)
def test_numbers_are_pythons_wherever_the_sliders_are(name: str, opened: Open) -> None:
    """Values and gradients of all nodes, at ten random places; terms that cancel count with their own size."""
    output, draw = GRAPHS[name](), random.Random(name)
    graph, tab = Graph(output), opened(output)
    for _ in range(10):
        for node in graph.inputs:
            node.data = draw.choice([draw.uniform(-3, 3), draw.uniform(0.1, 2), 0.0, 1.0])
        tab.move(**{node.label: node.data for node in graph.inputs})
        graph.forward()
        graph.zero_grad()
        graph.backward()
        shown = tab.numbers()
        assert len(shown) == sum(node.op != "const" for node in graph)
        for i, (value, grad) in shown.items():
            node = graph.nodes[i]
            terms = [abs(term.term) for term in node.ledger(output).terms]
            assert close(value, node.data, max(abs(x.data) for x in (node, *node.operands))), (
                i,
                value,
                node.data,
            )
            assert close(grad, node.grad, max(terms, default=0.0)), (i, node.op, grad, node.grad)


#: How many units in the last place a row may differ from Python's at the points of its witness, where more than 1.
#: The others, gamma left of 0 and results of 0 by cancellation, are compared as below.
ULPS = {"erf": 2, "erfc": 8}
#: Rows whose last digits are worked out from integers in Python where doubles cancel; in the browser they are not.
CANCELLING = {"logaddexp", "bce_with_logits", "lgamma", "digamma", "polygamma", "logsumexp"}


def test_rows_agree_with_python_to_a_unit_in_the_last_place(browser: Any) -> None:
    """All rows at every third point of their witnesses: value and partials."""
    cases: list[tuple[str, list[Any], bool]] = []
    expected: list[list[tuple[float, ...]]] = []
    for op, witness in WITNESSES.items():
        array = RULES[op].arity is None or RULES[op].arity == 3
        points = witness.points[::3]
        cases.append((op, [[x if math.isfinite(x) else repr(x) for x in p] for p in points], array))
        expected.append([(node.data, *node.partials) for node in (record(op, p) for p in points)])
    code = _file("script/numbers.js") + arithmetic(row_names())
    tab = browser.new_page()
    found = tab.evaluate(
        f"""(cases) => {{ {code}
        const number = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x);
        const row = (op, x, array) => {{
          const partials = [];
          return array ? [ROWS[op](x, x.length, partials), ...partials] : ROWS[op](...x);
        }};
        return cases.map(([op, points, array]) => points.map((x) => row(op, x.map(number), array).map(String)));
        }}""",
        cases,
    )
    tab.close()
    wrong = []
    for (op, places, _), right, shown in zip(cases, expected, found, strict=True):
        for point, ours, theirs in zip(places, right, shown, strict=True):
            for x, text in zip(ours, theirs, strict=True):
                y = float(text.replace("Infinity", "inf"))
                apart = (
                    abs(x - y) / math.ulp(x)
                    if math.isfinite(x) and math.isfinite(y)
                    else 0.0
                    if x == y
                    else math.inf
                )
                if (x != x and y != y) or apart <= ULPS.get(op, 1):
                    continue
                if op in CANCELLING and abs(x - y) <= 1e-12 * max(abs(x), 1e-3):
                    continue
                wrong.append((op, point, x, y))
    assert wrong == []


def test_backward_is_the_replay_of_python(opened: Open) -> None:
    """The same terms in the same order: who sends what to whom, and what has come together."""
    output = lecture()
    tab = opened(output, "#at=0")
    called = ["w1", "x1", "v2", "w2", "x2", "v5", "v6", "b", "z", "a", "y", "L"]
    names = dict(zip(Graph(output), called, strict=True))
    expected = [
        (names[term.consumer], names[term.operand], term.term, term.after)
        for step in output.steps()
        for term in step.terms
        if term.consumer is not None
    ]
    seen = []
    while tab.tab.locator("#next").is_enabled():
        tab.tab.locator("#next").click()
        told = re.search(
            r"Backward: (\S+) sends (\S+) to (\S+), whose gradient is now (\S+)\.", tab.text("#said")
        )
        if told:
            sender, term, to, after = told.groups()
            seen.append((sender, to, float(term.replace("−", "-")), float(after.replace("−", "-"))))
    assert [(a, b, float(f"{t:.5g}"), float(f"{s:.5g}")) for a, b, t, s in expected] == seen


def test_descent_over_rows_is_pythons(opened: Open) -> None:
    """Ten updates by the mean gradient: the parameters, and the loss, of a program in Python."""
    draw = random.Random(1)
    rows: dict[str, list[float]] = {"x1": [], "x2": [], "y": []}
    for k in range(40):
        rows["x1"].append(draw.gauss(2.0 * (k % 2), 1.0))
        rows["x2"].append(draw.gauss(-1.0 * (k % 2), 1.0))
        rows["y"].append(float(k % 2))
    one = example()
    tab = opened(one.loss, rows=rows, alpha=0.25)
    tab.tab.locator("#ten").click()
    program = mg.compile(one.loss, rows=[one.x1, one.x2, one.y], wrt=[one.w1, one.w2, one.b])
    at = {one.w1: 0.5, one.w2: -0.25, one.b: 0.1}
    for _ in range(10):
        _, grads = program(rows, at=at)
        at = {node: x - 0.25 * g for (node, x), g in zip(at.items(), grads, strict=True)}
    for node, x in at.items():
        shown = float(tab.tab.get_by_label(f"{node.label}, number", exact=True).input_value())
        assert shown == pytest.approx(x, rel=1e-12)
    loss, _ = program(rows, at=at)
    assert f"after 10 updates: {loss:.5g}" in tab.text("#loss")
    assert "right about" in tab.text("#about")
    # The line is where z = 0: both its ends lie on it.
    ends = re.findall(r"M([\d.]+),([\d.]+)L", tab.tab.locator("#line .border").get_attribute("d") or "")
    assert len(ends) > 10


# -- controls -----------------------------------------------------------------------------------------------


def test_steps_by_mouse(opened: Open) -> None:
    """The buttons and the scrub bar."""
    tab = opened(lecture())

    def count() -> str:
        return tab.text("#count")

    assert count() == "19 / 19"
    tab.tab.locator("#first").click()
    assert count() == "0 / 19"
    assert tab.tab.locator("#first").is_disabled()
    assert tab.text("#n8 .value") == "·"
    tab.tab.locator("#next").click()
    assert count() == "1 / 19"
    assert "now" in (tab.tab.locator("#n2").get_attribute("class") or "")
    tab.tab.locator("#back").click()
    tab.tab.locator("#last").click()
    assert count() == "19 / 19"
    box = tab.tab.locator("#scrub").bounding_box()
    tab.tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.wait("!document.getElementById('count').textContent.startsWith('19')")
    assert 8 <= int(count().split()[0]) <= 11


def test_steps_by_keyboard(opened: Open) -> None:
    """Arrows, Home, End, the space bar; keys in a field stay in the field."""
    tab = opened(lecture())
    press = tab.tab.keyboard.press
    for key, then in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 19)]:
        press(key)
        assert tab.text("#count") == f"{then} / 19"
    tab.tab.locator("#speed").select_option("16")
    tab.tab.locator("h1").click()
    tab.tab.evaluate("document.activeElement.blur()")
    press(" ")
    assert tab.text("#play") == "Pause"
    tab.wait("document.getElementById('count').textContent.startsWith('19')")
    assert tab.text("#play") == "Play"
    press("Home")
    press(" ")
    press(" ")
    assert tab.text("#play") == "Play"
    tab.tab.locator("#scrub").focus()
    before = int(tab.text("#count").split()[0])
    press("ArrowRight")
    tab.tab.wait_for_timeout(60)
    assert int(tab.text("#count").split()[0]) == before + 1
    tab.tab.get_by_label("w1, number").focus()
    press("u")
    press("Home")
    assert int(tab.text("#count").split()[0]) == before + 1


def test_inputs_by_mouse_and_keyboard(opened: Open) -> None:
    """A slider dragged, a slider under the arrows, a number typed: z = w1 x1 + w2 x2 + b follows."""
    tab = opened(lecture())
    slider = tab.tab.get_by_label("w1, slider")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    tab.tab.mouse.move(box["x"] + box["width"] * 0.625, y)
    tab.tab.mouse.down()
    tab.tab.mouse.move(box["x"] + box["width"] * 0.9, y, steps=4)
    tab.tab.mouse.up()
    moved = float(slider.input_value())
    assert moved > 1.2
    assert tab.numbers()[8][0] == pytest.approx(2 * moved + 0.35, rel=1e-14)
    slider.focus()
    tab.tab.keyboard.press("ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(moved - 0.01)
    field = tab.tab.get_by_label("w1, number")
    field.fill("1e3")
    assert tab.numbers()[8][0] == 2000.35
    assert float(slider.get_attribute("max")) == 1000.0
    field.fill("")
    assert field.get_attribute("aria-invalid") == "true"
    assert "w1 keeps its number" in tab.text("#notice")
    assert tab.numbers()[8][0] == 2000.35
    field.fill("0.5")
    assert not tab.tab.locator("#notice").is_visible()


def test_descent_by_mouse_and_keyboard(opened: Open) -> None:
    """One update, ten, another learning rate, another choice of what is learned, and back."""
    one = example()
    one.loss.backward()
    tab = opened(one.loss)

    def number(name: str) -> float:
        return float(tab.tab.get_by_label(f"{name}, number").input_value())

    tab.tab.locator("#update").click()
    assert number("w1") == 0.5 - 0.5 * one.w1.grad
    assert number("x1") == 2.0
    tab.tab.evaluate("document.activeElement.blur()")
    tab.tab.keyboard.press("u")
    assert "after 2 updates" in tab.text("#loss")
    assert tab.tab.locator("#curve .curve").count() == 1
    tab.tab.locator("#ten").click()
    assert "after 12 updates" in tab.text("#loss")
    tab.tab.keyboard.press("r")
    assert (number("w1"), number("b")) == (0.5, 0.1)
    tab.tab.get_by_label("Learning rate α").fill("2")
    tab.tab.get_by_label("learn w1", exact=True).uncheck()
    tab.tab.locator("#update").click()
    assert number("w1") == 0.5
    assert number("b") == 0.1 - 2 * one.b.grad
    tab.tab.get_by_label("Learning rate α").fill("-1")
    assert "above 0" in tab.text("#notice")
    tab.tab.locator("#reset").click()
    for name in ("w2", "b"):
        box = tab.tab.get_by_label(f"learn {name}", exact=True)
        box.focus()
        tab.tab.keyboard.press(" ")
    assert tab.tab.locator("#update").is_disabled()
    assert "No input is marked" in tab.text("#updates")


def test_a_node_is_chosen_in_the_graph_or_by_name(opened: Open) -> None:
    """By a click, by arrows and Enter, in the list; its ledger is shown."""
    tab = opened(shared())
    tab.tab.locator("#n0").click()
    assert "4 of 4 terms" in tab.text("#ledger")
    assert tab.tab.locator("#ledger tbody tr").count() == 4
    tab.tab.locator("#n0").focus()
    tab.tab.keyboard.press("ArrowRight")
    tab.tab.keyboard.press("Enter")
    assert tab.tab.locator("#chosen").input_value() == "1"
    assert "chosen" in (tab.tab.locator("#n1").get_attribute("class") or "")
    tab.tab.locator("#chosen").select_option("")
    assert tab.tab.locator(".chosen").count() == 0


def test_the_rule_is_beside_the_graph(opened: Open) -> None:
    """MathML, with names and with numbers; at the end of a sum the closed form: ∂L/∂z = a − y."""
    tab = opened(lecture(), "#at=10")
    said = " ".join(
        tab.tab.locator("#rule math").evaluate_all("(all) => all.map((m) => m.getAttribute('aria-label'))")
    )
    assert tab.text("#rule h3") == "Backward: L sends to z"
    assert "∂L/∂L · ∂L/∂a · ∂a/∂z" in said.replace("·∂", "· ∂").replace("  ", " ")
    assert "= a − y = 0.79413 − 1" in said
    assert "past a" in tab.text("#rule")
    assert "terms collected, factors cancelled" in tab.text("#ledger")
    tab.tab.keyboard.press("Home")
    for _ in range(5):
        tab.tab.keyboard.press("ArrowRight")
    said = " ".join(
        tab.tab.locator("#rule math").evaluate_all("(all) => all.map((m) => m.getAttribute('aria-label'))")
    )
    assert "a = σ(z) = 1 / (1 + e^(−z))" in said


def test_without_mathml_text_stands_in(browser: Any, tmp_path: Path) -> None:
    """In a browser that has none."""
    page(lecture(), tmp_path / "a.html")
    tab = Opened(browser, tmp_path / "a.html", "#at=10", script="delete window.MathMLElement")
    assert tab.tab.locator("math").count() == 0
    assert "= a − y = 0.79413 − 1" in tab.text("#rule")
    tab.close()


def test_without_a_script_the_numbers_are_there(browser: Any, tmp_path: Path) -> None:
    """And a sentence says what is missing."""
    page(lecture(), tmp_path / "a.html")
    tab = Opened(browser, tmp_path / "a.html", java_script_enabled=False)
    assert "Without JavaScript" in tab.text("noscript")
    assert tab.text("#n8 .value") == "1.35"
    assert tab.text("#n8 .grad") == "−0.20587"
    tab.close()


def test_a_link_brings_the_state_back(opened: Open) -> None:
    """Step, numbers, node, learning rate, what is learned; a link that is nonsense opens the page as it was written."""
    tab = opened(lecture())
    tab.move(w1=-1.25)
    tab.tab.get_by_label("Learning rate α").fill("0.125")
    tab.tab.get_by_label("learn b", exact=True).uncheck()
    tab.tab.locator("#n8").click()
    tab.tab.locator("#first").click()
    tab.tab.locator("#next").click()
    link = tab.tab.locator("#link").get_attribute("href")
    other = opened(lecture(), link)
    assert other.text("#count") == "1 / 19"
    assert other.tab.get_by_label("w1, number").input_value() == "-1.25"
    assert other.tab.locator("#alpha").input_value() == "0.125"
    assert not other.tab.get_by_label("learn b", exact=True).is_checked()
    assert other.tab.locator("#chosen").input_value() == "8"
    tab.tab.locator("#link").click()
    tab.wait("location.hash.length > 1")
    assert tab.text("#count") == "1 / 19"
    for nonsense in (
        "#at=1e9&v0=x&alpha=-1&node=99&learn=a.b&row=7",
        "#%%%",
        "#at=<script>",
        "#v0=Infinity&at=-1",
    ):
        tab.tab.evaluate("(text) => { location.hash = text; }", nonsense)
        tab.wait("document.getElementById('count').textContent === '19 / 19'")
        assert tab.tab.get_by_label("w1, number").input_value() == "0.5"
        tab.tab.locator("#first").click()


def test_a_link_brings_the_curve_back(opened: Open) -> None:
    """The same picture and sentence, and the next update goes on from there; a long curve comes back thinned."""
    rows = {"x1": [7.0, 8.0, -1.0], "x2": [0.5, 0.25, 1.0], "y": [0, 1, 1]}
    tab = opened(example().loss, rows=rows, alpha=0.25)
    curve, told = tab.tab.locator("#curve"), "after 21 updates"
    tab.tab.locator("#ten").click()
    tab.tab.locator("#alpha").fill("0.125")
    tab.tab.locator("#ten").click()
    tab.tab.locator("#update").click()
    tab.tab.locator("#back").click()
    assert told in tab.text("#loss")
    other = opened(example().loss, tab.tab.locator("#link").get_attribute("href"), rows=rows, alpha=0.25)
    assert other.text("#loss") == tab.text("#loss")
    assert other.tab.locator("#curve").inner_html() == curve.inner_html()
    for each in (tab, other):
        each.tab.locator("#update").click()
    assert other.text("#loss") == tab.text("#loss")
    assert other.tab.locator("#curve").inner_html() == curve.inner_html()
    tab.tab.evaluate("for (let k = 0; k < 23; k += 1) document.getElementById('ten').click()")
    link = tab.tab.locator("#link").get_attribute("href")
    assert len(link) < 3000
    other.tab.evaluate("(text) => { location.hash = text; }", link)
    other.wait("document.getElementById('loss').textContent.includes('after 252 updates')")
    assert other.text("#loss") == tab.text("#loss")
    # A curve that is none begins anew; a loss that is given for the last is not believed.
    opening = """(texts) => texts.map((text) => {
      location.hash = `curve=${text}`;
      dispatchEvent(new Event("hashchange"));
      return document.getElementById("loss").textContent;
    })"""
    nonsense = ["0_1_x_2", "0_1_0_2", "1_1_2_2", "0_1_2", "_", "_".join(f"{k}_1" for k in range(102))]
    assert all(" after 0 updates:" in text for text in other.tab.evaluate(opening, nonsense))
    (text,) = other.tab.evaluate(opening, ["0_3_1_7"])
    assert " after 1 update:" in text
    assert text.endswith("it was 3 at first.")
    assert ": 7" not in text


def test_rows_come_into_the_graph(opened: Open) -> None:
    """A row by its number; a number that is none is refused with a sentence."""
    one = example()
    tab = opened(one.loss, rows={"x1": [7.0, 8.0], "x2": [0.5, 0.25], "y": [0, 1]})
    tab.tab.get_by_label("Row", exact=True).fill("2")
    assert tab.tab.get_by_label("x1, number").input_value() == "8"
    tab.tab.get_by_label("Row", exact=True).fill("3")
    assert "from 1 to 2" in tab.text("#notice")


# -- looks --------------------------------------------------------------------------------------------------


def test_a_phone_shows_who_sends_and_who_gets(opened: Open) -> None:
    """Opened by a link in the middle of backward; and the table of terms needs no scrolling."""
    tab = opened(lecture(), "#at=14", options={"viewport": {"width": 390, "height": 844}})
    inside = """(id) => { const [a, b] = [document.getElementById(id), document.getElementById("stage")]
      .map((e) => e.getBoundingClientRect()); return a.left >= b.left && a.right <= b.right; }"""
    assert tab.text("#rule h3") == "Backward: v6 sends to v2"
    assert [tab.tab.evaluate(inside, x) for x in ("n6", "n2")] == [True, True]
    assert tab.tab.evaluate(
        "[...document.querySelectorAll('#ledger .wide')].map((e) => e.scrollWidth <= e.clientWidth)"
    ) == [True]


SIZES = {"phone": (390, 844), "laptop": (1366, 768), "projector": (1920, 1080)}


#: Left edge and width of each part, as looked at; heights are the fonts'.
LAYOUT: dict[str, dict[str, tuple[int, int]]] = {
    "phone": {
        "view": (11, 368),
        "step": (11, 368),
        "node": (11, 368),
        "inputs": (11, 368),
        "descent": (11, 368),
    },
    "laptop": {
        "view": (27, 869),
        "step": (912, 427),
        "node": (27, 648),
        "inputs": (691, 648),
        "descent": (27, 1311),
    },
    "projector": {
        "view": (38, 1223),
        "step": (1279, 603),
        "node": (38, 913),
        "inputs": (969, 913),
        "descent": (38, 1843),
    },
}


#: How high each = stands in each formula; in one line of it they stand equally high.
EQUAL_SIGNS = """[...document.querySelectorAll(".formula")].map((formula) => [...formula.querySelectorAll("mo")]
  .filter((e) => e.textContent.trim() === "=").map((e) => e.getBoundingClientRect().top))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_layout_and_accessibility(size: str, scheme: str, opened: Open) -> None:
    """Nothing sticks out, parts do not overlap, the rule is beside the graph where there is room; axe finds nothing."""
    across, down = SIZES[size]
    one = example()
    rows = {"x1": [2.0, -1.0, 1.5], "x2": [-1.0, 1.0, 0.5], "y": [1, 0, 1]}
    options = {"viewport": {"width": across, "height": down}, "color_scheme": scheme}
    tab = opened(one.loss, "#at=10", rows=rows, options=options)
    assert tab.tab.evaluate("document.documentElement.scrollWidth") <= across
    boxes = {
        name: tab.tab.locator(f"section.{name}").bounding_box()
        for name in ("view", "step", "node", "inputs", "descent")
    }
    for name, box in boxes.items():
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= across, name
        for other, that in boxes.items():
            apart = (
                name == other
                or box["x"] + box["width"] <= that["x"] + 1
                or that["x"] + that["width"] <= box["x"] + 1
                or box["y"] + box["height"] <= that["y"] + 1
                or that["y"] + that["height"] <= box["y"] + 1
            )
            assert apart, (name, other)
    beside = boxes["step"]["x"] > boxes["view"]["x"] + 100
    assert beside == (size != "phone")
    for name, (left, width) in LAYOUT[size].items():
        assert boxes[name]["x"] == pytest.approx(left, abs=8), name
        assert boxes[name]["width"] == pytest.approx(width, abs=16), name
    heights = tab.tab.evaluate(EQUAL_SIGNS)
    assert len(heights) > 5
    assert all(abs(y - z) < 1 or abs(y - z) > 12 for line in heights for y in line for z in line), heights
    background = tab.tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) > 600) == (scheme == "light")
    if (size, scheme) in (
        ("phone", "light"),
        ("laptop", "dark"),
    ):  # the rules look at widths and colours: see above
        check_accessibility(tab)


def check_accessibility(tab: Opened) -> None:
    """No rule of axe-core is broken."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab.tab)
    assert found.violations_count == 0, json.dumps(found.response["violations"], indent=1)[:3000]


def test_the_scheme_can_be_chosen(opened: Open) -> None:
    """By the button, whatever the system says."""
    tab = opened(lecture())
    tab.tab.locator("#scheme").click()
    assert tab.tab.locator("#scheme").get_attribute("aria-pressed") == "true"
    assert tab.tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 23, 28)"


def test_reduced_motion_is_respected(opened: Open) -> None:
    """Nothing is animated for those who asked for that."""
    for motion, moving in (("reduce", 0), ("no-preference", 1)):
        tab = opened(lecture(), "#at=14", options={"reduced_motion": motion})
        running = tab.tab.evaluate(
            "document.getAnimations().filter((a) => a.animationName === 'flow').length"
        )
        assert min(running, 1) == moving


def test_a_step_is_said_to_those_who_listen(opened: Open) -> None:
    """In one polite sentence; the scrub bar and the sliders say where they are."""
    tab = opened(lecture(), "#at=0")
    tab.tab.locator("#next").click()
    assert tab.tab.locator("#said").get_attribute("aria-live") == "polite"
    assert tab.tab.locator("#said").text_content() == "Step 1 of 19. Forward: v2 = w1 · x1 = 1."
    assert tab.tab.locator("#scrub").get_attribute("aria-valuetext") == "Step 1 of 19"


# -- safety and size ----------------------------------------------------------------------------------------

HOSTILE = [
    "</script><script>alert(1)</script>", "<!--", "]]>", "javascript:alert(1)", '"onload="alert(1)', "'", "&lt;",
    "<img src=x onerror=alert(1)>", "\u2028\u2029", "${alert(1)}", "`", "\\", "x" * 10_000, "__proto__", "\ud800", "",
    "</svg><iframe src='data:text/html,<script>alert(1)</script>'>", "constructor", "<style>*{display:none}</style>",
]  # fmt: skip


def test_hostile_labels_are_text(opened: Open) -> None:
    """As labels of inputs, of inner nodes, as the title and as columns: shown as they are, and nothing runs."""
    total = Value(0.0)
    inputs = []
    for k, label in enumerate(HOSTILE):
        inputs.append(leaf(0.5 + k, label))
        total = (total + inputs[-1] * 2).named(label)
    rows = {label: [1.0, 2.0] for label in HOSTILE[:3]}
    tab = opened(total, title=HOSTILE[0], rows=rows)
    assert tab.text("h1") == HOSTILE[0]
    assert tab.tab.title() == HOSTILE[0]
    assert tab.tab.locator("script").count() == 2
    assert tab.tab.locator("iframe, img, object, embed").count() == 0
    for key in ("Home", "ArrowRight", "End", "u"):
        tab.tab.keyboard.press(key)
    for i in range(5):
        tab.tab.locator("#chosen").select_option(str(i))
    assert tab.tab.locator("script").count() == 2
    names = tab.tab.locator("#inputs th").all_inner_texts()
    assert any(name.startswith("</script><script>alert(1)</script>") for name in names)
    assert max(map(len, names)) < 100
    tab.tab.set_viewport_size({"width": 390, "height": 844})
    tab.tab.locator("#chosen").select_option(label=next(name for name in names if name.startswith("xxx")))
    assert tab.tab.evaluate("document.documentElement.scrollWidth") == 390
    texts = "[...document.querySelectorAll('h1, h3, p:not(.formula, .unseen)')]"
    outside = f"{texts}.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
    assert tab.tab.evaluate(outside) == []


def test_the_policy_lets_nothing_in(browser: Any, tmp_path: Path) -> None:
    """Script that is put into the page, a style, a request, eval: all refused by the file's own policy."""
    page(lecture(), tmp_path / "a.html")
    tab = Opened(browser, tmp_path / "a.html")
    tab.tab.evaluate(
        """() => {
        const script = document.createElement("script");
        script.textContent = "window.bad = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "https://example.org/a.png";
        document.body.append(image);
        const timer = document.createElement("div");
        timer.setAttribute("onclick", "window.bad = 1");
        document.body.append(timer);
        timer.click();
        fetch("https://example.org/").catch(() => {});
        }"""
    )
    tab.tab.wait_for_timeout(50)
    assert tab.tab.evaluate("window.bad") is None
    assert sum("Content Security Policy" in line for line in tab.complaints) >= 3
    tab.close()


def test_numbers_that_are_none(opened: Open) -> None:
    """nan and inf are shown as such, marked, and can be typed over."""
    x = leaf(math.nan, "x")
    tab = opened((mg.log(x) + leaf(math.inf, "k")).named("L"))
    assert tab.tab.locator("#n0 .strange").count() >= 1
    assert "left the reals: give the inputs other numbers" in tab.text("#loss")
    tab.tab.get_by_label("x, number").fill("1")
    tab.tab.get_by_label("k, number").fill("2")
    assert tab.numbers()[3][0] == 2.0
    assert "left the reals" not in tab.text("#loss")
    tab.tab.get_by_label("Learning rate α").fill("9")
    tab.tab.get_by_label("learn x", exact=True).check()
    tab.tab.locator("#ten").click()
    assert "left the reals: take a smaller α, or start over" in tab.text("#loss")


def test_nodes_without_a_name_or_with_the_same(opened: Open) -> None:
    """They are told apart."""
    a, b, c = Value(1.0), leaf(2.0, "w"), leaf(3.0, "w")
    tab = opened(a * b * c)
    assert tab.tab.locator("#inputs th").all_inner_texts() == ["v0", "w #1", "w #2"]


def test_a_single_leaf_is_a_page(opened: Open) -> None:
    """The smallest graph there is."""
    tab = opened(leaf(2.0, "x"))
    assert tab.text("#count") == "1 / 1"


#: Presses a button and returns how many elements of the page changed.
CHANGED = """(id) => {
  const watch = new MutationObserver(() => {});
  watch.observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true });
  document.getElementById(id).click();
  return new Set(watch.takeRecords().map((record) => record.target)).size;
}"""


def test_two_thousand_nodes(opened: Open) -> None:
    """Folded; a step changes few elements, as many as it does in a small graph (times: tests/bench)."""
    x = leaf(0.5, "x")
    value, total = x, Value(0.0)
    for k in range(499):
        value = mg.sin(value * 1.01)
        total = total + value * (k % 3)
    output = total.named("L")
    assert len(Graph(output)) > 2000
    tab = opened(output)
    assert "The 246 nodes nearest to the result are drawn; all 2,996 are computed." in tab.text("header p")
    assert tab.tab.locator("g.node").count() == 246
    small = opened(lecture())
    most = max(small.tab.evaluate(CHANGED, "back") for _ in range(15))
    assert 0 < max(tab.tab.evaluate(CHANGED, "back") for _ in range(40)) <= most + 5


def test_two_hundred_nodes_are_less_than_a_megabyte(tmp_path: Path) -> None:
    """With every operation there is."""
    total = Value(0.0)
    for op, rule in RULES.items():
        if rule.arity is not None:
            total = total + record(op, [leaf(0.3 + 0.1 * k, f"{op}{k}") for k in range(rule.arity)])
    while len(Graph(total)) < 200:
        total = mg.tanh(total * 0.5)
    assert len(page(total).html.encode()) < 1_000_000


# -- notebooks ----------------------------------------------------------------------------------------------


#: The policy of VS Code's webview for notebooks, by its source (backLayerWebView.ts), which puts outputs in as markup.
VS_CODE = (
    "default-src 'none'; script-src https://*.vscode-cdn.net 'unsafe-inline' 'unsafe-eval'; style-src "
    "https://*.vscode-cdn.net 'unsafe-inline'; img-src https: http: data:; font-src https:; connect-src https:; "
    "child-src https: data:"
)


@pytest.mark.parametrize("policy", ["", VS_CODE])
def test_a_notebook_shows_the_page_inline(policy: str, browser: Any, tmp_path: Path) -> None:
    """As an iframe that holds the whole page and may run scripts but nothing else; the host page is not touched."""
    made = json.dumps(page(lecture())._repr_html_()).replace("</", "<\\/")
    (tmp_path / "notebook.html").write_text(
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>n</title><main></main><script>document.querySelector('main').innerHTML = {made}</script>",
        encoding="utf-8",
    )
    tab = Opened(browser, tmp_path / "notebook.html")
    frame = tab.tab.frame_locator("iframe")
    frame.locator("#count", has_text="19 / 19").wait_for()
    frame.locator("#first").click()
    frame.locator("#next").click()
    assert frame.locator("#count").inner_text() == "1 / 19"
    assert not frame.locator("#link").is_visible()
    assert tab.quiet(), tab.complaints
    tab.close()


def test_the_script_is_all_there() -> None:
    """Every file of the folder is part of the page."""
    folder = Path(mg.__file__).parent / "page" / "script"
    assert {path.stem for path in folder.glob("*.js")} == set(SCRIPTS)
