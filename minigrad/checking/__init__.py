"""Is this derivative right, and if not, what is the slip?

    check            formulas beside the derivatives of a recorded graph
    check_function   cost and gradients of a NumPy function over m rows
    assert_gradient  either, as an assertion for pytest
    prove            whether two formulas are the same

Room: the names that users import. Below: the modules of this package. (The package is not called `check`, for a
module of that name would hide the function.)
"""

from minigrad.checking.assertion import assert_gradient
from minigrad.checking.function import check_function
from minigrad.checking.proof import prove
from minigrad.checking.recorded import check
from minigrad.checking.report import GradientError, Report
from minigrad.checking.verdict import Comparison, Finding, Proof, Reading, Slip

__all__ = [
    "Comparison",
    "Finding",
    "GradientError",
    "Proof",
    "Reading",
    "Report",
    "Slip",
    "assert_gradient",
    "check",
    "check_function",
    "prove",
]
