"""Rows to run a graph over: from files, frames and arrays, checked, brought to one scale, set apart.

Room: the public face of this folder. Gives NumPy arrays, knows nothing of graphs.
"""

from minigrad.tables.checks import Floats, checked_labels, checked_rows
from minigrad.tables.columns import columns_of
from minigrad.tables.place import DataError
from minigrad.tables.prepare import Split, Standardised, split, standardised
from minigrad.tables.shipped import Table, breast_cancer
from minigrad.tables.stream import Stream, open_rows, read_table

__all__ = [
    "DataError", "Floats", "Split", "Standardised", "Stream", "Table",
    "breast_cancer", "checked_labels", "checked_rows", "columns_of", "open_rows", "read_table",
    "split", "standardised",
]  # fmt: skip
