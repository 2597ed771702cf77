"""Labels as zeros and ones: nothing becomes a 0 because it is not the positive label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from minigrad.functions import ShapeError
from minigrad.tables import DataError, labels01

#: Ways to hold a column of words.
WORDS: dict[str, Callable[[list[str | None]], Any]] = {
    "list": list,
    "array of objects": lambda words: np.array(words, dtype=object),
    "array of texts": lambda words: np.array([word or "" for word in words]),
    "pandas": pd.Series,
    "pandas, objects": lambda words: pd.Series(words, dtype=object),
    "pandas, Arrow": lambda words: pd.Series(words, dtype="string[pyarrow]"),
    "pandas, categories": lambda words: pd.Series(pd.Categorical(words)),
    "polars": pl.Series,
    "polars, categories": lambda words: pl.Series(words, dtype=pl.Categorical),
    "Arrow": pa.array,
    "Arrow, in pieces": lambda words: pa.chunked_array([words[:1], words[1:]]),
    "Arrow, dictionary": lambda words: pa.array(words).dictionary_encode(),
}


@pytest.mark.parametrize("kind", WORDS)
def test_words_are_mapped_by_the_positive_one(kind: str) -> None:
    column = WORDS[kind](["no", "yes", "no"])
    assert labels01(column, positive="yes").tolist() == [False, True, False]
    assert labels01(column, positive="no").tolist() == [True, False, True]


@pytest.mark.parametrize("kind", WORDS)
def test_words_alone_say_which_were_found_and_what_to_give(kind: str) -> None:
    says = (
        "row 0, column 'answer' holds 'no': a label is 0 or 1; two values were found, 'no' and 'yes': "
        "give positive='yes' if that one counts as 1"
    )
    with pytest.raises(DataError) as caught:
        labels01(WORDS[kind](["no", "yes", "no"]), name="answer")
    assert str(caught.value) == says


@pytest.mark.parametrize("kind", sorted(set(WORDS) - {"array of texts"}))
def test_a_missing_word_is_refused(kind: str) -> None:
    """It is not the label that is not positive."""
    with pytest.raises(DataError, match="row 1, column 'y' is missing: fill it in"):
        labels01(WORDS[kind](["no", None, "yes"]), positive="yes")


@pytest.mark.parametrize(
    "column",
    [
        np.array([0, 1, 1], dtype=np.int8),
        np.array([0.0, 1.0, 1.0]),
        np.array([False, True, True]),
    ],
)
def test_zeros_and_ones_are_the_column_itself(column: np.ndarray[Any, Any]) -> None:
    assert np.shares_memory(labels01(column), column)


def test_two_numbers_are_mapped_by_the_positive_one() -> None:
    """A command line gives its text."""
    for column in ([-1, 1, 1], pa.array([-1.0, 1.0, 1.0]), pd.Series([-1, 1, 1])):
        for positive in (1, 1.0, "1"):
            assert labels01(column, positive=positive).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("column", "options", "error", "says"),
    [
        ([0, 1, 2], {}, DataError, "row 2, column 'y' holds 2: a label is 0 or 1, and here are 0, 1, 2"),
        ([1, 2, 1], {}, DataError, "row 1, column 'y' holds 2: .* two values were found, 1 and 2: give positive=2"),
        ([0, 0.5], {}, DataError, "row 1, column 'y' holds 0.5: a label is 0 or 1"),
        ([0, 1, np.nan], {}, DataError, "row 2, column 'y' holds nan: a label is 0 or 1"),
        (list(range(9)), {}, DataError, "here are 0, 1, 2, 3, 4 and others"),
        (["a", "b", "c"], {}, DataError, "holds 'a': a label is 0 or 1, and here are 'a', 'b', 'c'"),
        (["a", "b", "c"], {"positive": "a"}, DataError, "more than two values, 'a', 'b', 'c': .* tells 'a' from all"),
        (["Yes", "No"], {"positive": "yes"}, DataError, "column 'y' never holds 'yes', but 'No', 'Yes'"),
        ([0, 1], {"positive": "yes"}, DataError, "column 'y' never holds 'yes', but 0, 1"),
        ([1, 1], {}, DataError, "column 'y' holds the label 1 in all 2 rows: a model needs both"),
        (["a", "a"], {"positive": "a"}, DataError, "holds the label 1 in all 2 rows"),
        ([], {}, ShapeError, "column 'y' holds no labels"),
        (["a", 1], {"positive": "a"}, DataError, "row 1, column 'y' holds 1 among texts"),
        ([[0], [1]], {}, DataError, "row 0, column 'y' holds list"),
        (pd.to_datetime(pd.Series(["2020"])), {}, DataError, "holds dates"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused(
    column: Any, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        labels01(column, **options)


def test_a_part_of_the_rows_may_hold_one_label() -> None:
    """Where the caller says so."""
    assert labels01([1, 1], both=False).tolist() == [1, 1]
    assert labels01(["a", "a"], positive="b", both=False).tolist() == [False, False]
