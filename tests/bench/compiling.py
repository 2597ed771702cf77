"""Section: how long compiling takes, and one call at one row.

Room: measures. Below: `peers`, `network`, `measuring`.
Must hold: nothing that is measured was kept from the time before: each compilation starts from a graph (minigrad,
CasADi, PyTensor) or a function (JAX) that was not compiled yet.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from measuring import Contender, Report, assert_same, in_turns, optional
from network import Network
from peers import Array, data, gradient_size, model

import minigrad
from minigrad import Graph, Value, tanh

#: Seconds: the logistic graph at n = 30, a graph of 50,000 nodes, a call at one row. And how many times as long
#: four times the nodes may take; a little more than four, for their memory leaves the caches.
GOALS = {"compile": 5e-3, "large": 1.0, "linear": 6.0, "call": 10e-6}

#: One row: no sum of rows at all, some ten roundings.
TOLERANCE = 1e-13

N = 30


# -- the logistic graph, in each library ------------------------------------------------------------------


def compile_minigrad(theta: Array) -> Callable[[Array], Any]:
    """Record the graph of one example, compile it."""
    g = model(theta)
    program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt)
    return lambda table: program(table)


def compile_jax(theta: Array) -> Callable[[Array], Any] | None:
    """Trace and compile, in a first call; a function that JAX has not met."""
    jax, jnp = optional("jax"), optional("jax.numpy")
    if jax is None:
        return None

    def loss(theta: Any, x: Any, y: Any) -> Any:
        z = x @ theta[:-1] + theta[-1]
        return jnp.mean(jnp.logaddexp(z, 0.0) - y * z)

    jax.clear_caches()
    step, wait = jax.jit(jax.value_and_grad(loss)), jax.block_until_ready
    held: dict[int, tuple[Any, ...]] = {}

    def call(table: Array) -> Any:
        if id(table) not in held:
            held[id(table)] = tuple(map(jax.device_put, (theta, table[:, :-1], table[:, -1])))
        return wait(step(*held[id(table)]))

    return call


def compile_casadi(theta: Array) -> Callable[[Array], Any] | None:
    """SX, expanded to scalars as minigrad's graph is; called through its buffers, its fastest way."""
    casadi = optional("casadi")
    if casadi is None:
        return None
    parameters, x, y = casadi.SX.sym("theta", N + 1), casadi.SX.sym("x", N), casadi.SX.sym("y")
    z = casadi.dot(parameters[:N], x) + parameters[N]
    loss = casadi.fmax(z, 0) - y * z + casadi.log1p(casadi.exp(-casadi.fabs(z)))
    function = casadi.Function("f", [parameters, x, y], [loss, casadi.gradient(loss, parameters)])
    buffer, trigger = function.buffer()
    features, label, value, gradient = np.empty(N), np.empty(1), np.empty(1), np.empty(N + 1)
    given, found = (theta.copy(), features, label), (value, gradient)
    for j, array in enumerate(given):
        buffer.set_arg(j, array.data)
    for j, array in enumerate(found):
        buffer.set_res(j, array.data)
    alive = function, buffer, given  # CasADi keeps addresses only

    def call(table: Array, alive: Any = alive) -> Any:
        features[:] = table[0, :-1]
        label[0] = table[0, -1]
        trigger()
        return value, gradient

    return call


def compile_pytensor(theta: Array) -> Callable[[Array], Any] | None:
    """Its own default, which translates to machine code; a first call compiles."""
    pytensor, pt = optional("pytensor"), optional("pytensor.tensor")
    if pytensor is None:
        return None
    parameters, x, y = pt.dvector(), pt.dmatrix(), pt.dvector()
    z = x @ parameters[:-1] + parameters[-1]
    loss = pt.mean(pt.softplus(z) - y * z)
    function = pytensor.function(
        [parameters, x, y], [loss, pytensor.grad(loss, parameters)], trust_input=True
    )
    return lambda table: function(theta, table[:, :-1], table[:, -1])


def compile_torch(theta: Array) -> Callable[[Array], Any] | None:
    """Nothing is compiled: eager, for the call."""
    torch = optional("torch")
    if torch is None:
        return None
    torch.set_num_threads(1)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    w, b = torch.from_numpy(theta[:-1].copy()).requires_grad_(), torch.tensor(theta[-1], requires_grad=True)

    def call(table: Array) -> Any:
        rows = torch.from_numpy(table)
        loss = loss_of(rows[:, :-1] @ w + b, rows[:, -1])
        return loss.item(), *torch.autograd.grad(loss, (w, b))

    return call


WAYS = {
    "minigrad": compile_minigrad,
    "JAX": compile_jax,
    "CasADi": compile_casadi,
    "PyTensor": compile_pytensor,
    "PyTorch": compile_torch,
}


#: Compiled once, and not to see that the script runs: takes most of a minute.
ONCE = {"PyTensor"}


# -- sections ---------------------------------------------------------------------------------------------


def compiling(report: Report, quick: bool) -> None:
    """The logistic graph, large graphs, and a call."""
    logistic(report, quick)
    large(report, quick)


def logistic(report: Report, quick: bool) -> None:
    """Compile until the first result is there, then call at one row."""
    given = data(100, N)
    table = given.together[:1].copy()
    given = given._replace(apart=table, together=table, features=table[:, :-1])
    report.begin(f"from a formula to its first result, logistic regression, n = {N}")
    calls: dict[str, Callable[[Array], Any]] = {}
    taken: dict[str, list[float]] = {}
    for turn in range(3 if quick else 6):
        for name, way in WAYS.items():
            if name in ONCE and (quick or turn > 0):
                continue
            start = perf_counter()
            call = way(given.theta)
            if call is None:
                continue
            call(table)
            calls[name] = call
            if turn > 0 or name in ONCE:  # the first imports modules
                taken.setdefault(name, []).append(perf_counter() - start)
    for name, seconds in taken.items():
        if name != "PyTorch":
            report.row(name, {"": seconds}, "ms")
    report.goal("minigrad, ms", [1e3 * s for s in taken["minigrad"]], 1e3 * GOALS["compile"], most=True)
    report.begin(f"one call at one row, loss and gradient, n = {N}")
    contenders = [Contender(name, partial(call, table)) for name, call in calls.items()]
    assert_same(contenders, np.maximum(gradient_size(given), 1e-3), TOLERANCE)
    times = in_turns(contenders, 2 if quick else 21)
    for name, seconds in times.items():
        report.row(name, {"": seconds}, "us")
    report.goal("minigrad, us", [1e6 * s for s in times["minigrad"]], 1e6 * GOALS["call"], most=True)


def wide(nodes: int) -> tuple[Value, list[Value], list[Value]]:
    """A perceptron of about so many nodes: three for each weight of its middle layer."""
    made = Network(hidden=max(2, round((nodes / 3.0) ** 0.5) - 2))
    return made.loss, made.rows, made.wrt


def deep(nodes: int) -> tuple[Value, list[Value], list[Value]]:
    """z := tanh(w * z + b) again and again, each with a w and a b of its own: five nodes a turn."""
    x = Value(0.5, label="x")
    z, wrt = x, list[Value]()
    for j in range(nodes // 5):
        wrt += [Value(0.9, label=f"w{j}"), Value(0.01, label=f"b{j}")]
        z = tanh(wrt[-2] * z + wrt[-1])
    return z, [x], wrt


def large(report: Report, quick: bool) -> None:
    """Graphs of many nodes, differentiated by all of their parameters."""
    sizes = (200, 400, 800) if quick else (25_000, 50_000, 100_000)
    for make in (wide, deep):
        report.begin(f"compile a {make.__name__} graph")
        taken: dict[int, list[float]] = {}
        exact: dict[int, int] = {}
        for _ in range(2 if quick else 3):
            for size in sizes:
                loss, rows, wrt = make(size)
                exact[size] = len(Graph(loss).nodes)
                start = perf_counter()
                minigrad.compile(loss, rows=rows, wrt=wrt)
                taken.setdefault(size, []).append(perf_counter() - start)
        for size, seconds in taken.items():
            report.row(f"{exact[size]:,} nodes", {"": seconds}, "ms")
        first, middle, last = sizes
        report.goal(f"{exact[middle]:,} nodes, s", taken[middle], GOALS["large"], most=True)
        growth = [
            b / a * 4.0 * exact[first] / exact[last] for a, b in zip(taken[first], taken[last], strict=True)
        ]
        report.goal("four times the nodes, times as long", growth, GOALS["linear"], most=True)
