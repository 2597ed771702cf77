"""A notebook is executed, in a Jupyter kernel of its own; what its cells show is looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import minigrad

ROOT = Path(minigrad.__file__).parents[1]

CELLS = [
    "from minigrad import Value, sigmoid, bce\n"
    "w, x, y = Value(0.5, label='w'), Value(2.0, label='x'), Value(1.0, label='</script>')\n"
    "a = sigmoid(w * x).named('a')\n"
    "L = bce(a, y).named('L')\n"
    "L.backward()\n"
    "L",
    "L.draw(partials=True, flow='both', title='backward')",
    "total = Value(0.0, label='start')\nfor i in range(1000):\n    total = total + 0.5 * i\ntotal",
    "total.draw(fold=True)",
    "a.data; None",
]


#: Executes a notebook in place, in a process of its own: Jupyter warns, and opens sockets.
EXECUTE = """
import sys, warnings
warnings.simplefilter("ignore")
import nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def executed(cells: list[str], folder: Path) -> list[dict[str, Any]]:
    """What each cell shows, as {type: text}."""
    if "CI" not in os.environ and not all(map(find_spec, ("nbclient", "nbformat", "ipykernel"))):
        pytest.skip("needs nbclient and ipykernel, of the extra test")
    code: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": cell,
        }
        for i, cell in enumerate(cells)
    ]
    path = folder / "a.ipynb"
    path.write_text(json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, path.name],
        cwd=folder, check=False, capture_output=True, text=True, timeout=240,
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder),
            "IPYTHONDIR": str(folder / "ipython"), "PATH": str(folder),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs = [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]
    return [
        {kind: "".join(text) for output in cell for kind, text in output.get("data", {}).items()}
        for cell in outputs
    ]


def test_a_notebook_shows_pictures_or_says_why_not(tmp_path: Path) -> None:
    """Values and drawings as SVG with nothing installed beside; a graph that is too large as a sentence."""
    value, drawing, large, folded, nothing = executed(CELLS, tmp_path)
    for shown in (value, drawing, folded):
        root = ElementTree.fromstring(shown["image/svg+xml"])
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert value["text/plain"].startswith("Value(data=0.31326")
    assert "&lt;/script&gt;" in value["image/svg+xml"]
    assert "∂ local derivative" in drawing["image/svg+xml"]
    assert list(large) == ["text/plain"]
    assert "No picture: the graph has 2,001 nodes" in large["text/plain"]
    assert "fold what repeats (fold=True)" in large["text/plain"]
    assert "× 1,000" in folded["image/svg+xml"]
    assert nothing == {}
