"""Rows to run a graph over: from files, frames and arrays, checked, brought to one scale, set apart.

Room: the public face of this folder. Gives NumPy arrays, knows nothing of graphs.
"""

from minigrad.tables.checks import Floats, check_finite, checked_labels, checked_rows
from minigrad.tables.columns import columns_of
from minigrad.tables.labels import labels01
from minigrad.tables.output import write_table
from minigrad.tables.place import DataError
from minigrad.tables.prepare import Split, Standardised, split, standardised
from minigrad.tables.shipped import Table, breast_cancer
from minigrad.tables.stream import Stream, open_rows, read_table

__all__ = [
    "DataError", "Floats", "Split", "Standardised", "Stream", "Table",
    "breast_cancer", "check_finite", "checked_labels", "checked_rows", "columns_of", "labels01", "open_rows",
    "read_table", "split", "standardised", "write_table",
]  # fmt: skip
