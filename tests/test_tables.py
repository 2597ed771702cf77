"""The shipped table is the published one; what is no row or no label is refused; scaling and splitting lose nothing."""

from __future__ import annotations

import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.functions import ShapeError
from minigrad.tables import (
    DataError,
    breast_cancer,
    check_finite,
    checked_labels,
    checked_rows,
    split,
    standardised,
)

# -- the breast-cancer table ------------------------------------------------------------------------------

#: Column: (least, greatest), from the table in the documentation of scikit-learn's copy (three digits).
PUBLISHED = {
    "mean_radius": (6.981, 28.11),
    "mean_texture": (9.71, 39.28),
    "mean_perimeter": (43.79, 188.5),
    "mean_area": (143.5, 2501.0),
    "mean_smoothness": (0.053, 0.163),
    "mean_concave_points": (0.0, 0.201),
    "mean_fractal_dimension": (0.05, 0.097),
    "radius_error": (0.112, 2.873),
    "area_error": (6.802, 542.2),
    "concavity_error": (0.0, 0.396),
    "worst_radius": (7.93, 36.04),
    "worst_area": (185.2, 4254.0),
    "worst_compactness": (0.027, 1.058),
    "worst_fractal_dimension": (0.055, 0.208),
}


def test_the_table_is_the_published_one() -> None:
    """569 rows of 30 columns, 212 malignant; least and greatest numbers as the documentation lists them."""
    table = breast_cancer()
    assert table.rows.shape == (569, 30)
    assert table.rows.dtype == table.labels.dtype == np.dtype(np.float64)
    assert len(set(table.names)) == 30
    assert (table.labels.sum(), (1.0 - table.labels).sum()) == (212, 357)
    assert np.isfinite(table.rows).all()
    for name, (least, greatest) in PUBLISHED.items():
        column = table.rows[:, table.names.index(name)]
        assert (round(column.min(), 3), round(column.max(), 3)) == (least, greatest), name


def test_a_malignant_mass_has_the_label_1() -> None:
    """The first row of the source is malignant, the last benign; malignant ones are larger."""
    table = breast_cancer()
    assert table.rows[0, :4].tolist() == [17.99, 10.38, 122.8, 1001.0]
    assert table.rows[-1, :4].tolist() == [7.76, 24.54, 47.92, 181.0]
    assert (table.labels[0], table.labels[-1]) == (1.0, 0.0)
    area = table.rows[:, table.names.index("mean_area")]
    assert area[table.labels == 1].mean() > 2 * area[table.labels == 0].mean()


def test_names_can_stand_in_a_formula() -> None:
    assert all(name.isidentifier() for name in breast_cancer().names)


def test_source_and_licence_are_shipped() -> None:
    """Beside the table, as its licence asks."""
    text = (resources.files("minigrad") / "data" / "breast_cancer.txt").read_text(encoding="utf-8")
    for words in ("Wolberg", "Mangasarian", "Street", "10.24432/C5DW2B", "CC BY 4.0", "Changes"):
        assert words in text


# -- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([1.0, 2.0], ShapeError, r"two dimensions, \(m, n\): got the shape \(2,\)"),
        ([[[1.0]]], ShapeError, "two dimensions"),
        (3.0, ShapeError, "two dimensions"),
        ([], ShapeError, "two dimensions"),
        (np.empty((0, 3)), ShapeError, "0 rows and 3 columns"),
        (np.empty((3, 0)), ShapeError, "3 rows and 0 columns"),
        ([[1.0], [2.0, 3.0]], ShapeError, "differ in length"),
        ([[1.0, 2.0], [3.0, math.nan]], DataError, r"row 1, column 1 holds nan \(1 such in all\)"),
        ([[math.inf, math.nan]], DataError, r"row 0, column 0 holds inf \(2 such in all\)"),
        ([["a", "b"]], DataError, "not real numbers"),
        ([[1j]], DataError, "not real numbers"),
        ([[None]], DataError, "not real numbers"),
    ],
)
def test_rows_that_are_none_are_refused(rows: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        checked_rows(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        ([0, 1], ShapeError, r"3 rows, but the labels have the shape \(2,\)"),
        ([[0], [1], [1]], ShapeError, r"the shape \(3, 1\)"),
        ([0, 1, 2], DataError, "label of row 2 is 2.0"),
        ([0, math.nan, 1], DataError, "label of row 1 is nan"),
        ([0, 0.5, 1], DataError, "label of row 1 is 0.5"),
        (["0", "1", "1"], DataError, "not real numbers"),
    ],
)
def test_labels_that_are_none_are_refused(labels: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        checked_labels(labels, 3)  # type: ignore[arg-type]


def test_integers_bools_and_float32_are_read() -> None:
    assert checked_rows(np.array([[1, 2]], dtype=np.int8)).tolist() == [[1.0, 2.0]]
    assert checked_rows(np.array([[0.5]], dtype=np.float32)).dtype == np.float64
    assert checked_labels([True, False], 2).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_row_that_is_not_finite_is_named(bad: float) -> None:
    """First by row, then by column; wherever it is, across the blocks that are looked at."""
    x, y, n = np.zeros(200_000), np.zeros(200_000, dtype=np.float32), np.arange(200_000)
    check_finite([x, y, n], ["x", "y", "n"])
    x[150_001] = y[150_000] = y[199_999] = bad
    with pytest.raises(DataError, match=rf"row 150,000, column 'y' holds {bad} \(3 such in all\)") as caught:
        check_finite([x, y, n], ["x", "y", "n"])
    assert (caught.value.row, caught.value.column) == (150_000, "y")
    x[150_000] = bad
    with pytest.raises(DataError, match="row 150,000, column 'x'"):
        check_finite([x[::1], y, n], ["x", "y", "n"])
    strided = np.zeros((200_000, 2))
    strided[70_000, 1] = bad
    with pytest.raises(DataError, match="row 70,000, column 'v'"):
        check_finite(list(strided.T), ["u", "v"])


# -- one scale --------------------------------------------------------------------------------------------

COLUMN = st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=30)


@given(COLUMN, st.integers(-200, 200))
@settings(max_examples=200, deadline=None)
def test_mean_is_0_and_deviation_1(column: list[float], exponent: int) -> None:
    """Whatever the unit, within m roundings of the largest number; both lead back to the numbers."""
    numbers = np.ldexp(np.array(column), exponent)[:, None]
    rows, mean, scale = standardised(numbers)
    if numbers.min() == numbers.max():
        assert (rows == 0.0).all()
        assert (mean[0], scale[0]) == (numbers[0, 0], 1.0)
        return
    rounding = 2.0**-50 * len(column) * np.abs(numbers).max() / scale[0]
    assert abs(rows.mean()) <= rounding
    assert abs(rows.std() - 1.0) <= rounding * (1.0 + rounding)
    np.testing.assert_allclose(rows * scale + mean, numbers, rtol=0, atol=2.0**-51 * np.abs(numbers).max())


def test_a_constant_column_becomes_0() -> None:
    """0.1 added up ten times is not ten times 0.1: a deviation of 1e-17 must not be taken for one."""
    rows, mean, scale = standardised([[0.1, float(i)] for i in range(10)])
    assert (rows[:, 0] == 0.0).all()
    assert (mean[0], scale[0]) == (0.1, 1.0)


def test_one_row_is_all_constant() -> None:
    assert standardised([[3.0, 4.0]]).rows.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("size", [1e200, 1e308, 1e-200, 5e-324])
def test_a_column_that_cannot_be_squared_is_refused(size: float) -> None:
    """Not turned into nan, zeros or infinities."""
    with pytest.raises(DataError, match="column 1 are too large or too small"):
        standardised([[1.0, size], [2.0, -size], [4.0, size]])


# -- split ------------------------------------------------------------------------------------------------


@given(st.integers(2, 300), st.floats(0.001, 0.999), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_every_row_is_on_one_side(m: int, share: float, seed: int) -> None:
    training, held_out = split(m, held_out=share, seed=seed)
    assert sorted([*training, *held_out]) == list(range(m))
    assert min(len(training), len(held_out)) >= 1
    assert abs(len(held_out) - m * share) <= 1
    assert (training[:-1] < training[1:]).all()


def test_the_seed_decides() -> None:
    """The same split for the same seed, another for another."""
    first, again, other = (split(569, seed=seed).held_out.tolist() for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_split_that_is_none_is_refused() -> None:
    for share in (0.0, 1.0, -0.5, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            split(10, held_out=share)
    with pytest.raises(ShapeError, match="at least 2"):
        split(1)
