"""Types of native.py: what Python sees of it."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from minigrad.program.instructions import Code

_Array = np.ndarray[Any, Any]
_Sources = list[_Array] | tuple[_Array, tuple[int, ...]]

@final
class Machine:
    """A program made ready to run: see `minigrad.program.machine`."""

    code: Code
    def __init__(self, code: Code) -> None: ...
    def run(
        self, cells: _Array, sources: _Sources, m: int, stores: Sequence[_Array] = (), threads: int = 1
    ) -> None:
        """`start`, one `feed` and `finish`."""

    def start(self, cells: _Array) -> None:
        """Take the cells and do what comes before the rows."""

    def feed(self, sources: _Sources, m: int, stores: Sequence[_Array] = (), threads: int = 1) -> None:
        """Run m rows."""

    def finish(self) -> None:
        """Write the totals into the cells and do what comes after."""
