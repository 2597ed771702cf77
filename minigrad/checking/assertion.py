"""`assert_gradient`: a check as an assertion, for pytest and for whoever reads its failure.

Room: chooses between `check` and `check_function`. Below: both. Above: users' tests.
Must hold: it passes only when every derivative is right; the message of the failure is the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minigrad.checking.report import GradientError, Report
from minigrad.value import Value


def assert_gradient(subject: Value | Callable[..., Any], given: Any = None, **options: Any) -> Report:
    """Assert that derivatives worked out by hand are right.

    subject  a result, whose derivatives are `given` as {node: formula}: see `check`; or a function that returns
             gradients and cost, `given` its data (w, b, X, Y): see `check_function`
    options  of `check` or `check_function`, such as seed or model
    return   the Report

    Raises GradientError, an AssertionError whose message is the report, when a derivative is wrong, and also when it
    cannot be told whether it is right: an assertion that says nothing must not pass.

    >>> from minigrad import Value, sigmoid
    >>> z = Value(0.5, label="z")
    >>> a = sigmoid(z).named("a")
    >>> assert_gradient(a, {"z": "a*(1 - a)"}).ok
    True
    """
    __tracebackhide__ = True
    report = _report(subject, given, options)
    if not report.ok:
        raise GradientError(report)
    return report


def _report(subject: Value | Callable[..., Any], given: Any, options: Mapping[str, Any]) -> Report:
    __tracebackhide__ = True
    if isinstance(subject, Value):
        from minigrad.checking.recorded import check

        return check(subject, given, **options)
    if not callable(subject):
        raise TypeError(f"assert_gradient takes a Value or a function, not {type(subject).__name__}")
    from minigrad.checking.function import check_function

    return check_function(subject, given, **options)
