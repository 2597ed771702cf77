"""Derivatives as graphs.

Room: reads a recorded graph as expressions and takes their adjoints. Below: `expression`, `reverse`, `simplify`.
Above: `program`, `check`, `draw`.
"""

from __future__ import annotations

from minigrad.reverse import adjoints

__all__ = ["adjoints"]
