"""The pictures that README.md shows, made by a run: `python docs/_ext/pictures.py` writes them.

Room: the site and the README only. tests/test_docs.py holds the files against what is drawn now.
Must hold: the system's Graphviz plays no part, whose layouts differ from version to version.
"""

from __future__ import annotations

import os
from pathlib import Path

from minigrad.draw import draw
from minigrad.logistic import example

STATIC = Path(__file__).parent.parent / "_static"


def pictures() -> dict[str, str]:
    """{name of the file: its SVG}. Hides the PATH of this process."""
    os.environ["PATH"] = ""
    one = example()
    one.loss.backward()
    return {f"logistic-{theme}.svg": draw(one.loss, theme=theme).svg for theme in ("light", "dark")}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (STATIC / name).write_text(svg, encoding="utf-8", newline="\n")
        print(STATIC / name)
