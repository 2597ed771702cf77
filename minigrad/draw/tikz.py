r"""A scene that has been laid out, as TikZ for LaTeX.

Room: quoting for TeX happens here and nowhere else. Below: `shapes`, `layout`, `themes`. The look is that of `svg`.
Must hold: it compiles with pdfTeX, XeTeX and LuaTeX and no package but TikZ; a label is text, whatever is in it: a
character that TeX gives a meaning is written out, and one that pdfTeX has no letter for is shown as its number.
"""

from __future__ import annotations

from minigrad.draw.arrows import arrows
from minigrad.draw.layout import Layout, Point, Route
from minigrad.draw.shapes import (
    EDGE_SIZE,
    HEAD,
    NAME_SIZE,
    PAD,
    PORT_SIZE,
    ROW,
    ROW_SIZE,
    SIGN_SIZE,
    Card,
    Edge,
    Scene,
    port_strip,
    width,
)
from minigrad.draw.themes import Theme

#: TeX points for each unit of the layout.
SCALE = 0.75

_CHARACTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"$<$", ">": r"$>$", "|": r"$|$", '"': r"\char34{}",
    "'": r"\char39{}", "`": r"\char96{}", "-": "{-}", ",": "{,}", "?": "{?}", "!": "{!}",
    "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "·": r"$\cdot$", "…": r"$\ldots$", "–": "--", "∂": r"$\partial$",
    "←": r"$\leftarrow$", "↑": r"$\uparrow$", "→": r"$\rightarrow$", "σ": r"$\sigma$", "Σ": r"$\Sigma$",
    "√": r"$\surd$", "≤": r"$\leq$", "∘": r"$\circ$", "ψ": r"$\psi$", "⁽": r"$^($", "⁾": r"$^)$", "ⁿ": r"$^n$",
    "⟨": r"$\langle$", "⟩": r"$\rangle$", "∇": r"$\nabla$", "∞": r"$\infty$", "ŷ": r"\^y", "′": "$'$",
}  # fmt: skip
#: From α on; omicron is a plain o.
_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
#: The large ones that do not look like Latin letters.
_LARGE = ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
_CHARACTERS |= {chr(0x3B1 + i): f"$\\{name}$" for i, name in enumerate(_GREEK) if name}
_CHARACTERS |= {chr(0x391 + i): f"$\\{name.title()}$" for i, name in enumerate(_GREEK) if name in _LARGE}
_CHARACTERS |= {digit: f"$^{i}$" for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_CHARACTERS |= {digit: f"$_{i}$" for i, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")}

#: How a character is shown that only XeTeX and LuaTeX have a letter for, if the font has one.
_OTHER = r'\def\minigradother#1{\ifdefined\Umathchar\char"#1 \else{\ttfamily U+#1}\fi}'


def document(scene: Scene, placed: Layout, theme: Theme) -> str:
    """A whole .tex file, of one page as large as the picture."""
    width, height = (f"{SCALE * (length + 24.0):.2f}pt" for length in _size(scene, placed))
    return "\n".join(
        [
            r"\documentclass{article}",
            rf"\usepackage[paperwidth={width},paperheight={height},margin=0pt]{{geometry}}",
            r"\usepackage{tikz}",
            r"\pagestyle{empty}\parindent=0pt \topskip=0pt",
            r"\begin{document}",
            r"\vspace*{\fill}\centering",
            tikz(scene, placed, theme).rstrip("\n"),
            r"\vspace*{\fill}",
            r"\end{document}",
            "",
        ]
    )


def tikz(scene: Scene, placed: Layout, theme: Theme) -> str:
    r"""The picture for a document that has \usepackage{tikz}."""
    pen = _Pen(theme)
    width, height = _size(scene, placed)
    left, top = (width - placed.width) / 2, height - placed.height
    if scene.title:
        pen.text(scene.title, (width / 2, 11.0), "ink", 17.0, bold=True)
    if scene.caption:
        pen.text(scene.caption, (width / 2, (22.0 if scene.title else 0.0) + 8.0), "quiet", 12.0)
    pen.at = left, top
    for box in scene.boxes:
        x0, y0, x1, y1 = placed.frames[box.key]
        pen.rectangle(x0, y0, x1, y1, "draw=mgedge,dash pattern=on 5pt off 3pt", radius=9.0)
        pen.text(box.name, (x0 + PAD, y0 + 12.0), "quiet", SIGN_SIZE, anchor="west", bold=True)
    for edge, route in zip(scene.edges, placed.routes, strict=True):
        _edge(pen, edge, route, scene.flow)
    for card in scene.cards:
        _card(pen, card, placed.middles[card.key], scene.direction == "LR")
    for edge, route in zip(scene.edges, placed.routes, strict=True):
        _said(pen, edge.lines(scene.back), route)
    head = [rf"\begin{{tikzpicture}}[x={SCALE}pt,y=-{SCALE}pt,line width=0.8pt,inner sep=0pt]", _OTHER]
    if theme.background != "#ffffff":
        pen.lines.insert(0, rf"\fill[mgpaper] (-8,-8) rectangle ({_n(width + 8)},{_n(height + 8)});")
    colours = [
        rf"\definecolor{{mg{name}}}{{HTML}}{{{code[1:].upper()}}}" for name, code in pen.colours.items()
    ]
    return "\n".join([*head, *colours, *pen.lines, r"\end{tikzpicture}", ""])


def _size(scene: Scene, placed: Layout) -> Point:
    notes = max(width(scene.title, 17.0, bold=True), width(scene.caption, 12.0))
    return max(placed.width, notes), placed.height + 26.0 * bool(scene.title) + 22.0 * bool(scene.caption)


class _Pen:
    """Lines of TikZ, drawn from a place."""

    def __init__(self, theme: Theme) -> None:
        self.lines: list[str] = []
        self.at: Point = (0.0, 0.0)
        self.theme = theme
        self.colours = {
            "paper": theme.background, "card": theme.card, "ink": theme.ink, "quiet": theme.quiet,
            "grad": theme.grad, "alarm": theme.alarm, "good": theme.good, "edge": theme.edge,
            **{f"{kind}head": colours.head for kind, colours in theme.kinds.items()},
            **{f"{kind}ink": colours.ink for kind, colours in theme.kinds.items()},
            **{f"{kind}line": colours.line for kind, colours in theme.kinds.items()},
        }  # fmt: skip

    def pair(self, point: Point) -> str:
        return f"({_n(self.at[0] + point[0])},{_n(self.at[1] + point[1])})"

    def text(
        self,
        text: str,
        at: Point,
        ink: str,
        size: float,
        *,
        anchor: str = "",
        bold: bool = False,
        paper: bool = False,
    ) -> None:
        """One line of text in the middle of `at`, or with an end there."""
        face = rf"\sffamily{chr(92) + 'bfseries' if bold else ''}"
        options = [
            rf"text=mg{ink},font={face}\fontsize{{{_n(SCALE * size)}}}{{{_n(SCALE * size * 1.2)}}}\selectfont"
        ]
        options += [f"anchor={anchor}"] if anchor else []
        options += ["fill=mgpaper,fill opacity=0.8,text opacity=1,inner sep=0.5pt"] if paper else []
        self.lines.append(rf"\node[{','.join(options)}] at {self.pair(at)} {{\strut {escaped(text)}}};")

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, style: str, radius: float = 0.0
    ) -> None:
        rounded = f",rounded corners={_n(SCALE * radius)}pt" if radius else ""
        self.lines.append(
            rf"\path[{style}{rounded}] {self.pair((left, top))} rectangle {self.pair((right, bottom))};"
        )

    def path(self, style: str, start: Point, curve: tuple[Point, ...], end: Point) -> None:
        """A curve of Bézier pieces, with a straight beginning and a straight end."""
        first, *rest = curve
        way = [self.pair(start), "--"] if start != first else []
        way.append(self.pair(first))
        for i in range(0, len(rest) - 2, 3):
            one, two, three = map(self.pair, rest[i : i + 3])
            way.append(f".. controls {one} and {two} .. {three}")
        way += ["--", self.pair(end)] if end != curve[-1] else []
        self.lines.append(rf"\draw[{style}] {' '.join(way)};")

    def corners(self, style: str, corners: tuple[Point, ...]) -> None:
        """A closed shape."""
        self.lines.append(rf"\draw[{style}] {' -- '.join(map(self.pair, corners))} -- cycle;")


def _edge(pen: _Pen, edge: Edge, route: Route, flow: str) -> None:
    for arrow in arrows(edge, route, flow):
        colour = "mggrad" if arrow.back else "mgedge"
        style = ",densely dotted" if arrow.back else ",dashed" if arrow.cut else ""
        pen.path(colour + style, arrow.start, arrow.curve, arrow.end)
        if arrow.head:
            pen.corners(f"{colour},fill={'mgpaper' if arrow.back else colour}", arrow.head)


def _said(pen: _Pen, lines: tuple[tuple[str, str], ...], route: Route) -> None:
    if route.label is None:
        return
    x, y = route.label
    inks = {"times": "ink", "partial": "quiet", "term": "grad"}
    for i, (tone, text) in enumerate(lines):
        middle = x, y + 13.0 * (i + 0.5 - len(lines) / 2)
        pen.text(text, middle, inks[tone], EDGE_SIZE, bold=tone == "times", paper=True)


def _card(pen: _Pen, card: Card, middle: Point, sideways: bool) -> None:
    corner = middle[0] - card.width / 2, middle[1] - card.height / 2
    before, pen.at = pen.at, (pen.at[0] + corner[0], pen.at[1] + corner[1])
    kind = card.kind
    if kind == "cut":
        pen.text(card.rows[0].number, (card.width / 2, card.height / 2), "quiet", ROW_SIZE)
    else:
        strange = not all(row.finite for row in card.rows)
        line = "alarm" if card.alarming else f"{kind}line"
        style = f"draw=mg{line},fill=mg{f'{kind}head' if kind == 'const' else 'card'}" + (
            ",dashed" if strange else ""
        )
        style += ",line width=1.8pt" if card.alarming and not strange else ""
        radius = card.height / 2 if kind == "const" else 12.0 if kind == "input" else 6.0
        if card.piled:
            pen.rectangle(
                3.5, 3.5, card.width + 3.5, card.height + 3.5, f"draw=mg{kind}line,fill=mgcard", radius
            )
        pen.rectangle(0.0, 0.0, card.width, card.height, style, radius)
        if kind == "const":
            ink = "constink" if card.rows[0].finite else "alarm"
            pen.text(card.rows[0].number, (card.width / 2, card.height / 2), ink, ROW_SIZE)
        else:
            _full(pen, card, sideways)
    pen.at = before


def _full(pen: _Pen, card: Card, sideways: bool) -> None:
    strip = port_strip(card.ports)
    x, y = (strip, 0.0) if sideways else (0.0, strip)
    pen.rectangle(x + 0.7, y + 0.7, card.width - 0.7, y + HEAD, f"fill=mg{card.kind}head", 4.0)
    ink = f"{card.kind}ink"
    if card.name:
        pen.text(card.name, (x + PAD, y + HEAD / 2), ink, NAME_SIZE, anchor="west", bold=True)
        pen.text(card.sign, (card.width - PAD, y + HEAD / 2), ink, SIGN_SIZE, anchor="east")
    else:
        pen.text(card.sign, ((x + card.width) / 2, y + HEAD / 2), ink, SIGN_SIZE)
    spare = card.height - y - HEAD - ROW * len(card.rows)
    for i, row in enumerate(card.rows):
        base = y + HEAD + spare / 2 + ROW * (i + 0.5)
        tone = {"good": "good", "bad": "alarm", "open": "quiet"}.get(row.tone, "quiet")
        pen.text(row.word, (x + PAD, base), tone, ROW_SIZE, anchor="west", bold=row.tone == "bad")
        if row.number:
            number = "alarm" if not row.finite else "grad" if row.word == "grad" else "ink"
            pen.text(row.number, (card.width - PAD, base), number, ROW_SIZE, anchor="east")
    for i, number in enumerate(card.ports if strip else ()):
        share = (i + 0.5) / len(card.ports)
        place = (strip / 2, card.height * share) if sideways else (card.width * share, strip / 2)
        if number:
            pen.text(number, place, "quiet", PORT_SIZE)


def escaped(text: str) -> str:
    """`text` as itself in a paragraph of LaTeX.

    >>> escaped("50% of x_1")
    '50\\\\% of x\\\\_1'
    """
    return "".join(map(_character, text))


def _character(character: str) -> str:
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    if " " <= character <= "~":
        return character
    if "À" <= character <= "ÿ" and character not in "ÐðÞþ":
        return character
    return rf"\minigradother{{{ord(character):04X}}}"


def _n(number: float) -> str:
    return f"{round(number, 2) + 0.0:.6g}"
