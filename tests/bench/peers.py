"""Logistic regression over m rows in minigrad, NumPy, PyTorch, JAX and scikit-learn.

Room: builds contenders and data; measures nothing. Below: `measuring`. A peer that is not installed is left out.
Must hold: every contender computes mean loss and gradient (n + 1,), bias last, from the same numbers; what can be
prepared once (device arrays, buffers) is prepared once.

    apart     columns stored apart: each column's numbers lie side by side (Fortran order)
    together  rows stored together: each row's numbers lie side by side (C order)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from measuring import Contender, optional

import minigrad
from minigrad import Value, bce, dot, sigmoid

Array = np.ndarray[Any, Any]

LAYOUTS = ("apart", "together")

#: minigrad's figures, by the name they are printed under.
OURS, OURS_32 = "minigrad", "minigrad, float32 columns"


class Data(NamedTuple):
    """A table in both layouts, and where to evaluate.

    apart, together  (m, n + 1) float64 in Fortran and in C order; the last column is y
    features         (m, n) float64 in C order: of peers that take no column out of a table without losing speed
    theta            (n + 1,) weights, then the bias
    """

    apart: Array
    together: Array
    features: Array
    theta: Array

    @property
    def y(self) -> Array:
        """The labels, side by side."""
        return self.apart[:, -1]

    def x(self, layout: str) -> Array:
        """The features (m, n)."""
        return self.apart[:, :-1] if layout == "apart" else self.features

    def table(self, layout: str) -> Array:
        """The whole table (m, n + 1)."""
        return self.apart if layout == "apart" else self.together


def data(m: int, n: int, *, seed: int = 7) -> Data:
    """Standardised features, and labels drawn from a model with |weights| of 1 in all."""
    draw = np.random.default_rng((seed, m, n))
    features = draw.standard_normal((m, n))
    features -= features.mean(axis=0)
    features /= features.std(axis=0)
    theta = np.append(draw.standard_normal(n) / np.sqrt(n), 0.25)
    y = draw.random(m) < 1.0 / (1.0 + np.exp(-(features @ theta[:-1] + theta[-1])))
    together = np.column_stack([features, y.astype(np.float64)])
    return Data(np.asfortranarray(together), together, features, 0.75 * theta)


class Model(NamedTuple):
    """The graph of one example with n features, as a user writes it."""

    x: list[Value]
    y: Value
    w: list[Value]
    b: Value
    z: Value
    loss: Value

    @property
    def rows(self) -> list[Value]:
        """What differs from row to row, in the order of the table."""
        return [*self.x, self.y]

    @property
    def wrt(self) -> list[Value]:
        """The parameters, in the order of theta."""
        return [*self.w, self.b]


def model(theta: Array) -> Model:
    """L = bce(sigmoid(w·x + b), y)."""
    n = len(theta) - 1
    x = [Value(0.0, label=f"x{j + 1}") for j in range(n)]
    w = [Value(float(theta[j]), label=f"w{j + 1}") for j in range(n)]
    b, y = Value(float(theta[-1]), label="b"), Value(1.0, label="y")
    z = (dot(w, x) + b).named("z")
    return Model(x, y, w, b, z, bce(sigmoid(z), y).named("L"))


# -- loss and gradient ------------------------------------------------------------------------------------


def minigrad_contenders(given: Data, threads: int) -> list[Contender]:
    """One program, called with each layout."""
    m = model(given.theta)
    program = minigrad.compile(m.loss, rows=m.rows, wrt=m.wrt, threads=threads)
    return [Contender(OURS, partial(program, given.table(layout)), layout) for layout in LAYOUTS]


def numpy_step(x: Array, y: Array, theta: Array) -> Callable[[], Any]:
    """As a user of NumPy writes it who minds both overflow and temporaries: all work in three buffers."""
    m = len(y)
    z, e, t = np.empty((3, m))
    weights, bias = np.ascontiguousarray(theta[:-1]), float(theta[-1])

    def step() -> Any:
        np.dot(x, weights, out=z)
        np.add(z, bias, out=z)
        np.abs(z, out=e)
        np.negative(e, out=e)
        np.exp(e, out=e)
        np.log1p(e, out=t)
        loss = t.sum() - y @ z
        np.maximum(z, 0.0, out=t)
        loss += t.sum()
        np.add(e, 1.0, out=t)
        np.copyto(e, 1.0, where=z >= 0.0)
        np.divide(e, t, out=e)
        np.subtract(e, y, out=e)
        return loss / m, (e @ x) / m, e.sum() / m

    return step


def numpy_contenders(given: Data, threads: int) -> list[Contender]:
    """In both layouts; OpenBLAS takes its threads from the environment."""
    return [
        Contender("NumPy", numpy_step(given.x(layout), given.y, given.theta), layout) for layout in LAYOUTS
    ]


def torch_contenders(given: Data, threads: int) -> list[Contender]:
    """PyTorch's autograd, and its kernels with the gradient written by hand."""
    torch = optional("torch")
    if torch is None:
        return []
    torch.set_num_threads(threads)
    bce_of = torch.nn.functional.binary_cross_entropy_with_logits
    y = torch.from_numpy(given.y)
    w = torch.from_numpy(given.theta[:-1].copy()).requires_grad_()
    b = torch.tensor(given.theta[-1], requires_grad=True)
    by_hand = w.detach(), b.detach()

    def autograd(x: Any) -> Any:
        loss = bce_of(x @ w + b, y)
        return loss.item(), *torch.autograd.grad(loss, (w, b))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def hand(x: Any) -> Any:
        z = torch.mv(x, by_hand[0]).add_(by_hand[1])
        loss = bce_of(z, y)
        d = z.sigmoid_().sub_(y)
        return loss.item(), (d @ x) / len(y), d.mean()

    found = []
    for layout in LAYOUTS:
        x = torch.from_numpy(given.x(layout))
        found.append(Contender("PyTorch", partial(autograd, x), layout))
        found.append(Contender("PyTorch, gradient by hand", partial(hand, x), layout))
    return found


def jax_loss(layout: str) -> Callable[..., Any]:
    """Mean loss of JAX at theta; "apart" takes the features as (n, m), for JAX stores rows together."""
    jnp = optional("jax.numpy")

    def loss(theta: Any, x: Any, y: Any) -> Any:
        product = theta[:-1] @ x if layout == "apart" else x @ theta[:-1]
        z = product + theta[-1]
        return jnp.mean(jnp.logaddexp(z, 0.0) - y * z)

    return loss


def jax_arguments(given: Data, layout: str) -> tuple[Any, Any, Any]:
    """theta, features and labels on JAX's device."""
    jax = optional("jax")
    x = given.x(layout)
    x = x.T if layout == "apart" else x
    return jax.device_put(given.theta), jax.device_put(x), jax.device_put(np.ascontiguousarray(given.y))


def waiting(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function of JAX that returns when its results are there."""
    wait = optional("jax").block_until_ready
    return lambda *arguments: wait(compiled(*arguments))


def jax_contenders(given: Data, threads: int) -> list[Contender]:
    """jit(value_and_grad(loss)), waited for."""
    jax = optional("jax")
    if jax is None:
        return []
    found = []
    for layout in LAYOUTS:
        step = jax.jit(jax.value_and_grad(jax_loss(layout)))
        found.append(Contender("JAX", partial(waiting(step), *jax_arguments(given, layout)), layout))
    return found


def sklearn_contenders(given: Data, threads: int) -> list[Contender]:
    """What its LogisticRegression calls: LinearModelLoss with HalfBinomialLoss."""
    linear, losses = optional("sklearn.linear_model._linear_loss"), optional("sklearn._loss")
    if linear is None:
        return []
    loss = linear.LinearModelLoss(base_loss=losses.HalfBinomialLoss(), fit_intercept=True)
    y = np.ascontiguousarray(given.y)

    def step(x: Array) -> Any:
        return loss.loss_gradient(given.theta, x, y, None, 0.0, threads)

    return [Contender("scikit-learn", partial(step, given.x(layout)), layout) for layout in LAYOUTS]


def peers(given: Data, threads: int) -> list[Contender]:
    """All that are installed."""
    makers = (numpy_contenders, torch_contenders, jax_contenders, sklearn_contenders)
    return [contender for make in makers for contender in make(given, threads)]


# -- reading the data, and nothing else -------------------------------------------------------------------


def readers(given: Data, threads: int) -> list[Contender]:
    """Ways to look at each number of the table once; the fastest of them counts as "reading once".

    The array is contiguous, so layout plays no part. NumPy's sum and BLAS's x·x use one thread or as many as the
    environment says, PyTorch's sum as many as it was told.
    """
    flat = given.together.reshape(-1)
    found = [
        Contender("numpy.sum(x)", lambda: flat.sum()),
        Contender("x @ x", lambda: flat @ flat),
    ]
    torch = optional("torch")
    if torch is not None:
        tensor = torch.from_numpy(flat)
        found.append(Contender("torch.sum(x)", lambda: tensor.sum()))
    return found


def gradient_size(given: Data) -> Array:
    """What the numbers of loss and gradient are added up from: means of |loss| and of |d * x_j| over the rows."""
    z = given.features @ given.theta[:-1] + given.theta[-1]
    d = np.abs(1.0 / (1.0 + np.exp(-z)) - given.y)
    return np.concatenate([[np.mean(np.logaddexp(z, 0.0))], d @ np.abs(given.features) / len(z), [d.mean()]])
