"""Code written for micrograd runs by changing its import."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from minigrad import Value

SEED = 20261124


def test_a_scalar_expression_of_every_operator() -> None:
    """Forward and backward of a tangle of + - * / ** relu; the gradient against central differences in 50 digits."""
    import mpmath

    def tangle(a: Any, b: Any, relu: Callable[[Any], Any]) -> Any:
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + relu(b + a)
        d += 3 * d + relu(b - a)
        e = c - d
        f = e**2
        g = f / 2.0
        return g + 10.0 / f

    a, b = Value(-4.0), Value(2.0)
    g = tangle(a, b, lambda v: v.relu())
    g.backward()
    with mpmath.workdps(50):

        def exact(x: Any, y: Any) -> Any:
            return tangle(mpmath.mpf(x), mpmath.mpf(y), lambda v: max(v, 0))

        assert g.data == pytest.approx(float(exact(-4, 2)), rel=1e-15)
        step = mpmath.mpf(10) ** -15
        by_a = (exact(-4 + step, 2) - exact(-4 - step, 2)) / (2 * step)
        by_b = (exact(-4, 2 + step) - exact(-4, 2 - step)) / (2 * step)
    assert a.grad == pytest.approx(float(by_a), rel=1e-13)
    assert b.grad == pytest.approx(float(by_b), rel=1e-13)


def test_the_names_of_the_lecture() -> None:
    """data, grad, label, _prev, _op, tanh, exp, and an attribute that one sets by hand."""
    x1, w1 = Value(2.0, label="x1"), Value(-3.0, label="w1")
    product = x1 * w1
    product.label = "x1*w1"
    out = (product + 6.8813735870195432).tanh()
    out.label = "o"
    out.backward()
    assert product._prev == {x1, w1}
    assert (product._op, out._op, x1._op) == ("*", "tanh", "")
    slope = 1 - math.tanh(-6 + 6.8813735870195432) ** 2
    assert x1.grad == pytest.approx(-3.0 * slope, rel=1e-13)
    assert w1.grad == pytest.approx(2.0 * slope, rel=1e-13)
    e = (2 * product).exp()
    assert ((e - 1) / (e + 1)).data == pytest.approx(math.tanh(-6.0), rel=1e-12)
    w1.data += -0.1 * w1.grad
    w1.grad = 0.0
    assert w1.grad == 0


class Neuron:
    """Weights, a bias, relu or nothing."""

    def __init__(self, inputs: int, draw: random.Random, nonlinear: bool = True) -> None:
        self.w = [Value(draw.uniform(-1, 1)) for _ in range(inputs)]
        self.b = Value(0)
        self.nonlinear = nonlinear

    def __call__(self, x: Sequence[Value | float]) -> Value:
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlinear else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]


class Perceptron:
    """Layers of neurons."""

    def __init__(self, sizes: Sequence[int], draw: random.Random) -> None:
        last = len(sizes) - 2
        self.layers = [
            [Neuron(sizes[i], draw, i < last) for _ in range(sizes[i + 1])] for i in range(last + 1)
        ]

    def __call__(self, x: Sequence[Value | float]) -> Value:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        assert isinstance(x[0], Value)
        return x[0]

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0


def test_a_perceptron_learns() -> None:
    """Two half circles, hinge loss and a penalty, stochastic steps as in the demo of micrograd."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    points = []
    for i in range(40):
        angle = math.pi * draw.random()
        x, y = math.cos(angle), math.sin(angle)
        points.append(((x, y), 1) if i % 2 else ((1 - x, 0.5 - y), -1))
    model = Perceptron([2, 8, 8, 1], draw)
    losses, right = [], 0.0
    for step in range(30):
        scores = [model(list(map(Value, point))) for point, _ in points]
        hinge = [(1 + -label * score).relu() for (_, label), score in zip(points, scores, strict=True)]
        penalty = 1e-4 * sum(p * p for p in model.parameters())
        total = sum(hinge, Value(0.0)) * (1.0 / len(hinge)) + penalty
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * step / 30) * p.grad
        losses.append(total.data)
        right = (
            sum((label > 0) == (score.data > 0) for (_, label), score in zip(points, scores, strict=True))
            / 40
        )
    assert losses[-1] < losses[0] / 2
    assert right >= 0.85
