"""The updates of first order: gradient descent, momentum, Adam.

    gradient descent   theta := theta - alpha*g
    momentum           v := mu*v + g;  theta := theta - alpha*v             (Polyak 1964)
    Nesterov           v := mu*v + g;  theta := theta - alpha*(g + mu*v)    (Nesterov 1983)
    Adam               m := beta1*m + (1 - beta1)*g;  s := beta2*s + (1 - beta2)*g^2
                       theta := theta - alpha * m/(1 - beta1^t) / (sqrt(s/(1 - beta2^t)) + epsilon)

Room: one function for each, from parameters, moments and gradient to new parameters and moments. Nothing is
changed in place, so that a run can be stopped anywhere between two steps.
Source: Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum in deep learning
(2013), for momentum in this form; Kingma and Ba, Adam (2015), Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from minigrad.descent.objective import Floats
from minigrad.descent.options import Options

#: What an update remembers from step to step, by name.
Moments: TypeAlias = dict[str, Floats]

#: (parameters, moments, gradient, alpha, number of this step from 1 on, options) -> parameters, moments
Step: TypeAlias = Callable[[Floats, Moments, Floats, float, int, Options], tuple[Floats, Moments]]


def _descent(
    theta: Floats, _: Moments, g: Floats, alpha: float, t: int, options: Options
) -> tuple[Floats, Moments]:
    return theta - alpha * g, {}


def _momentum(
    theta: Floats, moments: Moments, g: Floats, alpha: float, t: int, options: Options
) -> tuple[Floats, Moments]:
    mu = options.momentum or 0.0
    v = mu * moments["velocity"] + g
    return theta - alpha * (g + mu * v if options.nesterov else v), {"velocity": v}


def _adam(
    theta: Floats, moments: Moments, g: Floats, alpha: float, t: int, options: Options
) -> tuple[Floats, Moments]:
    beta1, beta2 = options.betas or (0.0, 0.0)
    mean = beta1 * moments["mean"] + (1.0 - beta1) * g
    square = beta2 * moments["square"] + (1.0 - beta2) * (g * g)
    unbiased = mean / (1.0 - beta1**t)
    root = np.sqrt(square / (1.0 - beta2**t))
    return theta - alpha * unbiased / (root + (options.epsilon or 0.0)), {"mean": mean, "square": square}


#: For each solver of first order: its update, and the moments that start at 0.
STEPS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "gd": (_descent, ()),
    "momentum": (_momentum, ("velocity",)),
    "adam": (_adam, ("mean", "square")),
}
