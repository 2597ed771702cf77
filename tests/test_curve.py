"""The loss curve as a short table and as a picture."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from minigrad.curve import curve_epochs, plot
from minigrad.extras import MissingPackageError


def test_the_table_of_the_curve_has_few_rows() -> None:
    for last in (0, 1, 2, 7, 10, 100, 199, 200, 10**6):
        epochs = curve_epochs(last)
        assert (epochs[0], epochs[-1]) == (0, last)
        assert (np.diff(epochs) > 0).all()
        assert len(epochs) <= 21


@pytest.mark.parametrize(
    "losses", [[0.7, 0.3, 0.2], [0.7], [0.7, 0.0], [0.0, 0.0], [0.7, 1e-9], [0.5] * 1000]
)
def test_the_curve_is_a_picture(losses: list[float], tmp_path: Path) -> None:
    """A PNG of 960 x 600 pixels, without the name or version of a program in it; the same bytes again."""
    path = plot(tmp_path / "loss.png", losses, "a test")
    data = path.read_bytes()
    assert data[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (960, 600)
    assert b"tEXt" not in data
    assert len(zlib.compress(data)) > 5000  # not blank
    assert plot(tmp_path / "again.png", losses, "a test").read_bytes() == data


def test_without_matplotlib_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r'pip install "minigrad\[plot\]"'):
        plot(tmp_path / "loss.png", [0.7], "a test")
