"""minigrad: write the graph of one example. See it, check it, run it over every row you have.

>>> from minigrad import Value, sigmoid, bce
>>> w, b = Value(0.5, label="w"), Value(-0.25, label="b")
>>> x, y = 2.0, 1.0
>>> z = (w * x + b).named("z")
>>> a = sigmoid(z).named("a")
>>> L = bce(a, y).named("L")
>>> L.backward()
>>> abs(z.grad - (a.data - y)) < 1e-15
True
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from minigrad import _form

_form.choose()

from minigrad import functions as _functions  # noqa: E402
from minigrad._form import InterpretedWarning  # noqa: E402
from minigrad.functions import *  # noqa: E402, F403
from minigrad.graph import Graph, GraphFormatError  # noqa: E402
from minigrad.real import NotANumberError  # noqa: E402
from minigrad.rules import RULES, Rule  # noqa: E402
from minigrad.value import COMPILED, Value, attach  # noqa: E402

if TYPE_CHECKING:
    from minigrad.checking import GradientError, Report, assert_gradient, check_function, prove
    from minigrad.checking import check as check
    from minigrad.derivative import (
        ClosedForm,
        Derivative,
        closed_form,
        derive,
        hessian,
        hessian_product,
        jacobian,
    )  # fmt: skip
    from minigrad.draw import Drawing, GraphTooLargeError
    from minigrad.explaining import ExplainError, Explanation, explain, why
    from minigrad.formula import FormulaError
    from minigrad.nonfinite import NonFinite, find_nonfinite
    from minigrad.page import Page
    from minigrad.program import NonFiniteError, Objective, Program, ProgramError
    from minigrad.program import compile as compile

_form.report(COMPILED)

__version__ = "0.2.0"

#: Public names that are imported when they are first used: {name: module}.
_LATER = {
    "Drawing": "draw", "GraphTooLargeError": "draw", "FormulaError": "formula",
    "find_nonfinite": "nonfinite", "NonFinite": "nonfinite",
    "Page": "page",
    "NonFiniteError": "program", "Objective": "program", "Program": "program", "ProgramError": "program",
    "compile": "program",
    "ClosedForm": "derivative", "Derivative": "derivative", "closed_form": "derivative", "derive": "derivative",
    "ExplainError": "explaining", "Explanation": "explaining", "explain": "explaining", "why": "explaining",
    "hessian": "derivative", "hessian_product": "derivative", "jacobian": "derivative",
    "GradientError": "checking", "Report": "checking", "check": "checking", "check_function": "checking",
    "assert_gradient": "checking", "prove": "checking",
}  # fmt: skip

#: Methods that upper floors give to Value: {method: (module, function)}.
_METHODS = {
    "draw": ("draw", "draw"),
    "explain": ("explaining", "explained"),
    "find_nonfinite": ("nonfinite", "find_nonfinite"),
    "ledger": ("replay", "ledger"),
    "page": ("page", "page"),
    "steps": ("replay", "steps"),
    "why": ("explaining", "why"),
    "_repr_mimebundle_": ("draw", "mimebundle"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
    found = globals()[name] = getattr(_import_module(f"minigrad.{_LATER[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


def _later(module: str, function: str) -> Any:
    """A method of Value that imports its module when it is first called."""

    def method(self: Value, *arguments: Any, **options: Any) -> Any:
        return getattr(_import_module(f"minigrad.{module}"), function)(self, *arguments, **options)

    method.__name__ = method.__qualname__ = function
    method.__doc__ = f"See `minigrad.{module}.{function}`."
    return method


for _name, (_module, _function) in _METHODS.items():
    attach(_name, _later(_module, _function))

#: `from minigrad import *` leaves Python's own abs, compile, min, max, pow and sum alone.
__all__ = [
    "COMPILED", "ClosedForm", "Derivative", "Drawing", "ExplainError", "Explanation", "FormulaError", "GradientError",
    "Graph", "GraphFormatError", "GraphTooLargeError", "InterpretedWarning", "NonFinite", "NonFiniteError",
    "NotANumberError", "Objective", "Page", "Program", "ProgramError", "RULES", "Report", "Rule", "Value",
    "assert_gradient", "check", "check_function", "closed_form", "derive", "explain", "find_nonfinite", "hessian",
    "hessian_product", "jacobian", "prove", "why",
    *(name for name in _functions.__all__ if name not in ("abs", "min", "max", "pow", "sum")),
]  # fmt: skip
