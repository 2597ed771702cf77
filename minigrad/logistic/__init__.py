"""Logistic regression: the graph of one example, its closed forms, and the model fitted to m rows.

    forward    z = w1*x1 + w2*x2 + b      a = sigmoid(z)      L = -(y*log(a) + (1 - y)*log(1 - a))
    backward   dA = -y/a + (1 - y)/(1 - a)     dZ = a - y     dW1 = x1*dZ     dW2 = x2*dZ     dB = dZ
    update     w1 := w1 - alpha*dW1            w2 := w2 - alpha*dW2           b := b - alpha*dB

log is the natural logarithm, so L is in nats; dZ is short for dL/dz, dA for dL/da, and so on.

Room: the public face of this folder; the model, and nothing of how it is shown. In it, from the bottom up:

    example       one example as a graph: the lecture's, and that of n features
    paper         the closed forms, computed without the graph
    file          a trained model as JSON
    rows          rows with their labels
    separation    whether the rows determine the weights
    coordinates   standardised columns and the penalty, as a solver sees them
    model         LogisticRegression
"""

from minigrad.logistic.example import Example, OneRow, Recorded, example, updated
from minigrad.logistic.file import ModelFileError, Training
from minigrad.logistic.model import LogisticRegression, NotFittedError
from minigrad.logistic.paper import (
    FORMULAS,
    Comparison,
    closed_forms,
    compared,
    distance,
    mean_gradient_on_paper,
)
from minigrad.logistic.separation import SeparationWarning

__all__ = [
    "FORMULAS", "Comparison", "Example", "LogisticRegression", "ModelFileError", "NotFittedError", "OneRow", "Recorded",
    "SeparationWarning", "Training", "closed_forms", "compared", "distance", "example", "mean_gradient_on_paper",
    "updated",
]  # fmt: skip
