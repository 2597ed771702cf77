"""assert_gradient: passes when all is right, and its failure reads as the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from propagates import right, varied

from minigrad import Value, bce, sigmoid
from minigrad.checking.assertion import assert_gradient
from minigrad.checking.report import GradientError

DATA = (np.array([[1.0], [2.0]]), 2.0, np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]]), np.array([[1, 0, 1]]))


def _loss() -> Value:
    w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    z = (w * x).named("z")
    return bce(sigmoid(z).named("a"), y).named("L")


def test_what_is_right_passes_and_gives_the_report() -> None:
    assert assert_gradient(_loss(), {"z": "a - y", "w": "x*(a - y)"}).ok
    assert assert_gradient(right, DATA).ok
    assert assert_gradient(right, DATA, model="logistic", seed=3).ok


def test_what_is_wrong_fails_with_the_report() -> None:
    with pytest.raises(AssertionError, match="the sign of dL/dz is flipped"):
        assert_gradient(_loss(), {"z": "y - a"})
    with pytest.raises(GradientError, match="the factor 1/m is missing") as failure:
        assert_gradient(varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T)), DATA)
    assert failure.value.report["dw"].verdict == "wrong"


def test_what_cannot_be_told_does_not_pass() -> None:
    with pytest.raises(AssertionError, match="returns None"):
        assert_gradient(lambda w, b, X, Y: None, DATA)


def test_what_is_no_subject_is_refused() -> None:
    with pytest.raises(TypeError, match="a Value or a function, not float"):
        assert_gradient(1.0, {})  # type: ignore[arg-type]


def test_pytest_shows_the_report_and_no_inner_lines(tmp_path: Path) -> None:
    """The traceback ends at the user's line."""
    import subprocess
    import sys

    (tmp_path / "test_it.py").write_text(
        "from minigrad import Value\nfrom minigrad.checking.assertion import assert_gradient\n\n"
        "def test_it():\n    x = Value(3.0, label='x')\n    assert_gradient((x * x).named('L'), {'x': '3*x'})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    assert done.returncode == 1
    assert "assertion.py" not in done.stdout
    assert "L: 1 wrong" in done.stdout
