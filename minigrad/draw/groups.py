"""Which node lies in which group: as given, or by the part of its label before the last slash.

Room: reads labels and operands. Below: `value`, `text`. Above: `scene`.
Must hold: a node lies in one group at most; a node without a name that only one group uses lies in that group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

Groups = Mapping[str, Iterable[Value]]


def grouped(order: Sequence[Value], groups: Groups | bool | None) -> dict[Value, str]:
    """The name of the group of each node that lies in one. `order` holds operands before results."""
    if not groups:
        return {}
    found = _by_label(order) if groups is True else _as_given(order, groups)
    if groups is True and not found:
        raise ValueError('groups=True groups by labels like "layer 1/w", and no label here has a slash')
    users: dict[Value, set[str]] = {}
    for node in reversed(order):
        around = users.pop(node, set())
        if node not in found and not node.label and len(around) == 1 and "" not in around:
            (found[node],) = around
        for operand in node.operands:
            users.setdefault(operand, set()).add(found.get(node, ""))
    return found


def without_group(label: str, group: str) -> str:
    """The label in a box that says the rest: "w" of "layer 1/w"."""
    return label.removeprefix(f"{group}/") or label


def _by_label(order: Sequence[Value]) -> dict[Value, str]:
    groups = ((node, node.label.rpartition("/")[0].strip()) for node in order)
    return {node: group for node, group in groups if group}


def _as_given(order: Sequence[Value], groups: object) -> dict[Value, str]:
    if not isinstance(groups, Mapping):
        raise ValueError('groups is {"layer 1": [its nodes]}, or True to group by labels like "layer 1/w"')
    drawn = set(order)
    found: dict[Value, str] = {}
    for name, nodes in groups.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a group is a text, not {shown(repr(name), 40)}")
        what = f'the group "{shown(name, 40)}"'
        members = [nodes] if isinstance(nodes, Value) else nodes
        if not isinstance(members, Iterable) or isinstance(members, str):
            raise NotANumberError(f"{what} is a list of Values, not {type(nodes).__name__}")
        for node in members:
            if not isinstance(node, Value):
                raise NotANumberError(f"{what} holds Values, not {type(node).__name__}")
            called = f'"{shown(node.label, 40)}"' if node.label else "a node"
            if node not in drawn:
                raise ValueError(f"{what} holds {called} that is not drawn here")
            if found.setdefault(node, name) != name:
                raise ValueError(f'{called} is in {what} and in "{shown(found[node], 40)}": take one of them')
    return found
