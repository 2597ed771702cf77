"""An explanation written as text, Markdown, LaTeX and HTML.

Room: one writer for each form, each a walk over the blocks. Below: `explanation`, `typeset`. Above: nobody; an
`Explanation` calls them.
Must hold: what a user called a node never becomes markup; text is wrapped to its width; no form leaves a reason out.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator, Sequence

from minigrad.explaining import typeset
from minigrad.explaining.explanation import Block, Chain, Heading, Items, Line, Row, Say, Table
from minigrad.explaining.maths import Math

#: The style of `mathml`: the classes that the pieces of an explanation have.
STYLE = """\
.minigrad-explanation { line-height: 1.5; overflow-wrap: break-word; }
.minigrad-explanation h2 { font-size: 1.35em; margin: 0 0 .6em; padding: 0; }
.minigrad-explanation h3 { font-size: 1.1em; margin: 1.2em 0 .3em; padding: 0; }
.minigrad-explanation h4 { font-size: 1em; margin: 1.2em 0 .3em; padding: 0; }
.minigrad-explanation p, .minigrad-explanation ul { margin: .4em 0; }
.minigrad-explanation .minigrad-wide { overflow-x: auto; margin: .5em 0; }
.minigrad-explanation table { border-collapse: collapse; border: 0; margin: 0; font-size: inherit; }
.minigrad-explanation tr, .minigrad-explanation td, .minigrad-explanation th { background: none; border: 0; }
.minigrad-explanation td, .minigrad-explanation th { padding: .25em .4em; text-align: left; vertical-align: middle; }
.minigrad-explanation td.minigrad-left, .minigrad-explanation td.minigrad-number,
.minigrad-explanation th.minigrad-number { text-align: right; }
.minigrad-explanation td.minigrad-equals { padding: .25em 0; }
.minigrad-explanation td.minigrad-left { white-space: nowrap; }
.minigrad-explanation td.minigrad-reason { padding-left: 1.5em; opacity: .8; font-size: .92em; min-width: 9em; }
.minigrad-explanation .minigrad-table th { border-bottom: 1px solid currentColor; font-weight: 600; }
.minigrad-explanation math { font-size: 1.05em; }
@media (max-width: 40em) {
  .minigrad-explanation .minigrad-chain tr { display: flex; flex-wrap: wrap; align-items: center; }
  .minigrad-explanation td.minigrad-left { min-width: 2.2em; }
  .minigrad-explanation td.minigrad-reason { flex-basis: 100%; padding: 0 0 .3em 2.8em; }
}
"""


def line_text(line: Line) -> str:
    """A line of prose as text."""
    return "".join(part if isinstance(part, str) else _in_line(part) for part in line)


def _in_line(x: Math) -> str:
    return f"({typeset.text(x)})" if x.kind == "cases" else typeset.text(x)


#: A left side that is longer stands on a line of its own.
LONGEST_LEFT = 30
#: A formula that is shorter is not broken in a line of prose.
UNBROKEN = 40
_GLUE = "\N{NO-BREAK SPACE}"


def _glued(line: Line) -> str:
    parts = [part if isinstance(part, str) else _in_line(part) for part in line]
    return "".join(
        text.replace(" ", _GLUE) if not isinstance(part, str) and len(text) < UNBROKEN else text
        for part, text in zip(line, parts, strict=True)
    )


# -- text -------------------------------------------------------------------------------------------------


def text(blocks: Sequence[Block], width: int = 80) -> str:
    """For a terminal: wrapped, equations aligned at their signs, reasons in a column."""
    out: list[str] = []
    for block in blocks:
        if out and not (isinstance(block, Say | Items | Chain | Table) and out[-1] == ""):
            out.append("")
        out += _text_block(block, width)
        if isinstance(block, Heading) and block.level > 1:
            out.append("")
    return "\n".join(_without_doubles(out)) + "\n"


def _without_doubles(lines: Sequence[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if line or before:
            yield line
        before = line


def _text_block(block: Block, width: int) -> list[str]:
    match block:
        case Heading(line, 1):
            title = _wrapped(_glued(line), width)
            return [*title, "=" * max(map(len, title))]
        case Heading(line, 2):
            title = _wrapped(_glued(line), width)
            return [*title, "-" * max(map(len, title))]
        case Heading(line, _):
            return _wrapped(_glued(line), width)
        case Say(line):
            return _wrapped(_glued(line), width)
        case Items(lines):
            return [part for line in lines for part in _wrapped(_glued(line), width, "- ", "  ")]
        case Chain(rows):
            return _text_chain(rows, width)
        case Table(head, rows):
            return _text_table(head, rows, width)


def _wrapped(line: str, width: int, first: str = "", rest: str = "") -> list[str]:
    lines = textwrap.wrap(
        line,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [text.replace(_GLUE, " ") for text in lines] or [""]


def _text_chain(rows: Sequence[Row], width: int) -> list[str]:
    lefts = ["" if row.left is None else typeset.text(row.left) for row in rows]
    # A left side that is much longer than the others stands on a line of its own.
    edge = max([len(left) for left in lefts if len(left) <= width // 4], default=4)
    starts = [f"  {left.rjust(edge)} = " if len(left) <= edge else f"  {' ' * edge} = " for left in lefts]
    lines = [
        _wrapped(typeset.text(row.right), width, start, " " * (edge + 7))
        for row, start in zip(rows, starts, strict=True)
    ]
    longest = max(len(line) for wrapped in lines for line in wrapped)
    reasons = [row.reason for row in rows]
    # The column of the reasons: behind the longest equation, but with room for words.
    column = min(longest + 3, width - min(26, max(map(len, reasons))))
    out: list[str] = []
    for left, wrapped, reason in zip(lefts, lines, reasons, strict=True):
        if len(left) > edge:
            out += _wrapped(left, width, "  ", "    ")
        said = _wrapped(reason, width - column) if reason else []
        beside = len(wrapped[-1]) + 2 <= column
        head = wrapped if beside else [*wrapped, ""]
        out += head[:-1]
        out += [f"{(head[-1] if k == 0 else '').ljust(column)}{words}" for k, words in enumerate(said)] or [
            head[-1]
        ]
    return [line.rstrip() for line in out]


def _cell(cell: str | Math) -> str:
    return cell if isinstance(cell, str) else typeset.text(cell)


def _text_table(head: Sequence[str], rows: Sequence[Sequence[str | Math]], width: int) -> list[str]:
    table = [list(head), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[0] = max(8, min(widths[0], width - 2 - sum(widths[1:]) - 2 * (len(widths) - 1)))
    out: list[str] = []
    for k, (first, *others) in enumerate(table):
        lines = textwrap.wrap(first, widths[0], subsequent_indent="  ", break_on_hyphens=False) or [""]
        cells = [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        out.append("  " + "  ".join([lines[0].ljust(widths[0]), *cells]).rstrip())
        out += [f"  {line}" for line in lines[1:]]
        if k == 0:
            out.append("  " + "  ".join("─" * w for w in widths))
    return out


# -- Markdown ---------------------------------------------------------------------------------------------


def markdown(blocks: Sequence[Block]) -> str:
    """Markdown with formulas between dollar signs, as GitHub, Jupyter, VS Code and MyST read them."""
    return "\n\n".join(map(_markdown_block, blocks)) + "\n"


def _markdown_block(block: Block) -> str:
    match block:
        case Heading(line, level):
            return f"{'#' * (level + 1)} {_markdown_line(line)}"
        case Say(line):
            return _markdown_line(line)
        case Items(lines):
            return "\n".join(f"- {_markdown_line(line)}" for line in lines)
        case Chain(rows):
            body = " \\\\\n".join(_latex_row(row, r"\quad\text{", "}") for row in rows)
            return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"
        case Table(head, rows):
            out = ["| " + " | ".join(map(_markdown_words, head)) + " |"]
            out.append("|" + "|".join([":--", *["--:"] * (len(head) - 1)]) + "|")
            for cells in rows:
                out.append("| " + " | ".join(_markdown_line([cell]) for cell in cells) + " |")
            return "\n".join(out)


def _markdown_line(line: Line) -> str:
    return "".join(
        _markdown_words(part) if isinstance(part, str) else f"${typeset.latex(part)}$" for part in line
    )


def _markdown_words(words: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#$~&])", r"\\\1", words)


def _latex_row(row: Row, before: str, after: str) -> str:
    left = "" if row.left is None else typeset.latex(row.left)
    if row.left is not None and len(typeset.text(row.left)) > LONGEST_LEFT:
        left = f" & {left} \\\\\n"
    reason = ""
    if row.reason:
        said = (
            typeset.latex_words(row.reason) if before.endswith(r"\text{") else typeset.latex_prose(row.reason)
        )
        reason = (
            f" && {before.removesuffix(chr(92) + 'text{')}{said}{'' if before.endswith('text{') else after}"
        )
    return f"{left} &= {typeset.latex(row.right)}{reason}"


# -- LaTeX ------------------------------------------------------------------------------------------------

_DOCUMENT = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage[margin=2.2cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\begin{document}
%s\end{document}
"""


def latex(blocks: Sequence[Block]) -> str:
    """A piece of LaTeX that needs amsmath, between sections of one's own."""
    return "\n\n".join(map(_latex_block, blocks)) + "\n"


def document(blocks: Sequence[Block]) -> str:
    """A LaTeX document."""
    return _DOCUMENT % latex(blocks)


def _latex_block(block: Block) -> str:
    match block:
        case Heading(line, level):
            return f"\\{'sub' * (level - 1)}section*{{{_latex_line(line)}}}"
        case Say(line):
            return _latex_line(line)
        case Items(lines):
            body = "\n".join(f"  \\item {_latex_line(line)}" for line in lines)
            return f"\\begin{{itemize}}\n{body}\n\\end{{itemize}}"
        case Chain(rows):
            box = r"\parbox[t]{0.36\linewidth}{\raggedright\small "
            body = " \\\\\n".join(_latex_row(row, box, "}") for row in rows)
            return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
        case Table(head, rows):
            out = [" & ".join(map(typeset.latex_prose, head)) + r" \\ \hline"]
            out += [" & ".join(_latex_line([cell]) for cell in row) + r" \\" for row in rows]
            body, columns = "\n".join(out), "l" + "r" * (len(head) - 1)
            return f"\\begin{{center}}\n\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}\n\\end{{center}}"


def _latex_line(line: Line) -> str:
    return "".join(
        typeset.latex_prose(part) if isinstance(part, str) else f"${typeset.latex(part)}$" for part in line
    )


# -- HTML -------------------------------------------------------------------------------------------------

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def mathml(blocks: Sequence[Block]) -> str:
    """A piece of HTML, its formulas in MathML; `STYLE` has the classes."""
    return '<div class="minigrad-explanation">\n' + "\n".join(map(_html_block, blocks)) + "\n</div>"


def page(blocks: Sequence[Block]) -> str:
    """A page of its own, which loads nothing."""
    heads = [block for block in blocks if isinstance(block, Heading)]
    title = html.escape(line_text(heads[0].line)) if heads else "minigrad"
    return _PAGE.format(title=title, style=STYLE, body=mathml(blocks))


def _html_block(block: Block) -> str:
    match block:
        case Heading(line, level):
            return f"<h{level + 1}>{_html_line(line)}</h{level + 1}>"
        case Say(line):
            return f"<p>{_html_line(line)}</p>"
        case Items(lines):
            return "<ul>" + "".join(f"<li>{_html_line(line)}</li>" for line in lines) + "</ul>"
        case Chain(rows):
            body = "\n".join(map(_html_row, rows))
            table = '<table class="minigrad-chain" role="presentation">'
            return f'<div class="minigrad-wide">{table}\n{body}\n</table></div>'
        case Table(head, rows):
            heads = "".join(
                f'<th scope="col"{_right(k)}>{html.escape(word)}</th>' for k, word in enumerate(head)
            )
            body = "\n".join(
                "<tr>"
                + "".join(f"<td{_right(k)}>{_html_line([cell])}</td>" for k, cell in enumerate(cells))
                + "</tr>"
                for cells in rows
            )
            return (
                '<div class="minigrad-wide"><table class="minigrad-table">\n'
                f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
            )


def _right(k: int) -> str:
    return ' class="minigrad-number"' if k else ""


def _html_row(row: Row) -> str:
    left, above = "" if row.left is None else typeset.mathml(row.left, block=True), ""
    if row.left is not None and len(typeset.text(row.left)) > LONGEST_LEFT:
        left, above = "", f'<tr><td class="minigrad-above" colspan="4">{left}</td></tr>\n'
    return above + (
        f'<tr><td class="minigrad-left">{left}</td><td class="minigrad-equals"><math><mo>=</mo></math></td>'
        f'<td class="minigrad-right">{typeset.mathml(row.right, block=True)}</td>'
        f'<td class="minigrad-reason">{html.escape(row.reason)}</td></tr>'
    )


def _html_line(line: Line) -> str:
    return "".join(html.escape(part) if isinstance(part, str) else typeset.mathml(part) for part in line)
