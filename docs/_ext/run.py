"""`run`: a piece of Python, and under it what it printed and drew when the site was built.

Room: the site only. The pieces of one page share their names and a folder of their own.

    ```{run}
    :alt: the graph of z = w * x + b       (required where the piece ends in a picture)

    from minigrad import Value
    z = Value(2.0) * 3.0
    z.draw()
    ```

As in a notebook, the value of the last expression is shown: a picture as a picture, in light and in dark,
what has a form in HTML (an explanation) as that, a page of `L.page()` live (it is written into the site, in `pages`),
everything else as its repr.
Must hold: a piece that fails fails the build.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import html
import io
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar, TypeGuard

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import minigrad

#: A picture is shown smaller than it was drawn, but not by more than this: its numbers are 13 pixels high.
SMALLEST = 0.7
#: Where the names and the folder of the page being read are kept.
PAGE = "minigrad_run"

#: The argument `theme="dark"`.
DARK = ast.keyword("theme", ast.Constant("dark", lineno=1, col_offset=0), lineno=1, col_offset=0)


class Page:
    """The names and the folder that the pieces of one page share."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.folder = tempfile.mkdtemp(prefix="minigrad-docs-")

    def run(self, source: str, line: int, path: str) -> tuple[str, list[Any]]:
        """Execute `source`; return what it printed and the value of its last expression.

        A picture made by a call of `draw` without a theme is made twice, for light and for dark pages.
        """
        tree = ast.parse(source, path)
        ast.increment_lineno(tree, line)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed, values = io.StringIO(), []
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(tree, path, "exec"), self.names)
            if isinstance(last, ast.Expr):
                values.append(eval(compile(ast.Expression(last.value), path, "eval"), self.names))
                if _is_picture(values[0]) and _takes_theme(last.value):
                    last.value.keywords.append(DARK)
                    values.append(eval(compile(ast.Expression(last.value), path, "eval"), self.names))
        return printed.getvalue(), values


class Run(SphinxDirective):
    """See the module."""

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required, "hide-code": directives.flag}

    def run(self) -> list[nodes.Node]:
        path, _ = self.get_source_info()
        page = self.env.temp_data.get(PAGE)
        if page is None:
            page = self.env.temp_data[PAGE] = Page()
        source = "\n".join(self.content)
        try:
            printed, values = page.run(source, self.content_offset, path)
        except Exception as reason:
            raise self.error(f"this piece of code failed: {type(reason).__name__}: {reason}") from reason
        shown: list[nodes.Node] = []
        if "hide-code" not in self.options:
            shown.append(nodes.literal_block(source, source, language="python"))
        drawn = bool(values) and _is_picture(values[0])
        played = bool(values) and isinstance(values[0], minigrad.Page)
        told = bool(values) and not drawn and not played and hasattr(values[0], "_repr_html_")
        if values and values[0] is not None and not drawn and not told and not played:
            printed += f"{values[0]!r}\n"
        if printed:
            output = nodes.literal_block(printed.rstrip(), printed.rstrip(), language="text")
            alone = ["minigrad-alone"] * ("hide-code" in self.options)
            shown.append(nodes.container("", output, classes=["minigrad-output", *alone]))
        if told:
            shown.append(
                nodes.raw("", f'<div class="minigrad-told">{values[0]._repr_html_()}</div>', format="html")
            )
        if played:
            shown.append(nodes.raw("", self._played(values[0]), format="html"))
        if drawn:
            if "alt" not in self.options:
                raise self.error("a picture needs :alt:, the same in words for those who do not see it")
            classes = ("only-light", "only-dark") if len(values) == 2 else ("",)
            figures = map(_figure, values, [self.options["alt"]] * len(values), classes)
            shown.append(nodes.raw("", "".join(figures), format="html"))
        return shown

    def _played(self, page: minigrad.Page) -> str:
        """A frame with the page, which becomes a file of the site."""
        name = f"{self.env.docname}-{self.env.new_serialno('minigrad-page') + 1}.html"
        folder = Path(self.env.app.outdir) / "pages"
        folder.mkdir(parents=True, exist_ok=True)
        page.save(folder / name)
        title = html.escape(page.title, quote=True)
        return (
            f'<iframe class="minigrad-page" src="pages/{name}" title="{title}"></iframe>'
            f'<p><a href="pages/{name}">The page by itself</a>, to be saved or shown to a class.</p>'
        )


def _takes_theme(call: ast.expr) -> TypeGuard[ast.Call]:
    """Whether an expression is a call of `draw` that names no theme."""
    if not isinstance(call, ast.Call) or any(keyword.arg == "theme" for keyword in call.keywords):
        return False
    return getattr(call.func, "attr", getattr(call.func, "id", "")) == "draw"


def _is_picture(value: object) -> bool:
    return hasattr(value, "_repr_svg_") or hasattr(value, "_repr_mimebundle_")


def _svg(picture: Any) -> str:
    if hasattr(picture, "_repr_svg_"):
        return str(picture._repr_svg_())
    return str(picture._repr_mimebundle_()["image/svg+xml"])


def _figure(picture: Any, alt: str, kind: str) -> str:
    """`kind` is Furo's class for what only a light or only a dark page shows, or ""."""
    svg = _svg(picture)
    data = base64.b64encode(svg.encode()).decode()
    width = re.match(r'<svg [^>]*?width="([\d.]+)"', svg[svg.index("<svg") :])
    least = f' style="min-width: {SMALLEST * float(width[1]):.0f}px"' if width else ""
    image = f'<img src="data:image/svg+xml;base64,{data}"{least} alt="{html.escape(alt, quote=True)}">'
    return f'<figure class="minigrad-picture {kind}">{image}</figure>'


def _leave_page(app: Sphinx, doctree: nodes.document) -> None:
    page = app.env.temp_data.pop(PAGE, None)
    if page is not None:
        shutil.rmtree(page.folder)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("run", Run)
    app.connect("doctree-read", _leave_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
