"""Section: a training step of a 2-16-16-1 perceptron on 100 points, each scalar of it a node.

Room: measures. Below: `engine` (the perceptron), `measuring`.
Must hold: all take the same steps from the same start; where they arrive is compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from engine import Node, perceptron_layers, score
from measuring import Contender, Report, assert_same, in_turns, numbers, optional, ratios

import minigrad
from minigrad import Value

Array = np.ndarray[Any, Any]

#: How many times faster than each peer.
GOALS = {"PyTorch": 5.0, "JAX": 1.0}

#: Learning rate of a step: alpha * gradient is what it takes off.
ALPHA = 0.01

#: Sums of 100 terms, five steps on: some hundred roundings.
TOLERANCE = 1e-12


def moons(points: int) -> tuple[Array, Array]:
    """Two half circles, one inside the other, with noise: points (m, 2) and which they belong to, -1 or 1."""
    draw = np.random.default_rng((11, points))
    angle = np.pi * draw.random(points)
    y = np.where(np.arange(points) % 2 == 0, 1.0, -1.0)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)])
    return np.where(y[:, None] > 0, upper, lower) + 0.1 * draw.standard_normal((points, 2)), y


class Network:
    """The graph of one point: max(0, 1 - y * score)."""

    def __init__(self, hidden: int = 16) -> None:
        self.layers = perceptron_layers(Value, random.Random(5), hidden)
        self.x = [Value(0.3, label="x1"), Value(-0.2, label="x2")]
        self.y = Value(1.0, label="y")
        self.wrt = [p for layer in self.layers for neuron in layer for p in neuron]
        self.loss: Node = (1.0 - self.y * score(self.layers, list(self.x))).relu()
        self.rows = [*self.x, self.y]

    def matrices(self) -> list[Array]:
        """The parameters as a peer holds them: weights (out, in) and biases (out,), layer by layer."""
        found = []
        for layer in self.layers:
            whole = np.array([[p.data for p in neuron] for neuron in layer])
            found += [np.ascontiguousarray(whole[:, :-1]), np.ascontiguousarray(whole[:, -1])]
        return found


def flat(matrices: list[Any]) -> Array:
    """Weights and biases in the order of `Network.wrt`."""
    arrays = [np.asarray(part) for part in matrices]
    return np.concatenate(
        [np.column_stack([w, b]).ravel() for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
    )


class Side:
    """One contender: a step returns the loss before it; `where` tells the parameters after it."""

    def __init__(self, name: str, step: Callable[[], Any], where: Callable[[], Array]) -> None:
        self.name, self.step, self.where = name, step, where

    def contender(self, steps: int = 1) -> Contender:
        """Some steps from where it is now, and where they lead."""
        return Contender(self.name, lambda: (*(self.step() for _ in range(steps)), self.where()))


def minigrad_side(points: Array, labels: Array) -> Side:
    """Loss and gradient of all points in one run of the program."""
    network = Network()
    program = minigrad.compile(network.loss, rows=network.rows, wrt=network.wrt)
    objective = program.objective(np.asfortranarray(np.column_stack([points, labels])))
    theta = objective.start.copy()

    def step() -> float:
        loss, gradient = objective(theta)
        np.subtract(theta, ALPHA * gradient, out=theta)
        return float(loss)

    return Side("minigrad", step, lambda: theta.copy())


def torch_side(points: Array, labels: Array) -> Side | None:
    """Matrices over all points at once, autograd, and the update in place."""
    torch = optional("torch")
    if torch is None:
        return None
    torch.set_num_threads(1)
    parameters = [torch.from_numpy(part).requires_grad_() for part in Network().matrices()]
    x, y = torch.from_numpy(points), torch.from_numpy(labels)
    linear = torch.nn.functional.linear

    def step() -> float:
        w1, b1, w2, b2, w3, b3 = parameters
        h = linear(torch.relu(linear(torch.relu(linear(x, w1, b1)), w2, b2)), w3, b3)
        loss = torch.relu(1.0 - y * h[:, 0]).mean()
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-ALPHA)
        return float(loss.item())

    return Side("PyTorch", step, lambda: flat([p.detach().numpy() for p in parameters]))


def jax_side(points: Array, labels: Array) -> Side | None:
    """The whole step compiled, the parameters handed over and back."""
    jax, jnp = optional("jax"), optional("jax.numpy")
    if jax is None:
        return None
    held = [[jax.device_put(part) for part in Network().matrices()]]
    x, y = jax.device_put(points), jax.device_put(labels)

    def loss_of(parameters: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        h = jnp.maximum(jnp.maximum(x @ w1.T + b1, 0.0) @ w2.T + b2, 0.0) @ w3.T + b3
        return jnp.maximum(1.0 - y * h[:, 0], 0.0).mean()

    @jax.jit  # type: ignore[untyped-decorator]
    def compiled(parameters: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(parameters)
        return loss, [p - ALPHA * g for p, g in zip(parameters, gradients, strict=True)]

    def step() -> float:
        loss, held[0] = compiled(held[0])
        return float(jax.block_until_ready((loss, held[0]))[0])

    return Side("JAX", step, lambda: flat(held[0]))


def network(report: Report, quick: bool) -> None:
    """One step: loss, gradient and update."""
    points, labels = moons(100)
    report.begin(f"a step of a 2-16-16-1 perceptron, max-margin loss, {len(points)} points")
    makers = (minigrad_side, torch_side, jax_side)
    sides = [side for make in makers if (side := make(points, labels)) is not None]
    start = numbers(flat(Network().matrices()))
    assert_same(
        [side.contender(steps=5) for side in sides], max(1.0, float(np.max(np.abs(start)))), TOLERANCE
    )
    contenders = [Contender(side.name, side.step) for side in sides]
    times = in_turns(contenders, 2 if quick else 31)
    for name, seconds in times.items():
        report.row(name, {"": seconds}, "us")
    for name, goal in GOALS.items():
        if name in times:
            report.goal(f"{name} / minigrad", ratios(times[name], times["minigrad"]), goal)
