"""minigrad.graph: reading a recorded graph, running it again, saving and loading it."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import RULES, Graph, GraphFormatError, Value, bce, dot, exp, sigmoid
from minigrad.logistic import Example, example

SEED = 20261124


def small() -> tuple[Value, Value, Value, Value]:
    """w, x, their product, and z = w * x + 0.5."""
    w, x = Value(-1.0, label="w"), Value(2.0, label="x")
    product = w * x
    return w, x, product, (product + 0.5).named("z")


# -- what is in it ----------------------------------------------------------------------------------------


def test_nodes_come_operands_first() -> None:
    """Each once, in the order of a walk that takes the first operand first."""
    w, x, product, z = small()
    graph = Graph(z)
    half = z.operands[1]
    assert graph.nodes == (w, x, product, half, z)
    assert list(graph) == list(graph.nodes)
    assert len(graph) == 5
    assert (graph.output, graph.outputs) == (z, (z,))
    assert (graph.inputs, graph.constants) == ((w, x), (half,))
    assert [graph.position(node) for node in graph] == [0, 1, 2, 3, 4]
    assert z in graph
    assert Value(1.0) not in graph


def test_counts_depth_and_consumers() -> None:
    """a + a uses a twice; the depth is the longest way."""
    a = Value(1.0)
    twice = a + a
    out = exp(twice) * a
    graph = Graph(out)
    assert graph.counts() == {"input": 1, "add": 1, "exp": 1, "mul": 1}
    assert graph.depth == 3
    assert graph.consumers(a) == ((twice, 0), (twice, 1), (out, 1))
    assert graph.consumers(out) == ()
    assert Graph(a).depth == 0
    with pytest.raises(ValueError, match="not in this graph"):
        graph.consumers(Value(1.0))
    with pytest.raises(ValueError, match="not in this graph"):
        graph.position(Value(1.0))


def test_names() -> None:
    """Its label, a constant's number, or v and its position; found by label, near ones suggested."""
    w, x, product, z = small()
    graph = Graph(z)
    assert [graph.name(node) for node in graph] == ["w", "x", "v2", "0.5", "z"]
    assert graph.find("w") is w
    with pytest.raises(ValueError, match=r"no node is called 'X'; did you mean 'x'\?"):
        graph.find("X")
    with pytest.raises(ValueError, match=r"no node is called 'nothing like it'$"):
        graph.find("nothing like it")
    product.label = "w"
    with pytest.raises(ValueError, match="2 nodes are called 'w'"):
        graph.find("w")
    assert repr(Graph(z)) == "<Graph of z: 5 nodes, 2 inputs>"
    assert x in graph


def test_several_results() -> None:
    """A node that two of them need is there once."""
    x = Value(0.5)
    s, c = minigrad.sin(x), minigrad.cos(x)
    graph = Graph([s, c])
    assert graph.nodes == (x, s, c)
    assert graph.outputs == (s, c)
    with pytest.raises(ValueError, match="this graph has 2 outputs"):
        _ = graph.output
    assert graph.forward({x: 0.0}) == (0.0, 1.0)
    graph.backward()
    assert x.grad == 1.0 + 0.0


@pytest.mark.parametrize("output", [3, None, "ab", [], [1.0], {}, [None]])
def test_what_is_no_value_has_no_graph(output: Any) -> None:
    """A TypeError that says what is taken."""
    with pytest.raises(TypeError, match="Graph takes a Value"):
        Graph(output)


# -- running it again -------------------------------------------------------------------------------------

OPERATORS = (
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    minigrad.max,
    minigrad.hypot,
    minigrad.logaddexp,
)
FUNCTIONS = (exp, sigmoid, minigrad.tanh, minigrad.sin, minigrad.sqrt, abs, minigrad.lgamma)


def build(seed: int, numbers: list[float]) -> tuple[list[Value], Value]:
    """The same random graph for the same seed, on leaves with these numbers."""
    draw = random.Random(seed)
    leaves = [Value(number) for number in numbers]
    nodes = list(leaves)
    for _ in range(25):
        x, y = draw.choice(nodes), draw.choice(nodes[-8:])
        kind = draw.random()
        if kind < 0.5:
            nodes.append(draw.choice(OPERATORS)(x, y))
        elif kind < 0.8:
            nodes.append(draw.choice(FUNCTIONS)(x))
        elif kind < 0.9:
            nodes.append(dot(nodes[-3:], [x, y, 0.5]))
        else:
            nodes.append(bce(sigmoid(x), 0.25) + y)
    return leaves, minigrad.sum(nodes[-5:])


def bits(numbers: list[float]) -> list[str]:
    """Numbers so that equal means equal bits (any nan is nan)."""
    return ["nan" if number != number else number.hex() for number in numbers]


def test_forward_with_new_numbers_is_building_afresh() -> None:
    """Values, partials and gradients of random graphs, bit for bit, several times over."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    for case in range(40):
        leaves, output = build(case, [draw.uniform(-2, 2) for _ in range(3)])
        graph = Graph(output)
        for _ in range(3):
            numbers = [draw.choice((draw.uniform(-2, 2), 0.0, 1e3, 1e-9)) for _ in range(3)]
            result = graph.forward(
                {leaf: x for leaf, x in zip(leaves, numbers, strict=True) if leaf in graph}
            )
            graph.zero_grad()
            graph.backward()
            _, fresh = build(case, numbers)
            fresh.backward()
            assert isinstance(result, float)
            assert bits([result]) == bits([fresh.data])
            theirs = Graph(fresh).nodes
            assert bits([n.data for n in graph]) == bits([n.data for n in theirs]), case
            assert bits([p for n in graph for p in n.partials]) == bits(
                [p for n in theirs for p in n.partials]
            )
            assert bits([n.grad for n in graph]) == bits([n.grad for n in theirs])


def test_forward_by_label_and_by_node() -> None:
    """Leaves not named keep their number; without numbers, what was set is carried on."""
    w, x, _, z = small()
    graph = Graph(z)
    assert graph.forward({"x": 3.0}) == -2.5
    assert graph.forward({w: 2, "x": 4.0}) == 8.5
    x.data = 0.0
    assert z.data == 8.5
    assert graph.forward() == 0.5
    assert graph.forward({z.operands[1]: -0.5}) == -0.5


@pytest.mark.parametrize(
    ("key", "number", "error", "words"),
    [
        ("z", 1.0, ValueError, "only leaves can be given a number"), ("q", 1.0, ValueError, "no node is called 'q'"),
        ("x", "1", TypeError, "text is not a number"), ("x", None, TypeError, "None is not a number"),
        ("x", 10**400, OverflowError, "does not fit"),
    ],
)  # fmt: skip
def test_a_refused_number_changes_nothing(key: str, number: Any, error: type[Exception], words: str) -> None:
    """Not even the leaves named before it."""
    w, _, _, z = small()
    graph = Graph(z)
    before = [node.data for node in graph]
    with pytest.raises(error, match=words):
        graph.forward({"w": 100.0, key: number})
    assert [node.data for node in graph] == before
    with pytest.raises(ValueError, match="not in this graph"):
        graph.forward({w: 100.0, Value(1.0): 1.0})
    assert [node.data for node in graph] == before


@pytest.mark.parametrize("given", [[1.0], 3, "x"])
def test_forward_takes_a_mapping(given: Any) -> None:
    """Numbers without names could be anyone's."""
    with pytest.raises(TypeError, match="by name or node"):
        Graph(small()[3]).forward(given)


def test_backward_twice_doubles_the_leaves() -> None:
    """As Value.backward, with a seed too."""
    w, x, product, z = small()
    graph = Graph(z)
    graph.backward()
    graph.backward(2.0)
    assert (w.grad, x.grad, product.grad) == (3 * 2.0, 3 * -1.0, 2.0)
    graph.zero_grad()
    assert [node.grad for node in graph] == [0.0] * 5


# -- copies and equality ----------------------------------------------------------------------------------


def lecture() -> Example:
    """The lecture's example after backward."""
    one = example()
    one.loss.backward()
    return one


def test_a_copy_is_equal_and_apart() -> None:
    """Values, gradients and labels of every node; the fused loss too. Changing one leaves the other."""
    one = lecture()
    graph = one.graph
    copied = graph.copy()
    assert copied == graph
    assert not set(copied.nodes) & set(graph.nodes)
    for ours, theirs in zip(graph, copied, strict=True):
        assert (ours.data, ours.grad, ours.label, ours.op) == (
            theirs.data,
            theirs.grad,
            theirs.label,
            theirs.op,
        )
        assert ours.partials == theirs.partials
        assert ours.chained_partial == theirs.chained_partial
    copied.forward({"x1": -7.0})
    assert one.x1.data == 2.0
    assert copied != graph


def test_a_copy_keeps_what_was_set_by_hand() -> None:
    """Data of an inner node, a gradient of a leaf."""
    w, x, product, z = small()
    product.data, w.grad = 77.0, 3.0
    copied = Graph(z).copy()
    assert copied.nodes[2].data == 77.0
    assert copied.nodes[0].grad == 3.0
    assert x.grad == 0.0


def test_a_copy_is_not_bent_by_its_leaves_either() -> None:
    """Partials are copied, not taken anew: a leaf that changed since is in neither gradient."""
    w, x, y = Value(3.0), Value(5.0), Value(1.0)
    a = sigmoid(w * x)
    out = bce(a, y) * a + dot([w, x], [x, 2.0])
    w.data, x.data, y.data = 100.0, -7.0, 0.25
    copied = Graph(out).copy()
    assert [node.partials for node in copied] == [node.partials for node in Graph(out)]
    out.backward()
    copied.backward()
    assert [node.grad for node in copied] == [node.grad for node in Graph(out)]
    copied.zero_grad()
    copied.forward({copied.inputs[0]: 0.5})
    copied.backward()
    w.data = 0.5
    out.zero_grad()
    Graph(out).forward()
    out.backward()
    assert [node.grad for node in copied] == [node.grad for node in Graph(out)]


def test_equality_is_of_content() -> None:
    """Operations, order of operands, labels and numbers of leaves; nothing else."""
    assert Graph(small()[3]) == Graph(small()[3])
    assert Graph(small()[3]) != Graph(small()[3].named("other"))
    a, b = Value(1.0), Value(2.0)
    assert Graph(a - b) != Graph(b - a)
    assert Graph(a * 2.0) != Graph(a * 3.0)
    assert Graph(a) != Graph(Value(1.0, label="a"))
    assert Graph(a) != 1.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(Graph(a))


# -- text form --------------------------------------------------------------------------------------------

TEXT = """minigrad graph 1
0 input -1.0 "w"
1 input 2.0 "x"
2 mul 0 1
3 const 0.5
4 add 2 3 "z"
output 4
"""


def test_the_text_is_readable_and_comes_back() -> None:
    """One line a node; what is loaded is what was saved."""
    *_, z = small()
    assert Graph(z).to_text() == TEXT
    loaded = Graph.from_text(TEXT)
    assert loaded == Graph(z)
    assert loaded.to_text() == TEXT
    assert loaded.output.data == -1.5
    loaded.backward()
    assert loaded.find("w").grad == 2.0


def test_a_label_used_twice_comes_back() -> None:
    """Labels are for reading: the text refers to nodes by position."""
    x = Value(1.0, label="a") + Value(2.0, label="a")
    loaded = Graph.from_text(Graph(x).to_text())
    assert loaded == Graph(x)
    with pytest.raises(ValueError, match="2 nodes are called 'a'"):
        loaded.forward({"a": 3.0})


def test_random_graphs_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Through a file, values of inner nodes computed anew; the fused loss too."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    for case in range(30):
        special = [math.nan, math.inf, -0.0, 5e-324, 1 / 3]
        numbers = [draw.uniform(-2, 2), draw.choice(special), draw.uniform(-2, 2)]
        _, output = build(case, numbers)
        graph = Graph([output, output.operands[0]])
        path = graph.save(tmp_path / f"{case}.txt")
        loaded = Graph.load(path)
        assert loaded == graph
        assert bits([n.data for n in loaded]) == bits([n.data for n in graph])
        assert [n.chained_partial is None for n in loaded] == [n.chained_partial is None for n in graph]


def test_every_operation_can_be_saved() -> None:
    """All rows of the table, with as many operands as each takes."""
    for name, rule in RULES.items():
        operands = [Value(0.5) for _ in range(rule.arity or 4)]
        if name == "polygamma":
            operands[0].data = 1.0
        node = minigrad.value.record(name, operands)
        assert Graph.from_text(Graph(node).to_text()).output.op == name


@given(st.text(st.characters(codec=None, categories=None), max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_label_comes_back(label: str) -> None:
    """Quotes, newlines, every line end of Unicode, lone surrogates; one line each."""
    x = Value(1.0, label=label)
    text = Graph(-x).to_text()
    text.encode("ascii")
    assert len(text.splitlines()) == 4
    assert Graph.from_text(text).inputs[0].label == label


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("minigrad graph 1", "minigrad graph 2", "line 1: expected 'minigrad graph 1'"),
        ("minigrad graph 1", "", "line 1: expected"), ("2 mul 0 1", "2 frob 0 1", "line 4: 'frob' is not an operation"),
        ("2 mul 0 1", "2 mull 0 1", r"line 4: 'mull' is not an operation of the table \(near: mul\)"),
        ("2 mul 0 1", "2 mul 0", "line 4: mul takes 2"), ("2 mul 0 1", "2 mul 0 1 1", "line 4: mul takes 2"),
        ("2 mul 0 1", "2 mul 0 3", "line 4: '3' is not the position of an earlier node"),
        ("2 mul 0 1", "2 mul 0 2", "line 4: '2' is not the position"), ("2 mul 0 1", "2 mul 0 -1", "line 4: '-1'"),
        ("2 mul 0 1", "2 mul 0 x", "line 4: 'x'"), ("2 mul 0 1", "2 mul 0 9999999999", "line 4"),
        ("2 mul 0 1", "3 mul 0 1", "line 4: expected '2 <operation>"), ("2 mul 0 1", "", "line 4: expected '2"),
        ("2 mul 0 1", "2 mul 0 ١", "line 4"), ("2 mul 0 1", "__import__('os')", "line 4: expected"),
        ("2 mul 0 1", "2 __import__ 0 1", "line 4: '__import__' is not an operation"), ("2 mul 0 1", "2 sum", "line 4"),
        ("2 mul 0 1", "2 dot 0 1 1", "line 4: dot takes a multiple of 2"),
        ("-1.0", "minus", "line 2: input needs one number"),
        ("-1.0", "1.0 2.0", "line 2: input needs one number"), ("-1.0", "1_0", "line 2: input needs one number"),
        ("-1.0", "1e999", "line 2: 1e999 does not fit in a double"), ("-1.0", "١", "line 2: input needs one number"),
        ("-1.0", "0x1p3", "line 2: input needs one number"), ("-1.0", "", "line 2: "),
        ("mul 0 1", "mul 0\xa01", "line 4"), ("1 input 2.0", "١ input 2.0", "line 3: expected '1 <operation>"),
        ("const 0.5", "const", "line 5: const needs one number"),
        ('"w"', '"w', "line 2: expected"), ('"w"', '"\\x"', "line 2: the label is not a JSON string"),
        ("output 4", "output 5", "line 7: '5'"), ("output 4", "output", "line 7: expected 'output'"),
        ("output 4\n", "", "line 6: expected 'output'"), ("output 4", "result 4", "line 7: expected 'output'"),
        ("output 4", "outputs", "line 7: expected 'output'"), (TEXT, "", "line 1: expected"),
    ],
)  # fmt: skip
def test_a_damaged_text_is_refused_by_its_line(old: str, new: str, words: str) -> None:
    """With what was expected there."""
    assert TEXT.count(old) == 1
    with pytest.raises(GraphFormatError, match=f"^{words}"):
        Graph.from_text(TEXT.replace(old, new))
    assert issubclass(GraphFormatError, ValueError)


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.text(max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_damage_ends_in_another_error(start: int, end: int, put: str) -> None:
    """Any piece of the text replaced by any other: a graph or a GraphFormatError."""
    low, high = sorted((start, end))
    with contextlib.suppress(GraphFormatError):
        assert len(Graph.from_text(TEXT[:low] + put + TEXT[high:])) >= 1


def test_limits(tmp_path: Path) -> None:
    """On nodes, on depth, on the size of a file: refused before anything large is made."""
    x = Value(1.0)
    v = x
    for _ in range(50):
        v = v + x
    text = Graph(v).to_text()
    assert len(Graph.from_text(text, max_nodes=51, max_depth=50)) == 51
    with pytest.raises(GraphFormatError, match="51 nodes are more than max_nodes=50"):
        Graph.from_text(text, max_nodes=50)
    with pytest.raises(GraphFormatError, match="deeper than max_depth=49"):
        Graph.from_text(text, max_depth=49)
    path = tmp_path / "large.txt"
    path.write_text(text + " " * 10_000)
    with pytest.raises(GraphFormatError, match="longer than 200 characters for each of max_nodes=51"):
        Graph.load(path, max_nodes=51)


def test_files_that_are_none(tmp_path: Path) -> None:
    """Bytes that are no text, a folder, nothing at all; and a save that cannot be made leaves nothing."""
    (tmp_path / "bytes").write_bytes(b"minigrad graph 1\n\xff\xfe")
    with pytest.raises(GraphFormatError, match="not text in UTF-8"):
        Graph.load(tmp_path / "bytes")
    for name in ("missing", "."):
        with pytest.raises(OSError):  # noqa: PT011
            Graph.load(tmp_path / name)
    with pytest.raises(OSError, match="create it first"):
        Graph(Value(1.0)).save(tmp_path / "no" / "g.txt")
    assert os.listdir(tmp_path) == ["bytes"]


def test_the_text_does_not_depend_on_hashing() -> None:
    """Three processes with different seeds of the hash."""
    program = (
        "from minigrad.logistic import example; one = example(); one.loss.backward(); print(one.graph.to_text(), "
        "one.graph.counts(), [one.graph.name(n) for n in one.graph])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent, check=True, capture_output=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(outputs) == 1
