"""What flows back along each edge, and the gradients that this adds up to.

Room: a view of `replay`, by edge. Below: `replay`, `value`. Above: `scene`.
Must hold: the terms that arrive at a node add up to its gradient, so that a picture can be checked by eye.
"""

from __future__ import annotations

from minigrad.replay import steps
from minigrad.value import Value


class Flow:
    """Backward from one result, without touching any `.grad`.

    gradients  of every node that is sent something, and of the result itself
    terms      by (node, position of the operand): what it sends to that operand
    """

    def __init__(self, result: Value) -> None:
        self.gradients: dict[Value, float] = {result: 1.0}
        self.terms: dict[tuple[Value, int], float] = {}
        for step in steps(result):
            for term in step.terms:
                # A term that goes past a node (bce(sigmoid(z), y), past sigmoid) is drawn on that node's edge.
                edge = (step.node, term.position) if term.via is None else (term.via, 0)
                self.terms[edge] = self.terms.get(edge, 0.0) + term.term
                self.gradients[term.operand] = term.after

    def gradient(self, node: Value) -> float:
        """∂(result)/∂(node)."""
        return self.gradients.get(node, 0.0)

    def term(self, node: Value, position: int) -> float:
        """What `node` sends to its operand at `position`."""
        return self.terms.get((node, position), 0.0)
