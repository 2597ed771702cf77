"""A scene that has been laid out, as SVG.

Room: quoting for XML and the look of a card. Below: `scene`, `layout`, `themes`.
Must hold: the file is well-formed and needs nothing beside itself (no script, no font, no link); everything
that colour says is also said in words; equal scenes and layouts give equal bytes.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from minigrad.draw.arrows import arrows
from minigrad.draw.dot import FONT
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

MARGIN = 10.0
TITLE_SIZE, CAPTION_SIZE = 17.0, 12.0
ROUND = 6.0
EDGE_LINE = 13.0  # height of a line on an edge


def svg(scene: Scene, placed: Layout, theme: Theme) -> str:
    """The picture as the text of an SVG file, sizes in CSS pixels."""
    top = MARGIN + (28.0 if scene.title else 0.0) + (22.0 if scene.caption else 0.0)
    notes = max(width(scene.title, TITLE_SIZE, bold=True), width(scene.caption, CAPTION_SIZE))
    across = max(placed.width, notes) + 2 * MARGIN
    down = placed.height + top + MARGIN
    left = (across - placed.width) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_n(across)}" height="{_n(down)}" '
        f'viewBox="0 0 {_n(across)} {_n(down)}" font-family="{FONT}" font-size="{_n(ROW_SIZE)}">',
        f"<title>{escape(scene.words.partition(chr(10))[0])}</title>",
        f"<desc>{escape(scene.words)}</desc>",
        f'<rect width="100%" height="100%" fill="{theme.background}"/>',
        *_notes(scene, across, theme),
        f'<g transform="translate({_n(left)} {_n(top)})">',
        *(line for box in scene.boxes for line in _frame(box.name, placed.frames[box.key], theme)),
        *(
            line
            for edge, route in zip(scene.edges, placed.routes, strict=True)
            for line in _edge(edge, route, scene.flow, theme)
        ),
        *(
            line
            for card in scene.cards
            for line in _card(card, placed.middles[card.key], scene.direction, theme)
        ),
        *(
            line
            for edge, route in zip(scene.edges, placed.routes, strict=True)
            for line in _said(edge.lines(scene.back), route, theme)
        ),
        "</g>",
        "</svg>",
    ]
    return "\n".join([*lines, ""])


def _n(number: float) -> str:
    """A length to a hundredth, in the shortest form."""
    return f"{round(number, 2) + 0.0:.6g}"


def _say(text: str, x: float, y: float, fill: str, **more: object) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" fill="{fill}"{attributes} xml:space="preserve">{escape(text)}</text>'
    )


def _notes(scene: Scene, across: float, theme: Theme) -> list[str]:
    lines, y = [], MARGIN
    if scene.title:
        y += 16.0
        bold = {"font_size": _n(TITLE_SIZE), "font_weight": "bold"}
        lines.append(_say(scene.title, across / 2, y, theme.ink, text_anchor="middle", **bold))
        y += 8.0
    if scene.caption:
        y += 10.0
        lines.append(
            _say(scene.caption, across / 2, y, theme.quiet, text_anchor="middle", font_size=_n(CAPTION_SIZE))
        )
    return lines


def _frame(name: str, frame: tuple[float, float, float, float], theme: Theme) -> list[str]:
    """A box around a part of the graph, with its name at the top left."""
    left, top, right, bottom = frame
    return [
        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(bottom - top)}" '
        f'rx="{_n(2 * ROUND)}" fill="none" stroke="{theme.edge}" stroke-width="1.2" stroke-dasharray="7 4"/>',
        _say(name, left + PAD, top + 17.0, theme.quiet, font_size=_n(SIGN_SIZE), font_weight="bold"),
    ]


def _edge(edge: Edge, route: Route, flow: str, theme: Theme) -> list[str]:
    """Each line up to its arrow head, and the head: solid forward, dotted and hollow back."""
    lines = []
    for arrow in arrows(edge, route, flow):
        first, *rest = arrow.curve
        curve = f"M{_pair(first)}" if arrow.start == first else f"M{_pair(arrow.start)}L{_pair(first)}"
        curve += f"C{' '.join(map(_pair, rest))}" if rest else f"L{_pair(route.tip)}"
        curve += f"L{_pair(arrow.end)}" if rest and arrow.end != rest[-1] else ""
        colour = theme.grad if arrow.back else theme.edge
        style = f'stroke="{colour}" stroke-width="1.3"' + (' stroke-dasharray="4 3"' if arrow.cut else "")
        if arrow.back:
            style = f'stroke="{colour}" stroke-width="1.5" stroke-linecap="round" stroke-dasharray="0.1 3.6"'
        lines.append(f'<path d="{curve}" fill="none" {style}/>')
        if arrow.head:
            tip, one, other = map(_pair, arrow.head)
            fill = f'fill="{colour}"'
            if arrow.back:
                fill = f'fill="{theme.background}" stroke="{colour}" stroke-width="1.1"'
            lines.append(f'<path d="M{tip}L{one} {other}Z" {fill}/>')
    return lines


def _said(lines: tuple[tuple[str, str], ...], route: Route, theme: Theme) -> list[str]:
    """What is written on an edge, with a rim of the background so that lines beneath do not disturb it."""
    if not lines or route.label is None:
        return []
    x, y = route.label
    inks = {"times": theme.ink, "partial": theme.quiet, "term": theme.grad}
    base = y - EDGE_LINE * len(lines) / 2 + 0.77 * EDGE_LINE
    rim = {
        "stroke": theme.background,
        "stroke_width": "3",
        "paint_order": "stroke",
        "stroke_linejoin": "round",
    }
    return [
        _say(text, x, base + i * EDGE_LINE, inks[tone], text_anchor="middle", font_size=_n(EDGE_SIZE), **rim,
             **({"font_weight": "bold"} if tone == "times" else {}))
        for i, (tone, text) in enumerate(lines)
    ]  # fmt: skip


def _pair(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"


def _card(card: Card, middle: Point, direction: str, theme: Theme) -> list[str]:
    x, y = middle[0] - card.width / 2, middle[1] - card.height / 2
    if card.kind in ("const", "cut"):
        shapes = (_pill if card.kind == "const" else _stub)(card, theme)
    else:
        shapes = _full(card, direction == "LR", theme)
    if card.piled:
        shapes = [_beneath(card, theme), *shapes]
    return [
        f'<g transform="translate({_n(x)} {_n(y)})">',
        f"<title>{escape(card.words)}</title>",
        *shapes,
        "</g>",
    ]


def _outline(card: Card, theme: Theme, radius: float, fill: str) -> str:
    strange = not all(row.finite for row in card.rows)
    line = theme.alarm if card.alarming else theme.kinds[card.kind].line
    thick = "2.8" if card.alarming and not strange else "1.4"
    dashes = ' stroke-dasharray="5 3"' if strange else ""
    return (
        f'<rect width="{_n(card.width)}" height="{_n(card.height)}" rx="{_n(radius)}" fill="{fill}" '
        f'stroke="{line}" stroke-width="{thick}"{dashes}/>'
    )


def _beneath(card: Card, theme: Theme) -> str:
    """The edge of a second card under the first: it stands for several."""
    radius = card.height / 2 if card.kind == "const" else ROUND
    return (
        f'<rect x="3.5" y="3.5" width="{_n(card.width)}" height="{_n(card.height)}" rx="{_n(radius)}" '
        f'fill="{theme.card}" stroke="{theme.kinds[card.kind].line}" stroke-width="1"/>'
    )


def _pill(card: Card, theme: Theme) -> list[str]:
    """A constant: one number."""
    colours = theme.kinds[card.kind]
    ink = colours.ink if card.rows[0].finite else theme.alarm
    return [
        _outline(card, theme, card.height / 2, colours.head),
        _say(card.rows[0].number, card.width / 2, card.height / 2 + 4.5, ink, text_anchor="middle"),
    ]


def _stub(card: Card, theme: Theme) -> list[str]:
    """What is not drawn."""
    return [
        _say(card.rows[0].number, card.width / 2, card.height / 2 + 4.5, theme.quiet, text_anchor="middle")
    ]


def _full(card: Card, sideways: bool, theme: Theme) -> list[str]:
    """A head with name and operation, a row for each number, operand numbers where the operands arrive."""
    colours = theme.kinds[card.kind]
    strip = port_strip(card.ports)
    x, y = (strip, 0.0) if sideways else (0.0, strip)
    inner = card.width - x
    radius = ROUND if card.kind != "input" else 2 * ROUND
    lines = [_outline(card, theme, radius, theme.card), _head(card, x, y, radius, colours.head, strip > 0)]
    if card.name:
        lines.append(
            _say(card.name, x + PAD, y + 19.5, colours.ink, font_size=_n(NAME_SIZE), font_weight="bold")
        )
    place = (x + inner - PAD, "end") if card.name else (x + inner / 2, "middle")
    lines.append(
        _say(card.sign, place[0], y + 19.0, colours.ink, font_size=_n(SIGN_SIZE), text_anchor=place[1])
    )
    spare = card.height - y - HEAD - ROW * len(card.rows)
    for i, row in enumerate(card.rows):
        base = y + HEAD + spare / 2 + ROW * i + 14.5
        ink = theme.alarm if not row.finite else theme.grad if row.word == "grad" else theme.ink
        if row.tone:
            bold = {"font_weight": "bold"} if row.tone == "bad" else {}
            lines.append(_say(row.word, x + PAD, base, theme.tone(row.tone), **bold))
            continue
        lines.append(_say(row.word, x + PAD, base, theme.quiet))
        lines.append(_say(row.number, x + inner - PAD, base, ink, text_anchor="end"))
    for i, number in enumerate(card.ports if strip else ()):
        share = (i + 0.5) / len(card.ports)
        px, py = (strip / 2, card.height * share) if sideways else (card.width * share, strip / 2)
        lines.append(_say(number, px, py + 3.5, theme.quiet, font_size=_n(PORT_SIZE), text_anchor="middle"))
    return lines


def _head(card: Card, x: float, y: float, radius: float, fill: str, beside_ports: bool) -> str:
    """The coloured band, inside the outline: round where the card is, square beside the operand numbers."""
    inset = 0.7
    right, r = card.width - inset, radius - inset
    top, left = (y + inset if y == 0.0 else y), (x if beside_ports and x else inset)
    bottom = y + HEAD
    if y > 0.0:  # below a strip of numbers
        path = f"M{_n(left)},{_n(top)}H{_n(right)}V{_n(bottom)}H{_n(left)}Z"
    elif x > 0.0:
        path = f"M{_n(left)},{_n(top)}H{_n(right - r)}a{_n(r)},{_n(r)} 0 0 1 {_n(r)},{_n(r)}V{_n(bottom)}H{_n(left)}Z"
    else:
        path = (
            f"M{_n(left)},{_n(top + r)}a{_n(r)},{_n(r)} 0 0 1 {_n(r)},{_n(-r)}H{_n(right - r)}"
            f"a{_n(r)},{_n(r)} 0 0 1 {_n(r)},{_n(r)}V{_n(bottom)}H{_n(left)}Z"
        )
    return f'<path d="{path}" fill="{fill}"/>'
