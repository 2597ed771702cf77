"""The table that is shipped.

Room: gives NumPy arrays, knows nothing of graphs.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np

from minigrad.tables.checks import Floats


class Table(NamedTuple):
    """Rows with their labels.

    rows    (m, n) float64
    labels  (m,) float64, each 0 or 1
    names   n names of columns
    """

    rows: Floats
    labels: Floats
    names: tuple[str, ...]


def breast_cancer() -> Table:
    """The Wisconsin breast-cancer (diagnostic) table: 569 rows of 30 columns; label 1 is malignant.

    Each row describes the cell nuclei in the image of a fine needle aspirate of a breast mass: ten features,
    of each the mean, the standard error and the mean of the three largest values. 212 rows are malignant
    (label 1) and 357 benign (label 0); scikit-learn's copy counts the other way round (1 is benign). Lengths
    and areas are in units of the image.

    Source: Wolberg, Mangasarian, Street and Street (1995), UCI Machine Learning Repository,
    https://doi.org/10.24432/C5DW2B, licence CC BY 4.0. The file data/breast_cancer.txt says more.

    >>> table = breast_cancer()
    >>> table.rows.shape, int(table.labels.sum()), table.names[0], float(table.rows[0, 0])
    ((569, 30), 212, 'mean_radius', 17.99)
    """
    source = resources.files("minigrad") / "data" / "breast_cancer.csv"
    header, *lines = csv.reader(source.read_text(encoding="utf-8").splitlines())
    rows = np.array([line[1:] for line in lines], dtype=np.float64)
    labels = np.array([line[0] == "malignant" for line in lines], dtype=np.float64)
    return Table(rows, labels, tuple(header[1:]))
