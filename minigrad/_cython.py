"""Stands in for the `cython` module where Cython is not installed.

Room: what the compiled modules name at run time while they run interpreted: decorators that change nothing
and types that are Python's own. Below: nothing. Used by the modules that are compiled, which
import it only when `import cython` fails.
"""

from __future__ import annotations

import builtins
from typing import Any, TypeVar

_T = TypeVar("_T")

#: The same name as Cython's: False says that this is the interpreted form.
compiled = False


def _unchanged(decorated: _T) -> _T:
    """A decorator that has a meaning only for the compiler."""
    return decorated


cclass = ccall = cfunc = final = inline = no_gc = nogil = with_gil = _unchanged

double = float
bint = bool
int = Py_ssize_t = size_t = builtins.int
p_double = list


def exceptval(*, check: bool) -> Any:
    """What a function returns when it raises: nothing to declare here."""
    return _unchanged


def declare(kind: Any, value: Any = None) -> Any:
    """Cython's declaration of a variable: here its value."""
    return value
