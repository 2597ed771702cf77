"""Sections on the loss of logistic regression: its gradient, where the time goes, its Hessian.

Room: measures. Below: `peers`, `measuring`.
Must hold: what contenders compute is compared before it is timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from measuring import Contender, Report, Times, assert_same, fastest, in_turns, optional, ratios
from peers import (
    LAYOUTS,
    OURS,
    OURS_32,
    Array,
    Data,
    data,
    gradient_size,
    jax_arguments,
    jax_loss,
    minigrad_contenders,
    model,
    peers,
    readers,
    waiting,
)

import minigrad

#: Sums of m numbers in another order differ by some sqrt(m) roundings of what is added up, 1e-13 at a million
#: rows; one after the other, as some of BLAS adds, by m roundings at worst, 1e-10. Further apart, one is wrong.
TOLERANCE = 1e-11

SIZES = ((10**4, 2), (10**4, 30), (10**6, 2), (10**6, 30), (2 * 10**5, 100), (10**5, 784))
QUICK_SIZES = ((200, 2), (300, 5))

#: At these rows and columns: how many times faster than the fastest peer, by layout, and how many times the
#: time of reading once; float32 columns against float64.
AT = (10**6, 30)
GOALS = {"apart": 2.5, "together": 2.0, "reading": 1.5, "float32": 1.4}


def laid_out(contenders: Sequence[Contender], times: Times) -> dict[str, dict[str, list[float]]]:
    """Times by name, then by layout."""
    table: dict[str, dict[str, list[float]]] = {}
    for contender in contenders:
        table.setdefault(contender.name, {})[contender.layout] = times[contender.key]
    return table


def show(report: Report, contenders: Sequence[Contender], times: Times) -> None:
    """A line for each name, its layouts side by side; microseconds where all are short."""
    unit = "ms" if max(map(max, times.values())) > 1e-3 else "us"
    for name, found in laid_out(contenders, times).items():
        report.row(name, found, unit)


# -- loss and gradient ------------------------------------------------------------------------------------


def float32_contenders(given: Data, threads: int) -> list[Contender]:
    """The same table in float32."""
    m = model(given.theta)
    program = minigrad.compile(m.loss, rows=m.rows, wrt=m.wrt, threads=threads)
    tables = {"apart": given.apart.astype(np.float32), "together": given.together.astype(np.float32)}
    return [Contender(OURS_32, partial(program, tables[layout]), layout) for layout in LAYOUTS]


def gradient(report: Report, quick: bool) -> None:
    """Mean loss and gradient at each size."""
    for m, n in QUICK_SIZES if quick else SIZES:
        report.begin(f"loss and gradient, {m:,} x {n} float64")
        given, threads = data(m, n), report.threads
        same = minigrad_contenders(given, threads) + peers(given, threads)
        assert_same(same, gradient_size(given), TOLERANCE)
        narrow = float32_contenders(given, threads)
        assert_same(narrow, gradient_size(given), TOLERANCE)
        reading = readers(given, threads)
        times = in_turns([*same, *narrow, *reading], 2 if quick else 11)
        show(report, [*same, *narrow, *reading], times)
        judge_gradient(report, same, reading, times, (m, n))


def judge_gradient(
    report: Report,
    same: Sequence[Contender],
    reading: Sequence[Contender],
    times: Times,
    size: tuple[int, int],
) -> None:
    """minigrad against the fastest peer of each layout, and against reading once."""
    for layout in LAYOUTS:
        others = {c.key: times[c.key] for c in same if c.layout == layout and c.name != OURS}
        first = fastest(others)
        bound = GOALS[layout] if size == AT else 1.0
        report.goal(f"{first} / {OURS}", ratios(times[first], times[f"{OURS}, {layout}"]), bound)
    best = fastest({c.key: times[c.key] for c in same if c.name == OURS})
    once = fastest({c.key: times[c.key] for c in reading})
    taken = ratios(times[best], times[once])
    narrow = ratios(times[f"{OURS}, apart"], times[f"{OURS_32}, apart"])
    if size == AT:
        report.goal(f"{best} / reading once, by {once}", taken, GOALS["reading"], most=True)
        report.goal(f"{OURS} / {OURS_32}, apart", narrow, GOALS["float32"])
    else:
        report.figure(f"/ reading once, by {once}", taken, "times")
        report.figure("float64 / float32, apart", narrow, "times")


# -- where the time goes ----------------------------------------------------------------------------------


def division(report: Report, quick: bool) -> None:
    """Programs that stop earlier: what each further step adds."""
    m, n = (300, 5) if quick else AT
    report.begin(f"how the time divides, {m:,} x {n} float64")
    given, threads = data(m, n), report.threads
    g = model(given.theta)
    stages = {
        "z, summed": (g.z, []),
        "loss, summed": (g.loss, []),
        "loss, dL/db": (g.loss, [g.b]),
        "loss, all derivatives": (g.loss, g.wrt),
    }
    contenders = readers(given, threads)
    for name, (output, wrt) in stages.items():
        used = g.x if output is g.z else g.rows
        program = minigrad.compile(output, rows=used, wrt=wrt, threads=threads)
        for layout in LAYOUTS:
            table = given.table(layout)[:, : len(used)]
            contenders.append(Contender(name, partial(program, table), layout))
    times = in_turns(contenders, 2 if quick else 11)
    show(report, contenders, times)
    once = fastest({c.key: times[c.key] for c in contenders if not c.layout})
    bytes_read = given.together.nbytes
    report.figure("bytes read a second", [bytes_read / t / 1e9 for t in times[once]], "GB/s")
    stages_apart = [f"{name}, apart" for name in stages]
    steps = ["reading and products, over reading", "exp, log, and their sum", "the second of a pair", "sums"]
    for step, before, after in zip(steps, [once, *stages_apart], stages_apart, strict=False):
        added = [1e9 * (a - b) / m for a, b in zip(times[after], times[before], strict=True)]
        report.figure(f"+ {step}", added, "ns a row")


# -- second derivatives -----------------------------------------------------------------------------------


def hessian_contenders(given: Data, threads: int) -> list[Contender]:
    """minigrad's, JAX's own ways, and X'SX written by hand in JAX and in NumPy."""
    g = model(given.theta)
    program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt, threads=threads)
    found = [Contender(OURS, partial(program.hessian, given.table(layout)), layout) for layout in LAYOUTS]
    weights, bias = given.theta[:-1], given.theta[-1]

    def by_numpy(x: Array) -> Array:
        full = np.column_stack([x, np.ones(len(x))])
        a = 1.0 / (1.0 + np.exp(-(x @ weights + bias)))
        second: Array = (full.T * (a * (1.0 - a))) @ full / len(x)
        return second

    found += [
        Contender("NumPy, X'SX by hand", partial(by_numpy, given.x(layout)), layout) for layout in LAYOUTS
    ]
    return found + jax_hessians(given)


def jax_hessians(given: Data) -> list[Contender]:
    """jacfwd(grad), jacrev(grad), and X'SX by hand; the bias is the last parameter of each."""
    jax, jnp = optional("jax"), optional("jax.numpy")
    if jax is None:
        return []
    found = []
    for layout in LAYOUTS:
        loss = jax_loss(layout)

        def by_hand(theta: Any, x: Any, y: Any, layout: str = layout) -> Any:
            rows = (
                jnp.vstack([x, jnp.ones(len(y))])
                if layout == "apart"
                else jnp.column_stack([x, jnp.ones(len(y))])
            )
            a = jax.nn.sigmoid(theta @ rows if layout == "apart" else rows @ theta)
            s = a * (1.0 - a) / len(y)
            return (rows * s) @ rows.T if layout == "apart" else (rows.T * s) @ rows

        ways = {
            "JAX, jacfwd(grad)": jax.jacfwd(jax.grad(loss)),
            "JAX, jacrev(grad)": jax.jacrev(jax.grad(loss)),
            "JAX, X'SX by hand": by_hand,
        }
        arguments = jax_arguments(given, layout)
        for name, way in ways.items():
            run = jax.jit(way)
            found.append(Contender(name, partial(waiting(run), *arguments), layout))
    return found


def hessian(report: Report, quick: bool) -> None:
    """The (n + 1, n + 1) second derivatives of the mean loss."""
    m, n = (300, 5) if quick else (10**5, 30)
    report.begin(f"Hessian, {m:,} x {n} float64")
    given = data(m, n)
    contenders = hessian_contenders(given, report.threads)
    assert_same(contenders, 0.25, TOLERANCE)  # of s = a(1 - a) <= 1/4 times two standardised numbers
    times = in_turns(contenders, 2 if quick else 9)
    show(report, contenders, times)
    best = fastest({c.key: times[c.key] for c in contenders if c.name == OURS})
    automatic = {c.key: times[c.key] for c in contenders if c.name.startswith("JAX, jac")}
    if automatic:
        first = fastest(automatic)
        report.goal(f"{first} / {best}", ratios(times[first], times[best]), 1.0)
        by_hand = fastest({c.key: times[c.key] for c in contenders if c.name == "JAX, X'SX by hand"})
        report.figure(f"{by_hand} / {best}", ratios(times[by_hand], times[best]), "times")
