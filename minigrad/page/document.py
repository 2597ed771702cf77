"""The page as one text: markup, style, script and data put together, under a policy that lets nothing else in.

Room: quoting for HTML and for JSON inside HTML happens here. Below: `figure`, `contents`, `translate`, the themes.
Must hold: nothing in the file is code but the script and the style whose digests the policy names; what comes from a
graph is escaped text or JSON; equal graphs give equal bytes as long as the Graphviz is the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources
from string import Template
from typing import Any

from minigrad.draw.themes import THEMES, Theme
from minigrad.page.translate import arithmetic

#: The parts of the script in their order; the rows' arithmetic comes after the first.
SCRIPTS = ("numbers", "engine", "formula", "view", "plots", "main")
#: What a style sheet needs beside the colours of the pictures: {name: (light, dark)}.
_COLOURS = {
    "panel": ("#f7f8fa", "#191d23"),
    "rule": ("#d5dae1", "#363d48"),
    "link": ("#1d4fb8", "#8fb4ff"),
    "now": ("#b45309", "#ffb04d"),
    "main": ("#1d4fb8", "#a9c5ff"),
    "on-main": ("#ffffff", "#0c1f45"),
}


def document(
    *,
    title: str,
    summary: str,
    figure: str,
    size: tuple[float, float],
    data: Mapping[str, Any],
    rows: Iterable[str],
) -> str:
    """The whole file.

    title, summary  plain texts
    figure, size    the SVG element, its width and height
    data            what the script reads, see `contents`
    rows            names of the rows that the graph needs, see `translate`
    """
    import minigrad

    style, code = style_text(*size), script(rows)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest(code)}",
            f"style-src {_digest(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return Template(_file("page.html")).substitute(
        policy=policy,
        version=minigrad.__version__,
        title=escape(title),
        summary=escape(summary),
        style=style,
        figure=figure,
        data=json_in_html(data),
        script=code,
    )


def script(rows: Iterable[str]) -> str:
    """The whole script: its parts, and the arithmetic of some rows, in a scope of its own."""
    numbers, *others = (_file(f"script/{name}.js") for name in SCRIPTS)
    made = ["const ROWS = (() => {", numbers, arithmetic(rows), "return ROWS;", "})();"]
    text = "\n".join(['(() => {\n"use strict";', *made, *others, "})();"])
    if "</script" in text.lower() or "<!--" in text:
        raise AssertionError("the script would end too early in HTML")
    return text


def style_text(width: float, height: float) -> str:
    """The style sheet, with the colours of the pictures and the size of this figure."""
    light, dark = (_variables(name, place) for place, name in enumerate(("light", "dark")))
    least, most = min(width, max(0.55 * width, 300.0)), 1.6 * width
    return "\n".join(
        [
            f":root {{ color-scheme: light; {light} --least: {least:.0f}px; --most: {most:.0f}px; }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }} }}",
            f':root[data-scheme="light"] {{ color-scheme: light; {light} }}',
            f':root[data-scheme="dark"] {{ color-scheme: dark; {dark} }}',
            _file("style.css"),
        ]
    )


def _variables(name: str, place: int) -> str:
    theme: Theme = THEMES[name]
    colours = {
        part: getattr(theme, part) for part in ("background", "card", "ink", "quiet", "grad", "alarm", "edge")
    }
    for kind in ("input", "const", "operation", "output"):
        for part in ("head", "ink", "line"):
            colours[f"{kind}-{part}"] = getattr(theme.kinds[kind], part)
    colours.update({part: pair[place] for part, pair in _COLOURS.items()})
    return " ".join(f"--{part}: {colour};" for part, colour in colours.items())


def json_in_html(data: Mapping[str, Any]) -> str:
    """JSON that no HTML parser can mistake for markup: ASCII, without < > &.

    >>> json_in_html({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    text = resources.files("minigrad.page").joinpath(*name.split("/")).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
