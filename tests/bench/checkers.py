"""What gradient checkers say of wrong gradients: SciPy's, PyTorch's, JAX's, autograd's, and minigrad's.

    python tests/bench/checkers.py [--points 1] [--quick]

Each case of `tests/corpus.py` is one claim of a derivative by one number. Every checker gets the same loss and the same
claim, in its own functions, with its defaults, in double precision. The table has a line for each slip: how many claims
there were, how many each checker called wrong, and how many slips minigrad called by their name. The others name none.

Room: puts the cases to the checkers and counts. Below: `corpus`, `measuring`. The peers come from
`pip install "minigrad[bench]"`; those that are missing are left out. SciPy's returns a number and leaves it to the user
what is too large: here, more than 1e-5 of the claim, or of 1 if that is larger.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from measuring import optional

import minigrad
from minigrad.formula import formula

sys.path.append(str(Path(__file__).parents[1]))

from corpus import LOGISTIC, Case, ask, right, single, wrong


class Answer(NamedTuple):
    """What a checker says of one claim.

    wrong   it calls the claim wrong
    named   it names the slip that was made
    words   its words
    """

    wrong: bool
    named: bool = False
    words: Callable[[], str] | str = ""


Checker = Callable[[Case], Answer]


def claim_of(case: Case, t: Any, xp: Any = np) -> Any:
    """The claim as a number, rounded to single precision where the case says so."""
    claimed = case.claimed(t, xp)
    return np.float64(np.float32(claimed)) if case.single else claimed


class Functions:
    """The functions of the corpus in a library that wants tensors of its own."""

    def __init__(self, library: Any, lift: Callable[[Any], Any], condition: Callable[[Any], Any]) -> None:
        self.lift = lift
        for name in ("exp", "log", "tanh", "sqrt", "sinh", "cosh", "sin", "arctan", "abs", "sign"):
            setattr(self, name, self._lifted(getattr(library, name)))
        self.where = lambda c, x, y: library.where(condition(c), lift(x), lift(y))

    def _lifted(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: function(self.lift(x))


# -- the checkers -----------------------------------------------------------------------------------------------


def scipy_checker() -> Checker | None:
    """scipy.optimize.check_grad: a distance."""
    optimize = optional("scipy.optimize")
    if optimize is None:
        return None

    def says(case: Case) -> Answer:
        given = float(claim_of(case, case.at))
        distance = optimize.check_grad(
            lambda t: float(case.f(t[0])),
            lambda t: np.array([float(claim_of(case, t[0]))]),
            np.array([case.at]),
        )
        return Answer(not distance <= 1e-5 * max(1.0, abs(given)), words=f"{distance:.6g}")

    return says


def torch_checker() -> Checker | None:
    """torch.autograd.gradcheck of a Function whose backward is the claim."""
    torch, checks = optional("torch"), optional("torch.autograd.gradcheck")
    if torch is None:
        return None
    functions = Functions(
        torch,
        lambda x: torch.as_tensor(x, dtype=torch.float64),
        lambda c: torch.as_tensor(c, dtype=torch.bool),
    )

    def says(case: Case) -> Answer:
        class Claimed(torch.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(context: Any, t: Any) -> Any:
                context.save_for_backward(t)
                return functions.lift(case.f(t, functions)).clone()

            @staticmethod
            def backward(context: Any, g: Any) -> Any:
                (t,) = context.saved_tensors
                if case.single:
                    return g * functions.lift(float(claim_of(case, float(t))))
                return g * functions.lift(case.claimed(t, functions))

        t = torch.tensor(case.at, dtype=torch.float64, requires_grad=True)
        try:
            checks.gradcheck(Claimed.apply, (t,))
        except checks.GradcheckError as error:
            return Answer(True, words=str(error))
        return Answer(False, words="True")

    return says


def jax_checker() -> Checker | None:
    """jax.test_util.check_grads of a function with a custom derivative."""
    jax, checks = optional("jax"), optional("jax.test_util")
    if jax is None:
        return None
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    jnp = jax.numpy
    functions = Functions(jnp, jnp.asarray, jnp.asarray)

    def says(case: Case) -> Answer:
        claimed = jax.custom_vjp(lambda t: jnp.asarray(case.f(t, functions), dtype=float))

        def backward(t: Any, g: Any) -> Any:
            slope = jnp.asarray(case.claimed(t, functions), dtype=float)
            return (g * (slope.astype(np.float32).astype(float) if case.single else slope),)

        claimed.defvjp(lambda t: (jnp.asarray(case.f(t, functions), dtype=float), t), backward)
        try:
            checks.check_grads(claimed, (case.at,), order=1, modes=["rev"])
        except AssertionError as error:
            return Answer(True, words=str(error))
        return Answer(False, words="None")

    return says


def autograd_checker() -> Checker | None:
    """autograd.test_util.check_grads of a primitive with the claim for its derivative."""
    checks, extend = optional("autograd.test_util"), optional("autograd.extend")
    if checks is None:
        return None

    def says(case: Case) -> Answer:
        loss = extend.primitive(lambda t: float(case.f(t)))
        extend.defvjp(loss, lambda answer, t: lambda g: g * float(claim_of(case, t)))
        np.random.seed(1)  # noqa: NPY002  # it draws the directions from here
        try:
            checks.check_grads(loss, modes=["rev"], order=1)(case.at)
        except AssertionError as error:
            return Answer(True, words=str(error))
        return Answer(False, words="None")

    return says


def minigrad_checker() -> Checker:
    """minigrad.check of the formula."""

    def says(case: Case) -> Answer:
        said = ask(case)
        return Answer(said.verdict == "wrong", said.how in ("named", "same"), report(case))

    def report(case: Case) -> Callable[[], str]:
        from minigrad.checking import check

        loss = formula(case.loss.formula, **case.point)
        return lambda: str(check(loss, {f"d{case.wrt}": case.claim}))

    return says


MAKERS: dict[str, Callable[[], Checker | None]] = {
    "scipy": scipy_checker, "torch": torch_checker, "jax": jax_checker, "autograd": autograd_checker,
    "minigrad": minigrad_checker,
}  # fmt: skip


# -- the table ----------------------------------------------------------------------------------------------------


class Table:
    """Counts by slip and checker."""

    def __init__(self, checkers: dict[str, Checker]) -> None:
        self.checkers = checkers
        self.cases: Counter[str] = Counter()
        self.caught: dict[str, Counter[str]] = defaultdict(Counter)
        self.named: Counter[str] = Counter()

    def put(self, row: str, case: Case) -> None:
        """Put a case to all checkers."""
        self.cases[row] += 1
        for name, says in self.checkers.items():
            answer = says(case)
            self.caught[row][name] += answer.wrong
            self.named[row] += answer.named

    def rows(self, labels: Iterable[str]) -> None:
        """Print lines of the table."""
        for label in labels:
            counts = "".join(f"{self.caught[label][name]:>10}" for name in self.checkers)
            print(f"  {label:28}{self.cases[label]:>7}{counts}{self.named[label]:>8}", flush=True)

    def total(self, label: str, rows: Iterable[str]) -> None:
        """Add rows up under a name."""
        for row in list(rows):
            self.cases[label] += self.cases[row]
            self.caught[label] += self.caught[row]
            self.named[label] += self.named[row]


def head(checkers: Iterable[str]) -> str:
    """The names above the columns."""
    columns = "".join(f"{name:>10}" for name in checkers)
    return f"  {'':28}{'claims':>7}{columns}{'named':>8}"


def unique(cases: Iterable[Case], points: int) -> list[Case]:
    """Each claim of a loss at so many points."""
    seen: Counter[tuple[str, str, str]] = Counter()
    kept = []
    for case in cases:
        key = (case.loss.name, case.wrt, case.claim)
        if seen[key] < points:
            kept.append(case)
        seen[key] += 1
    return kept


def scaled(case: Case, factor: float) -> Case:
    """The same case in other units: the loss and the claim times a factor."""
    loss = case.loss
    steps = {**loss.steps, "L": f"{factor}*({loss.steps['L']})"}
    right_ones = {name: f"{factor}*({text})" for name, text in loss.right.items()}
    return replace(case, loss=replace(loss, steps=steps, right=right_ones), claim=f"{factor}*({case.claim})")


def saturated(case: Case) -> Case:
    """The same claim where the sigmoid is 1 to the last digit: b is 40."""
    return replace(case, point={**case.point, "b": 40.0})


def words(checkers: dict[str, Checker], case: Case) -> None:
    """What each says of one case, in its own words."""
    print(
        f"\nin their words: {case.loss.name}, d{case.wrt} = {case.claim} where {case.loss.right[case.wrt]} is right"
    )
    for name, says in checkers.items():
        said = says(case).words
        text = said if isinstance(said, str) else said()
        lines = [line for line in text.strip().splitlines() if line.strip()]
        print(f"  {name}")
        for line in lines[:12]:
            print(f"      {line.rstrip()[:110]}")


def seconds(rounds: int) -> None:
    """How long a check takes once everything is imported: the seed's graph, and `propagate` with 100 x 784 numbers."""
    loss = formula(
        "z = w1*x1 + w2*x2 + b; a = sigmoid(z); bce(a, y)", w1=0.5, w2=-0.25, b=0.1, x1=2.0, x2=-1.0, y=1.0
    )
    hand = {"da": "-y/a + (1 - y)/(1 - a)", "dz": "a - y", "dw1": "x1*dz", "dw2": "x2*dz", "db": "dz"}
    slipped = {**hand, "dz": "(a - y)*a*(1 - a)"}
    random = np.random.default_rng(0)
    data = (
        random.normal(size=(784, 1)) * 0.01,
        0.0,
        random.random((784, 100)),
        random.integers(0, 2, (1, 100)),
    )

    def propagate(w: Any, b: Any, x: Any, y: Any, k: float = 1.0) -> Any:
        a = 1 / (1 + np.exp(-(w.T @ x + b)))
        cost = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
        return {"dw": x @ (a - y).T / (k * y.size), "db": np.mean(a - y)}, cost

    work: dict[str, Callable[[], Any]] = {
        "the seed's graph, 5 derivatives, all right": lambda: minigrad.check(loss, hand),
        "the same, a slip in dz": lambda: minigrad.check(loss, slipped),
        "propagate, 100 rows of 784 features, right": lambda: minigrad.check_function(propagate, data),
        "the same, 1/m applied twice": lambda: minigrad.check_function(
            lambda w, b, x, y: propagate(w, b, x, y, y.size), data
        ),
    }
    print("\nseconds of one check, median (least to most)")
    for name, run in work.items():
        run()
        taken = []
        for _ in range(rounds):
            start = perf_counter()
            run()
            taken.append(perf_counter() - start)
        print(f"  {name:46} {np.median(taken):.3f} ({min(taken):.3f} to {max(taken):.3f})")


def versions() -> str:
    """What is compared."""
    found = []
    for name in ("scipy", "torch", "jax", "autograd"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=1, help="points for each claim (1)")
    parser.add_argument("--quick", action="store_true", help="every twelfth claim")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"minigrad {minigrad.__version__}; {versions()}")
    checkers = {name: says for name, make in MAKERS.items() if (says := make()) is not None}
    every = 12 if options.quick else 1
    table = Table(checkers)
    wrong_ones = unique(wrong(options.points), options.points)[::every]
    print("wrong gradients: how many each calls wrong, and how many slips minigrad names")
    print(head(checkers))
    for case in wrong_ones:
        table.put(str(case.slip), case)
    slips = sorted(table.cases)
    table.rows(slips)
    table.total("all", slips)
    for case in wrong_ones[::3]:
        table.put("a third, loss times 1e-6", scaled(case, 1e-6))
    table.rows(["all", "a third, loss times 1e-6"])
    print("right gradients: how many each calls wrong")
    right_ones = unique(right(options.points), options.points)[::every]
    for case in right_ones:
        table.put("in double precision", case)
        table.put("loss times 1e6", scaled(case, 1e6))
    for case in unique(right(1), 1):
        if case.loss is LOGISTIC and case.wrt != "a":
            table.put("the sigmoid saturated", saturated(case))
    for case in list(single())[::every]:
        table.put("in single precision", case)
    table.rows(["in double precision", "loss times 1e6", "the sigmoid saturated", "in single precision"])
    words(checkers, wrong_ones[0])
    seconds(1 if options.quick else 11)


if __name__ == "__main__":
    main()
