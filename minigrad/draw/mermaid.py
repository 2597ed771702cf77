"""A scene as Mermaid, the diagrams that GitHub, GitLab and many notes show from text.

Room: quoting for Mermaid happens here and nowhere else. Below: `shapes`, `themes`.
Must hold: a label is text, whatever is in it: all but letters, digits and a few signs is written as a number
(`#60;`), which Mermaid turns into that character and never into markup.
"""

from __future__ import annotations

import unicodedata

from minigrad.draw.shapes import Card, Edge, Scene
from minigrad.draw.themes import Theme

#: What is no letter or digit and stands for itself all the same.
_SAFE = frozenset(" .,:+−×÷·…–∂←↑√≤∘()=")

_REVERSED = {"LR": "RL", "TB": "BT"}

_SHAPES = {
    "input": ('(["', '"])'),
    "const": ('(["', '"])'),
    "output": ('[["', '"]]'),
    "group": ('[["', '"]]'),
}


def mermaid(scene: Scene, theme: Theme) -> str:
    """The scene as the text of a .mmd file."""
    lines = ["---", f"title: {_yaml(scene.title)}", "---"] if scene.title else []
    lines.append(f"flowchart {_REVERSED[scene.direction] if scene.flow == 'backward' else scene.direction}")
    for box in scene.boxes:
        lines.append(f'  subgraph {box.key}["{_quoted(box.name)}"]')
        lines += [f"    {_node(card)}" for card in scene.cards if card.box == box.key]
        lines.append("  end")
    lines += [f"  {_node(card)}" for card in scene.cards if not card.box]
    ports = {card.key: card.ports for card in scene.cards}
    for edge in scene.edges:
        lines.append(f"  {_edge(edge, ports[edge.head], scene)}")
    if scene.caption:
        lines.append(f'  note["{_quoted(scene.caption)}"]')
        lines.append(f"  style note fill:none,stroke:none,color:{theme.quiet}")
    lines += [f"  {line}" for line in _colours(scene, theme)]
    return "\n".join([*lines, ""])


def _node(card: Card) -> str:
    head = "  ".join(_quoted(part) for part in (card.name, card.sign) if part)
    rows = [_quoted(f"{row.word} {row.number}".strip()) for row in card.rows]
    before, after = _SHAPES.get(card.kind, ('["', '"]'))
    return f"{card.key}{before}{'<br/>'.join([*([head] if head else []), *rows])}{after}"


def _edge(edge: Edge, ports: tuple[str, ...], scene: Scene) -> str:
    number = ports[edge.port] if edge.port < len(ports) else ""
    texts = [number, *(text for _, text in edge.lines(scene.back))]
    said = _bars("<br/>".join(_quoted(text) for text in texts if text))
    if scene.flow == "backward":  # from right to left: Mermaid has no arrow whose head is at its beginning
        return f"{edge.head} {'-.->' if edge.term else '---'}{said} {edge.tail}"
    arrow = "-.->" if edge.cut else "<-->" if edge.term else "-->"
    return f"{edge.tail} {arrow}{said} {edge.head}"


def _bars(said: str) -> str:
    return f'|"{said}"|' if said else ""


def _colours(scene: Scene, theme: Theme) -> list[str]:
    lines = []
    for kind, colours in theme.kinds.items():
        keys = [card.key for card in scene.cards if card.kind == kind]
        if keys:
            lines.append(f"classDef {kind} fill:{colours.head},stroke:{colours.line},color:{colours.ink}")
            lines.append(f"class {','.join(keys)} {kind}")
    keys = [card.key for card in scene.cards if card.alarming]
    if keys:
        lines.append(f"classDef alarm stroke:{theme.alarm},stroke-width:3px,stroke-dasharray:5 3")
        lines.append(f"class {','.join(keys)} alarm")
    return lines


def _quoted(text: str) -> str:
    """`text` as itself between quotes."""
    return "".join(character if _is_plain(character) else f"#{ord(character)};" for character in text)


def _is_plain(character: str) -> bool:
    return character in _SAFE or unicodedata.category(character) in (
        "Ll",
        "Lu",
        "Lt",
        "Lo",
        "Lm",
        "Mn",
        "Mc",
        "Nd",
    )


def _yaml(text: str) -> str:
    """`text` between the double quotes of YAML, all but letters and digits as numbers."""
    plain = (c if c == " " or (c.isascii() and c.isalnum()) else _yaml_number(ord(c)) for c in text)
    return f'"{"".join(plain)}"'


def _yaml_number(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
