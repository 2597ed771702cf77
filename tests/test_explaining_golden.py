"""Whole explanations as files, read by people. `python tests/test_explaining_golden.py` writes them anew.

The diff of such a change is to be read line by line: nothing else says whether a text is good.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from explained_graphs import huber, logistic, network, shared, written_out

from minigrad import Graph, Value, explain, log, relu, sigmoid, why
from minigrad.explaining import Explanation, chain_rule, second_backward, why_add, why_order

GOLDEN = Path(__file__).parent / "golden"


def at(graph: Callable[[], Value], name: str) -> Explanation:
    output = graph()
    output.backward()
    return explain(output, Graph(output).find(name))


def whole(graph: Callable[[], Value]) -> Explanation:
    output = graph()
    output.backward()
    return explain(output)


def short() -> Explanation:
    output = logistic()
    return chain_rule(Graph(output).find("w2"), output)


def symbols() -> Explanation:
    output = written_out()
    return explain(output, Graph(output).find("z"), numbers=False)


def paths() -> Explanation:
    output = shared()
    return why_add(Graph(output).find("x"), output)


def closed() -> Explanation:
    w, u = Value(-2.0, label="w"), Value(3.0, label="u")
    return why(w, (relu(w) * u + w * 0.0).named("L"))


def large() -> Explanation:
    t = Value(1e-9, label="t")
    L = (log(t) * 3 + sigmoid(t)).named("L")
    L.backward()
    return why(t, L)


FILES: dict[str, tuple[Callable[[], Explanation], str]] = {
    "logistic-z.txt": (lambda: at(logistic, "z"), "text"),
    "logistic-z.md": (lambda: at(logistic, "z"), "markdown"),
    "logistic-z.tex": (lambda: at(logistic, "z"), "document"),
    "logistic-z.html": (lambda: at(logistic, "z"), "mathml"),
    "logistic.txt": (lambda: whole(logistic), "text"),
    "logistic-w2-short.txt": (short, "text"),
    "written-out-z-symbols.txt": (symbols, "text"),
    "network-u.txt": (lambda: at(network, "u"), "text"),
    "shared-s.txt": (lambda: at(shared, "s"), "text"),
    "huber-p.txt": (lambda: at(huber, "p"), "text"),
    "why-order.txt": (why_order, "text"),
    "why-add.txt": (paths, "text"),
    "why-closed.txt": (closed, "text"),
    "why-large.txt": (large, "text"),
    "second-backward.txt": (lambda: second_backward(logistic()), "text"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_is_told(name: str) -> None:
    make, form = FILES[name]
    assert getattr(make(), form) == (GOLDEN / name).read_text(encoding="utf-8")


def test_no_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(FILES)


if __name__ == "__main__":
    sys.path.insert(0, str(GOLDEN.parent))
    for name, (make, form) in FILES.items():
        (GOLDEN / name).write_text(getattr(make(), form), encoding="utf-8", newline="\n")
