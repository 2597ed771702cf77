"""The report of a check: what it says of findings that are made up here."""

from __future__ import annotations

import json
import math

import pytest

from minigrad import GraphTooLargeError, Value, sigmoid
from minigrad.checking.recorded import check
from minigrad.checking.report import GradientError, Report
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Finding, Reading, Slip

X = Value(2.0, label="x")
Z = (X * 3.0).named("z")
A = sigmoid(Z).named("a")

AT = Comparison("at your numbers", 1.5, -0.5, 1e-16, WRONG, readings=(Reading("50 digits", -0.5, 0.0),))
DA = Finding("dL/da", RIGHT, given="1", node=A)
DZ = Finding(
    "dL/dz", WRONG, "", "a + y", Z, (AT,),
    slip=Slip("sign flipped", "the sign is flipped", explains=24, also=("one", "two", "three")),
)  # fmt: skip
DX = Finding("dL/dx", WRONG, node=X, own_upstream=RIGHT, consequence_of=("dL/dz",))
OPEN = Finding("dL/db", UNDECIDED, "a kink lies at z = 0")


def report(*findings: Finding, notes: tuple[str, ...] = (), graph: Value | None = A) -> Report:
    return Report("L", findings, notes, graph)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [((), UNDECIDED), ((DA,), RIGHT), ((DA, OPEN), UNDECIDED), ((DA, OPEN, DX), WRONG), ((DZ,), WRONG)],
)
def test_the_verdict_is_the_worst(findings: tuple[Finding, ...], verdict: str) -> None:
    made = report(*findings)
    assert made.verdict == verdict
    assert made.ok is bool(made) is (verdict == RIGHT)


def test_the_text_names_the_first_wrong_link_and_its_consequences() -> None:
    text = str(report(DA, DZ, DX, OPEN, notes=("dL/dw was not given",)))
    assert text.splitlines()[0] == "L: 1 right, 2 wrong, 1 cannot tell"
    assert "dL/dz is wrong; dL/dx is a right consequence of it." in text
    assert "at your numbers: given 1.5, right -0.5, ratio -3" in text
    assert "slip: the sign is flipped; explains 24 numbers; the same numbers as: one, two" in text
    assert "three" not in text
    assert "a kink lies at z = 0" in text
    assert text.endswith("note: dL/dw was not given")
    assert "no known slip fits" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_no_known_slip_is_said() -> None:
    assert "no known slip fits" in str(report(Finding("dL/dz", WRONG, comparisons=(AT,))))


def test_nothing_checked_is_not_right() -> None:
    assert "nothing was checked" in str(report())
    assert not report().ok


def test_raise_if_wrong() -> None:
    right = report(DA, OPEN)
    assert right.raise_if_wrong() is right
    with pytest.raises(GradientError, match="1 wrong") as caught:
        report(DZ).raise_if_wrong()
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report.findings == (DZ,)


def test_json_holds_every_number_also_those_that_json_lacks() -> None:
    strange = Comparison("edge", math.inf, math.nan, -math.inf, UNDECIDED)
    data = json.loads(report(DA, DZ, Finding("dL/dq", UNDECIDED, comparisons=(strange,))).to_json())
    assert data["verdict"] == "wrong"
    assert data["findings"][1]["slip"]["also"] == ["one", "two", "three"]
    assert data["findings"][1]["comparisons"][0]["readings"][0]["referee"] == "50 digits"
    assert data["findings"][1]["node"] == "z"
    assert [data["findings"][2]["comparisons"][0][key] for key in ("given", "right", "error")] == [
        "inf", "nan", "-inf",
    ]  # fmt: skip


def test_findings_are_found_by_name_and_by_node() -> None:
    made = report(DA, DZ)
    assert made["dL/dz"] is made[Z] is DZ
    assert list(made) == [DA, DZ]
    assert len(made) == 2
    with pytest.raises(KeyError, match="there are dL/da, dL/dz"):
        made["dL/dq"]


def test_the_picture_marks_what_is_wrong_what_follows_and_what_is_right() -> None:
    svg = report(DA, DZ, DX).draw().svg
    for words in ("✓ right", "✗ sign flipped", "↳ follows"):
        assert words in svg
    with pytest.raises(ValueError, match="no graph"):
        report(DA, graph=None).draw()


def test_text_of_the_user_stays_text() -> None:
    text = str(report(Finding("d\x1b[31m", WRONG, given="\x1b[2J", comparisons=(AT,))))
    assert "\x1b" not in text


def test_the_names_of_checking_are_names_of_minigrad() -> None:
    import minigrad

    assert callable(minigrad.check)
    assert minigrad.Report is Report


def test_the_picture_of_a_large_graph_is_folded_around_what_is_marked() -> None:
    """Some hundreds of nodes: the wrong one keeps a card of its own; a part that is asked for is not folded."""
    w = [Value(0.01 * (k + 1), label=f"w{k}") for k in range(90)]
    x = [Value(0.02 * (k + 1), label=f"x{k}") for k in range(90)]
    z = sum((wk * xk for wk, xk in zip(w, x, strict=True)), Value(0.1, label="b")).named("z")
    L = (z * z).named("L")
    report = check(L, {"dw7": "-2*z*x7", "dw8": "2*z*x8"})
    picture = report.draw().text()
    assert "w7" in picture
    assert "✗ sign flipped" in picture
    assert "✓ right" in picture
    assert len(picture.splitlines()) < 60
    with pytest.raises(GraphTooLargeError):
        report.draw(fold=False)
