"""The model goes where other ways of fitting go, takes any table, and says what cannot be learned."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.optimize

from minigrad.descent import CheckpointError, DivergedError
from minigrad.draw import Drawing
from minigrad.functions import ShapeError
from minigrad.logistic import (
    LogisticRegression,
    NotFittedError,
    SeparationWarning,
    mean_gradient_on_paper,
)
from minigrad.tables import DataError, Floats, breast_cancer, open_rows, split


def data(m: int = 200, n: int = 3, seed: int = 0) -> tuple[Floats, Floats]:
    """Rows, and labels that a logistic model with noise would give them; columns in different units."""
    generator = np.random.default_rng(seed)
    rows: Floats = generator.normal(size=(m, n)) * 10.0 ** np.arange(n) + np.arange(n)
    z = (rows / 10.0 ** np.arange(n)).sum(axis=1) - 0.5
    return rows, (generator.random(m) < 1.0 / (1.0 + np.exp(-z))).astype(float)


def newton(rows: Floats, labels: Floats, l2: float = 0.0) -> Floats:
    """Weights and b at the minimum of the mean loss with penalty, by Newton's method in NumPy: the witness."""
    x = np.column_stack([rows, np.ones(len(rows))])
    penalty = l2 * np.append(np.ones(rows.shape[1]), 0.0)
    w = np.zeros(x.shape[1])
    for _ in range(30):
        a = 1.0 / (1.0 + np.exp(-x @ w))
        h = (x.T * (a * (1.0 - a))) @ x / len(x) + np.diag(penalty)
        w -= np.linalg.solve(h, x.T @ (a - labels) / len(x) + penalty * w)
    return w


def fitted(m: int = 200, n: int = 3, **options: Any) -> LogisticRegression:
    return LogisticRegression(n).fit(*data(m, n), **options)


# -- where it goes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "newton-cg"])
@pytest.mark.parametrize("standardise", [False, True])
def test_second_order_goes_where_newton_goes(solver: str, standardise: bool) -> None:
    """The maximum-likelihood fit does not depend on the way there, nor on the scale of the columns."""
    rows, labels = data()
    model = LogisticRegression(3).fit(rows, labels, solver=solver, standardise=standardise)
    np.testing.assert_allclose(
        model.parameters * [1, 10, 100, 1], newton(rows, labels) * [1, 10, 100, 1], atol=1e-4
    )
    assert model.training.solver == solver
    assert model.training.ended in ("converged", "no lower loss found")


@pytest.mark.parametrize(
    ("solver", "options"),
    [
        ("gd", {"epochs": 400}),
        ("momentum", {"epochs": 200}),
        ("adam", {"alpha": 0.01, "epochs": 800}),
        ("adam", {"alpha": 0.005, "epochs": 100, "batch_rows": 20}),
    ],
)
def test_first_order_goes_where_newton_goes(solver: str, options: dict[str, Any]) -> None:
    """With standardised columns; in mini-batches only nearly, for their steps do not end."""
    rows, labels = data()
    model = LogisticRegression(3).fit(rows, labels, solver=solver, standardise=True, **options)
    atol = 0.03 if "batch_rows" in options else 1e-3
    np.testing.assert_allclose(
        model.parameters * [1, 10, 100, 1], newton(rows, labels) * [1, 10, 100, 1], atol=atol
    )
    assert model.losses[0] == pytest.approx(math.log(2), rel=1e-15)
    assert len(model.losses) == options["epochs"] + 1


def test_newton_is_exact_to_many_digits() -> None:
    rows, labels = data()
    for standardise in (False, True):
        model = LogisticRegression(3).fit(rows, labels, tolerance=1e-15, standardise=standardise)
        np.testing.assert_allclose([*model.weights, model.b], newton(rows, labels), rtol=1e-9)
        assert model.training.ended == "converged"


def test_the_minimum_is_scipys() -> None:
    """Of the loss as one writes it in NumPy, with SciPy's BFGS."""
    rows, labels = data(n=2, seed=3)

    def loss(w: Floats) -> float:
        z = rows @ w[:-1] + w[-1]
        return float(np.mean(np.logaddexp(0.0, z) - labels * z))

    witness = scipy.optimize.minimize(loss, np.zeros(3), method="BFGS")
    model = LogisticRegression(2).fit(rows, labels)
    assert model.training.loss == pytest.approx(float(witness.fun), rel=1e-9)
    assert model.log_loss(rows, labels) == pytest.approx(loss(np.append(model.weights, model.b)), rel=1e-13)


def test_the_penalty_is_half_l2_times_the_squares_of_the_weights_the_solver_sees() -> None:
    """b is left out; standardised, it is on the standardised weights. `losses` has it, `training.loss` has not."""
    rows, labels = data()
    model = LogisticRegression(3).fit(rows, labels, l2=0.1)
    np.testing.assert_allclose([*model.weights, model.b], newton(rows, labels, 0.1), rtol=1e-5)
    penalty = 0.05 * float(model.weights @ model.weights)
    assert model.losses[-1] - model.training.loss == pytest.approx(penalty, rel=1e-9)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    model = LogisticRegression(3).fit(rows, labels, l2=0.1, standardise=True)
    witness = newton(scaled, labels, 0.1)
    weights = model.standardised_weights
    assert weights is not None
    np.testing.assert_allclose(weights, witness[:-1], rtol=1e-5)
    at_mean = model.b + float(model.weights @ rows.mean(axis=0))
    assert at_mean == pytest.approx(witness[-1], rel=1e-5)


def test_standardising_is_said_and_changes_no_prediction() -> None:
    """Weights and b stay those of the columns as they are."""
    rows, _ = data()
    plain, scaled = fitted(tolerance=1e-14), fitted(tolerance=1e-14, standardise=True)
    assert (plain.scaling, plain.standardised_weights) == (None, None)
    assert scaled.scaling is not None
    np.testing.assert_allclose(scaled.scaling.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaled.scaling.scale, rows.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(plain.predict_proba(rows), scaled.predict_proba(rows), rtol=1e-6)


def test_rows_may_have_weights() -> None:
    """A row of weight 3 counts as three rows; of weight 0, not at all."""
    rows, labels = data(60)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    weighted = LogisticRegression(3).fit(rows, labels, row_weights=counts)
    repeated = LogisticRegression(3).fit(np.repeat(rows, counts, axis=0), np.repeat(labels, counts))
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=1e-6)
    by_name = {"x1": rows[:, 0], "x2": rows[:, 1], "x3": rows[:, 2], "y": labels, "n": counts}
    assert LogisticRegression(3).fit(by_name, row_weights="n").weights.tolist() == weighted.weights.tolist()


def test_safe_alpha_is_the_default_of_gradient_descent() -> None:
    """1/L with L the largest eigenvalue of X'X/4m: the loss falls at every step."""
    rows, labels = data(n=2)
    model = LogisticRegression(2).fit(rows, labels, solver="gd", epochs=200)
    x = np.column_stack([rows, np.ones(len(rows))])
    largest = float(np.linalg.eigvalsh(x.T @ x / (4 * len(x)))[-1])
    assert model.training.alpha == pytest.approx(1.0 / largest, rel=0.02)
    assert model.training.alpha is not None
    assert model.training.alpha <= 1.0 / largest * (1 + 1e-12)
    assert all(np.diff(model.losses) <= 0.0)


# -- the same bits ----------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bits() -> None:
    """For any number of threads; another seed, other mini-batches."""
    options: dict[str, Any] = {"solver": "gd", "alpha": 1e-4, "epochs": 3, "batch_rows": 16}
    first, again, other = (fitted(seed=seed, **options) for seed in (5, 5, 6))
    assert first.parameters.tolist() == again.parameters.tolist()
    assert first.losses == again.losses
    assert first.parameters.tolist() != other.parameters.tolist()
    assert fitted(20_000, threads=2).parameters.tolist() == fitted(20_000).parameters.tolist()


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    """Stopped in the middle of an epoch of mini-batches."""
    rows, labels = data(n=2)
    options: dict[str, Any] = {"solver": "adam", "epochs": 6, "batch_rows": 32, "seed": 2}
    whole = LogisticRegression(2).fit(rows, labels, **options)

    class Stop(Exception):
        pass

    def stop(epoch: int, _: float) -> None:
        if epoch == 3:
            raise Stop

    path = tmp_path / "run.json"
    with pytest.raises(Stop):
        LogisticRegression(2).fit(rows, labels, **options, checkpoint=path, every=0, progress=stop)
    resumed = LogisticRegression(2).fit(rows, labels, **options, checkpoint=path)
    assert (resumed.parameters.tolist(), resumed.losses) == (whole.parameters.tolist(), whole.losses)
    assert resumed.training == whole.training


@pytest.mark.parametrize("change", ["rows", "l2", "standardise"])
def test_a_checkpoint_of_another_problem_is_refused(change: str, tmp_path: Path) -> None:
    """Although every run starts at the loss log 2, whatever the rows are."""
    rows, labels = data(n=2)
    options: dict[str, Any] = {
        "solver": "gd",
        "epochs": 2,
        "alpha": 1e-3,
        "checkpoint": tmp_path / "run.json",
    }
    LogisticRegression(2).fit(rows, labels, **options)
    others: dict[str, dict[str, Any]] = {"rows": {}, "l2": {"l2": 0.5}, "standardise": {"standardise": True}}
    with pytest.raises(CheckpointError, match=r"(another run|other rows)"):
        LogisticRegression(2).fit(rows + (change == "rows"), labels, **{**options, **others[change]})


# -- tables of every kind ---------------------------------------------------------------------------------


def test_every_table_gives_the_same_model(tmp_path: Path) -> None:
    """Arrays, a dict, frames, Arrow, a file in batches."""
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet

    rows, labels = data(300)
    names = ["x1", "x2", "x3"]
    columns = {**dict(zip(names, rows.T.copy(), strict=True)), "y": labels}
    table = pa.table(columns)
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=70)
    expected = LogisticRegression(3).fit(rows, labels)
    whole = np.column_stack([rows, labels])
    given = [columns, pd.DataFrame(columns), pl.DataFrame(columns), table, whole, np.asfortranarray(whole)]
    given.append(open_rows(tmp_path / "rows.parquet", batch_rows=64))
    for each in given:
        model = LogisticRegression(3).fit(each)
        np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-9)
        assert model.accuracy(each) == expected.accuracy(rows, labels)
        assert model.log_loss(each) == pytest.approx(expected.training.loss, rel=1e-12)
    for each in given[:4] + given[-1:]:
        assert expected.predict_proba(each).tolist() == expected.predict_proba(rows).tolist()


def test_a_stream_is_standardised_like_rows_in_memory() -> None:
    """The moments of batches, put together, are those of the whole."""
    rows, labels = data(1000)
    batches = [
        {"x1": part[:, 0], "x2": part[:, 1], "x3": part[:, 2], "y": y}
        for part, y in zip(np.array_split(rows, 7), np.array_split(labels, 7), strict=True)
    ]
    model = LogisticRegression(3).fit(open_rows(batches, batch_rows=100), standardise=True)
    assert model.scaling is not None
    np.testing.assert_allclose(model.scaling.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.scaling.scale, rows.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.weights, fitted(1000).weights, rtol=1e-7)


def test_columns_go_by_name_and_the_target_has_one() -> None:
    """The order of the table is no matter; `target` names the column from then on."""
    rows, labels = data(n=2)
    table = {"ill": labels, "bmi": rows[:, 1], "spare": rows[:, 0], "age": rows[:, 0]}
    model = LogisticRegression(["age", "bmi"]).fit(table, target="ill")
    np.testing.assert_allclose(model.parameters, newton(rows, labels), rtol=1e-6)
    assert model.target == "ill"
    assert [node.label for node in model.graph({"age": 1, "bmi": 2, "ill": 1}).graph.inputs][-1] == "ill"


def test_classes_may_have_names() -> None:
    """Predictions are names; what is none is refused."""
    rows, labels = data(n=2)
    named = np.where(labels == 1, "ill", "well")
    model = LogisticRegression(2, classes=("well", "ill")).fit(rows, named)
    assert model.parameters.tolist() == LogisticRegression(2).fit(rows, labels).parameters.tolist()
    assert set(model.predict(rows).tolist()) == {"well", "ill"}
    assert model.accuracy(rows, named) > 0.7
    table = {"x1": rows[:, 0], "x2": rows[:, 1], "y": named.tolist()}
    assert (
        LogisticRegression(2, classes=("well", "ill")).fit(table).parameters.tolist()
        == model.parameters.tolist()
    )
    with pytest.raises(DataError, match="row 1, column 'y' holds 'sick': a label is 'well' or 'ill'"):
        model.accuracy(rows[:2], ["ill", "sick"])
    numbers = LogisticRegression(2, classes=(1, 2)).fit(rows, labels + 1)
    assert set(numbers.predict(rows).tolist()) == {1, 2}


# -- using it ---------------------------------------------------------------------------------------------


def test_probabilities_are_right_on_either_side() -> None:
    """At z = 40 and -40 each is within 4 ulp of mpmath; 1 - a would be 0."""
    model = fitted(n=1)
    model._parameters = np.array([1.0, 0.0])
    both = model.predict_proba([[40.0], [-40.0], [800.0], [0.0]])
    with mpmath.workdps(50):
        small = float(1 / (1 + mpmath.exp(40)))
    assert both[0].tolist() == pytest.approx([small, 1.0], rel=1e-15)
    assert both[1].tolist() == pytest.approx([1.0, small], rel=1e-15)
    assert both[2].tolist() == [0.0, 1.0]
    assert model.predict([[0.0], [-1e-300]]).tolist() == [1, 0]


def test_the_gradient_is_that_of_paper() -> None:
    """Of the model's own program, within what rounding explains; it is 0 at the minimum."""
    rows, labels = data()
    model = fitted(tolerance=1e-15)
    _, gradient = model.loss_and_gradient(rows, labels)
    on_paper, allowed = mean_gradient_on_paper(rows.T, labels, model.parameters)
    assert (np.abs(gradient - on_paper) <= allowed).all()
    assert np.abs(gradient / np.append(rows.std(axis=0), 1.0)).max() < 1e-9


@pytest.mark.parametrize("row", [{"x1": 1.0, "x2": -3.0, "x3": 50.0, "y": 1}, [1.0, -3.0, 50.0, 1]])
def test_the_graph_of_a_row_has_its_numbers(row: Any) -> None:
    """z is the model's, dZ is a - y, and every number agrees with paper."""
    model = fitted()
    one = model.graph(row)
    assert one.z.data == pytest.approx(float(model.logits([[1.0, -3.0, 50.0]])[0]), rel=1e-14)
    assert one.z.grad == pytest.approx(one.a.data - 1.0, rel=1e-14)
    assert [node.data for node in one.features] == [1.0, -3.0, 50.0]
    assert [node.data for node in one.parameters] == model.parameters.tolist()
    assert all(each.agrees for each in model.closed_forms(row))
    assert {each.name for each in model.closed_forms(row)} >= {"z", "dZ", "dW[x3]", "dB"}


def test_graphs_do_not_share_their_nodes() -> None:
    """A second graph leaves the first as it was."""
    model = fitted()
    first = model.graph([1.0, 2.0, 3.0], 1)
    z = first.z.data
    model.graph([0.0, 0.0, 0.0], 0)
    model.predict([[5.0, 5.0, 5.0]])
    assert first.z.data == z


def test_a_graph_of_the_largest_terms_keeps_its_value(tmp_path: Path) -> None:
    """What is left out is one leaf; z, a, L and the gradients stay."""
    model = fitted(n=3)
    row = [1.0, -3.0, 50.0]
    whole, part = model.graph(row, 1), model.graph(row, 1, most=1)
    assert [node.label for node in part.graph.inputs if "other" in node.label] == ["2 other products"]
    for name in ("z", "a", "loss"):
        assert getattr(part, name).data == pytest.approx(getattr(whole, name).data, rel=1e-13)
    shown_ = model.draw(row, tmp_path / "row.dot", 1, most=1)
    assert isinstance(shown_, Drawing)
    assert "2 other products" in (tmp_path / "row.dot").read_text(encoding="utf-8")


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    assert fitted().plot(tmp_path / "loss.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_model_says_what_it_is() -> None:
    assert repr(LogisticRegression(["a"], target="t")) == "LogisticRegression(t by a: not fitted)"
    assert repr(fitted(n=3)).startswith("LogisticRegression(y by x1, x2, x3: weights [")


def test_the_real_table_is_learned() -> None:
    """Nine of ten rows that were held out are right."""
    table = breast_cancer()
    training, held_out = split(len(table.rows), seed=1)
    model = LogisticRegression(table.names).fit(
        table.rows[training], table.labels[training], solver="gd", alpha=0.5, epochs=40, standardise=True
    )
    assert model.losses[-1] < 0.1
    assert model.accuracy(table.rows[held_out], table.labels[held_out]) > 0.93


# -- separation -------------------------------------------------------------------------------------------


def test_a_column_that_knows_the_answer_is_named() -> None:
    """One column tells the classes apart between 2 and 3."""
    rows = np.array([[0.0, 5.0], [1.0, 1.0], [2.0, 4.0], [3.0, 2.0], [4.0, 5.0]])
    with pytest.warns(SeparationWarning, match="column 'x1' alone tells the classes apart, at 2.5"):
        model = LogisticRegression(2).fit(rows, [0, 0, 0, 1, 1])
    assert model.training.separation == "complete"
    assert "penalty" in model.remarks[-1]


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "gd"])
@pytest.mark.parametrize("standardise", [False, True])
def test_a_plane_that_tells_all_apart_is_found(solver: str, standardise: bool) -> None:
    """Neither column alone does, their sum does."""
    generator = np.random.default_rng(4)
    rows = generator.normal(size=(80, 2))
    rows = rows[np.abs(rows.sum(axis=1)) > 0.3]
    with pytest.warns(SeparationWarning, match="complete separation: 'x1', 'x2' tell all rows apart"):
        LogisticRegression(2).fit(rows, rows.sum(axis=1) > 0, solver=solver, standardise=standardise)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_partial_separation_is_found(solver: str) -> None:
    """A group of rows that all have label 1 among rows that are mixed: its weight grows without bound."""
    rows, labels = data(100, 1)
    group = np.zeros(100)
    group[:10] = 1.0
    labels[:10] = 1.0
    table = {"x1": rows[:, 0], "group": group, "y": labels}
    with pytest.warns(SeparationWarning, match="partial separation: 'group'"):
        model = LogisticRegression(["x1", "group"]).fit(table, solver=solver)
    assert model.training.separation == "partial"
    witness = newton(rows[10:], labels[10:])
    np.testing.assert_allclose([model.weights[0], model.b], witness, atol=1e-3)


def test_a_penalty_ends_separation() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticRegression(1).fit([[0.0], [1.0], [2.0]], [0, 1, 1], l2=1e-3)
    assert (model.training.separation, model.training.ended) == ("", "converged")


@pytest.mark.parametrize("seed", range(20))
def test_no_separation_is_seen_where_there_is_none(seed: int) -> None:
    """Strong signal, few rows, but a minimum that Newton's witness finds."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(40, 1)) * 20
    labels = (x[:, 0] + generator.normal(size=40) * 10 > 0).astype(float)
    overlap = x[labels == 0].max() > x[labels == 1].min()
    with warnings.catch_warnings():
        warnings.simplefilter("error" if overlap else "ignore")
        model = LogisticRegression(1).fit(x, labels)
    assert (model.training.separation == "") == overlap


# -- columns that determine one another -------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "gd"])
@pytest.mark.parametrize("standardise", [False, True])
def test_columns_that_determine_one_another_are_named(solver: str, standardise: bool) -> None:
    """A sum of two, a constant, a column of zeros; predictions are those of the columns without it."""
    rows, labels = data(n=2)
    expected = LogisticRegression(2).fit(rows, labels)
    for extra, says in (
        (rows[:, 0] + rows[:, 1], "the columns 'x1', 'x2', 'x3' determine one another"),
        (np.full(200, 3.0), "column 'x3' is the same in every row, as b is"),
        (np.zeros(200), "column 'x3' is 0 in every row"),
    ):
        table = np.column_stack([rows, extra])
        model = LogisticRegression(3).fit(table, labels, solver=solver, standardise=standardise)
        assert says in model.remarks[-1]
        if solver != "gd":
            np.testing.assert_allclose(model.predict_proba(table), expected.predict_proba(rows), atol=1e-4)
        penalised = LogisticRegression(3).fit(table, labels, solver=solver, standardise=standardise, l2=1e-3)
        assert not [remark for remark in penalised.remarks if "x3" in remark]


def test_columns_far_from_0_are_not_taken_for_constant() -> None:
    """Years, and seconds since 1970: nearly a multiple of the column of ones."""
    rows, labels = data(400, 2)
    table = np.column_stack([2000 + rows[:, 0], 1.7e9 + 1e5 * rows[:, 1]])
    assert LogisticRegression(2).fit(table, labels).remarks == ()


# -- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "labels", "error", "says"),
    [
        ([[1.0], [2.0]], [1], ShapeError, "2 rows, but the labels have the shape"),
        ([[1.0], [2.0]], [1, 1], DataError, "all 2 labels in 'y' are 1"),
        ([[1.0], [2.0]], [0, 0], DataError, "rows of both classes are needed"),
        ([[1.0], [2.0]], [0, 2], DataError, "row 1, column 'y' holds 2"),
        ([[1.0], [2.0]], [0, math.nan], DataError, "row 1, column 'y' holds nan"),
        ([[1.0], [math.nan]], [0, 1], DataError, "row 1, column 'x1' holds nan"),
        ([[1.0], [-math.inf]], [0, 1], DataError, "row 1, column 'x1' holds -inf"),
        ([[1.0, 2.0]], [0], ShapeError, "the array has 2 columns, but 1"),
        (np.empty((0, 1)), [], ShapeError, "no rows"),
        ([["a"], ["b"]], [0, 1], DataError, "text"),
        ([[1e200], [-1e200]], [0, 1], DataError, "too large or too small"),
        (
            "rows.csv",
            None,
            DataError,
            r"'rows.csv' is the name of a table, not one: read it with tables\.open_rows",
        ),
        (
            {"x1": [1.0, 2.0], "Y": [0, 1]},
            None,
            DataError,
            r"the table has no column 'y'; did you mean 'Y'\?",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from(rows: Any, labels: Any, error: type[Exception], says: str) -> None:
    for standardise in (True, False):
        if "too large" in says and not standardise:
            continue
        with pytest.raises(error, match=says):
            LogisticRegression(1).fit(rows, labels, standardise=standardise)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"solver": "sgd"}, ValueError, "no solver 'sgd'"),
        ({"solver": "newton", "alpha": 0.1}, ValueError, "alpha means nothing to the solver 'newton'"),
        ({"solver": "gd", "alpha": 0.0}, ValueError, "above 0"),
        ({"l2": -1.0}, ValueError, "l2 is how heavy"),
        ({"l2": math.nan}, ValueError, "l2 is how heavy"),
        ({"threads": 0}, ValueError, "threads"),
        ({"epochs": -1}, ValueError, "0 or more"),
        ({"target": "x1"}, ValueError, "'x1' is the label and cannot be a feature"),
        ({"row_weights": [1.0]}, ShapeError, "200 rows, but 1 weights"),
        ({"row_weights": [-1.0] * 200}, DataError, "the weight of row 0 is -1.0"),
        ({"row_weights": [0.0] * 200}, DataError, "all weights are 0"),
    ],
)
def test_options_that_will_not_do(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        LogisticRegression(3).fit(*data(), **options)


@pytest.mark.parametrize("classes", [(0,), (0, 0), (0, "a"), (True, False), (0, math.nan, 2), [None, 1]])
def test_classes_are_two(classes: Any) -> None:
    with pytest.raises(ValueError, match="two texts or two numbers"):
        LogisticRegression(1, classes=classes)


@pytest.mark.parametrize("solver", ["newton-cg", "gd"])
def test_columns_too_large_to_be_squared_are_named(solver: str) -> None:
    rows, labels = data(n=2)
    with pytest.raises(
        DataError, match=r"column 'x2' holds numbers up to .*e\+1[56]., too large to be squared"
    ):
        LogisticRegression(2).fit(rows * [1.0, 1e154], labels, solver=solver)


def test_an_alpha_too_large_names_the_safe_one() -> None:
    rows, labels = data()
    with pytest.raises(DivergedError, match="take an alpha of at most"):
        LogisticRegression(3).fit(rows, labels, solver="gd", alpha=1e6, epochs=500)


def test_a_model_without_weights_says_so(tmp_path: Path) -> None:
    model = LogisticRegression(1)
    for use in (
        lambda: model.weights,
        lambda: model.predict([[1.0]]),
        lambda: model.graph([1.0, 1.0]),
        lambda: model.save(tmp_path / "m.json"),
        lambda: model.training,
    ):
        with pytest.raises(NotFittedError, match="call fit, or load one"):
            use()
    with pytest.raises(NotFittedError, match="no loss curve"):
        model.plot(tmp_path / "loss.png")


@pytest.mark.parametrize(
    ("row", "label", "says"),
    [
        ([1.0], None, "a row has 3 numbers"),
        ([1.0, 2.0, 3.0], None, "the row has no label: give label=0 or 1"),
        ({"x1": 1.0, "x2": 1.0, "x_3": 1.0}, 1, "the row has no 'x3'; did you mean 'x_3'"),
        ([1.0, 2.0, math.nan], 1, "column 'x3' holds nan"),
        ([1.0, 2.0, 3.0], 2, "a label is 0 or 1"),
    ],
)
def test_a_row_that_will_not_do(row: Any, label: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fitted().graph(row, label)


def test_rows_to_predict_are_checked() -> None:
    """By name, by number of columns, and for what is not finite."""
    model = fitted()
    with pytest.raises(DataError, match="no column 'x3'; did you mean 'x_3'"):
        model.predict({"x1": [1.0], "x2": [1.0], "x_3": [1.0]})
    with pytest.raises(ShapeError, match="2 columns, but 3"):
        model.predict([[1.0, 2.0]])
    with pytest.raises(DataError, match="row 1, column 'x2' holds inf"):
        model.predict([[1.0, 2.0, 3.0], [1.0, math.inf, 3.0]])


def test_labels_of_a_stream_are_a_column_of_it() -> None:
    stream = open_rows([{"x1": [1.0, 2.0], "y": [0, 1]}])
    with pytest.raises(TypeError, match="labels of a stream are a column"):
        LogisticRegression(1).fit(stream, [0, 1])
    says = r"the labels of a stream are 0 and 1, not 'a' and 'b': open it with labels=\{'y': 'b'\}"
    with pytest.raises(DataError, match=says):
        LogisticRegression(1, classes=("a", "b")).fit(stream)
    words = [{"x1": [1.0, 2.0, 1.5, 1.2], "y": ["a", "b", "a", "b"]}]
    opened, numbers = open_rows(words, labels={"y": "b"}), {"x1": words[0]["x1"], "y": [0, 1, 0, 1]}
    assert LogisticRegression(1).fit(opened).b == pytest.approx(LogisticRegression(1).fit(numbers).b)
    with pytest.raises(DataError, match="row 3, column 'y' holds 2"):
        LogisticRegression(1).fit(
            open_rows([{"x1": [1.0, 2.0], "y": [0, 1]}, {"x1": [1.0, 2.0], "y": [0, 2]}])
        )
