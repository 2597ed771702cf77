"""The site: Sphinx over Markdown pages.

Build it with `sphinx-build -W docs docs/_build`. In `_ext`: the directives `run` (a piece of Python with what
it prints and draws), `operations` and `rewrites` (the tables), and formulas that need no network. See
contributing.md.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The source files carry signatures and docstrings that native code hides, and both give the same numbers.
os.environ.pop("MINIGRAD_REQUIRE_COMPILED", None)
os.environ["MINIGRAD_INTERPRETED"] = "1"

here = Path(__file__).parent
sys.path.insert(0, str(here / "_ext"))
sys.path.insert(0, str(here.parent))

import minigrad  # noqa: E402

project = "minigrad"
author = "the minigrad authors"
project_copyright = f"2026, {author}"
version = release = minigrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "run", "operations", "rewrites", "mathml", "docstrings"]
exclude_patterns = ["_build"]
default_role = "literal"  # `x` in a docstring

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "smartquotes"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource", "undoc-members": False}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    "npt.ArrayLike": "ArrayLike",
    "Floats": "Floats",
    "Progress": "Progress",
}

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"minigrad {version}"
html_static_path = ["_static"]
html_css_files = ["minigrad.css"]
html_copy_source = False
html_show_sphinx = False
