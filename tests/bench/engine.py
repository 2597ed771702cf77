"""How fast the engine is, and how large: ratios against a Value class in micrograd's style in the same run.

    python tests/bench/engine.py [--interpreted] [--quick] [--full]

Room: times things and prints; no test depends on a time. The peer is closures.py beside this file, and
micrograd itself where it is installed (`pip install "minigrad[bench]"`).
Must hold: both sides run the same code on the same numbers, in turns, and what they compute is compared.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

from measuring import machine, resident, spread, verdict

#: A node of either side: they share operators, exp, log, relu, data, grad and backward, and no type.
Node: TypeAlias = Any

#: Both sides add up in the same order up to the order of a set; further apart than this, one is wrong.
TOLERANCE = 1e-9

#: What issue 1 of the project asks for.
GOALS = {"compiled": 20.0, "interpreted": 1.0, "bytes": 120.0, "import": 0.1}


# -- the work ---------------------------------------------------------------------------------------------


class Work(NamedTuple):
    """What one side does in a round: `record` builds the graph and returns its result."""

    record: Callable[[], Node]
    parameters: list[Node]


def weighted_sum(weights: Sequence[Node], xs: Sequence[Node]) -> Node:
    """One product and one addition for each weight."""
    total = weights[0] * xs[0]
    for w, x in zip(weights[1:], xs[1:], strict=True):
        total = total + w * x
    return total


def linear(matrix: Sequence[Sequence[Node]], xs: Sequence[Node]) -> list[Node]:
    """A matrix times a vector."""
    return [weighted_sum(row, xs) for row in matrix]


def softmax(xs: Sequence[Node]) -> list[Node]:
    """exp(x) / sum(exp(x)), the largest x subtracted first."""
    largest = max(x.data for x in xs)
    exponentials = [(x - largest).exp() for x in xs]
    total = exponentials[0]
    for exponential in exponentials[1:]:
        total = total + exponential
    return [exponential / total for exponential in exponentials]


def normalised(xs: Sequence[Node]) -> list[Node]:
    """x / sqrt(mean(x²) + 1e-5)."""
    scale = (weighted_sum(xs, xs) * (1.0 / len(xs)) + 1e-5) ** -0.5
    return [x * scale for x in xs]


def gpt(kind: Any, *, tokens: int, width: int = 16, heads: int = 4, letters: int = 27) -> Work:
    """One training step of a language model over `letters` letters, every number of it a node.

    Embeddings of letter and position, one block of attention, a two-layer perceptron of 4 * width, and the
    mean cross-entropy over the positions. The parameters are drawn with a fixed seed.
    """
    draw = random.Random(1)
    parameters: list[Node] = []

    def matrix(rows: int, columns: int) -> list[list[Node]]:
        made = [[kind(draw.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]
        parameters.extend(p for row in made for p in row)
        return made

    letter_embedding, place_embedding = matrix(letters, width), matrix(tokens, width)
    query, key, value, joined = (matrix(width, width) for _ in range(4))
    up, down, output = matrix(4 * width, width), matrix(width, 4 * width), matrix(letters, width)
    text = [draw.randrange(letters) for _ in range(tokens + 1)]
    size = width // heads

    def attention(q: list[Node], keys: list[list[Node]], values: list[list[Node]]) -> list[Node]:
        result: list[Node] = []
        for start in range(0, width, size):
            part = slice(start, start + size)
            weights = softmax([weighted_sum(q[part], k[part]) * size**-0.5 for k in keys])
            result += [weighted_sum(weights, [v[j] for v in values]) for j in range(start, start + size)]
        return result

    def record() -> Node:
        keys: list[list[Node]] = []
        values: list[list[Node]] = []
        losses: list[Node] = []
        for place, letter in enumerate(text[:-1]):
            x = [e + p for e, p in zip(letter_embedding[letter], place_embedding[place], strict=True)]
            h = normalised(x)
            keys.append(linear(key, h))
            values.append(linear(value, h))
            attended = linear(joined, attention(linear(query, h), keys, values))
            x = [a + b for a, b in zip(x, attended, strict=True)]
            h = linear(down, [u.relu() for u in linear(up, normalised(x))])
            x = [a + b for a, b in zip(x, h, strict=True)]
            losses.append(-softmax(linear(output, x))[text[place + 1]].log())
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total * (1.0 / tokens)

    return Work(record, parameters)


def perceptron_layers(kind: Any, draw: random.Random, hidden: int = 16) -> list[list[list[Node]]]:
    """The parameters of a 2-hidden-hidden-1 perceptron: for each neuron its weights, then its bias."""
    sizes = ((2, hidden), (hidden, hidden), (hidden, 1))
    return [[[kind(draw.uniform(-1, 1)) for _ in range(i + 1)] for _ in range(o)] for i, o in sizes]


def score(layers: list[list[list[Node]]], h: list[Node]) -> Node:
    """What the perceptron says of one point; ReLU after each layer but the last."""
    for layer in layers:
        h = [weighted_sum(neuron[:-1], h) + neuron[-1] for neuron in layer]
        if layer is not layers[-1]:
            h = [node.relu() for node in h]
    return h[0]


def perceptron(kind: Any, *, points: int) -> Work:
    """One training step of a 2-16-16-1 perceptron with ReLU and the mean hinge loss over `points` points."""
    draw = random.Random(2)
    layers = perceptron_layers(kind, draw)
    rows = [(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(points)]

    def record() -> Node:
        total = kind(0.0)
        for x1, x2 in rows:
            y = 1.0 if x1 * x2 > 0 else -1.0
            total = total + (1.0 - y * score(layers, [kind(x1), kind(x2)])).relu()
        return total * (1.0 / points)

    return Work(record, [p for layer in layers for neuron in layer for p in neuron])


# -- time -------------------------------------------------------------------------------------------------


class Round(NamedTuple):
    """Seconds of one round, and what was computed."""

    build: float
    backward: float
    loss: float
    gradients: list[float]


def one_round(work: Work) -> Round:
    """Build and differentiate once. Freeing is not timed: the peer leaves it to the garbage collector."""
    for p in work.parameters:
        p.grad = 0.0
    gc.collect()
    start = perf_counter()
    result = work.record()
    built = perf_counter()
    result.backward()
    end = perf_counter()
    return Round(built - start, end - built, float(result.data), [float(p.grad) for p in work.parameters])


def nodes_of(result: Node) -> int:
    """How many nodes a result was computed from, with itself, on either side."""
    found, waiting = {result}, [result]
    while waiting:
        for operand in waiting.pop()._prev:
            if operand not in found:
                found.add(operand)
                waiting.append(operand)
    return len(found)


def assert_same(ours: Round, peers: Round, what: str) -> None:
    """Loss and gradients agree to 1e-9, of the gradients relative to the largest."""
    largest = max(map(abs, peers.gradients))
    off = max(abs(p - q) for p, q in zip(ours.gradients, peers.gradients, strict=True))
    assert abs(ours.loss - peers.loss) <= TOLERANCE * abs(peers.loss), f"{what}: {ours.loss} and {peers.loss}"
    assert off <= TOLERANCE * largest, f"{what}: gradients differ by {off}, the largest is {largest}"


class Rounds(NamedTuple):
    """Milliseconds of each round: the whole of it and its backward, of minigrad and of the peer."""

    whole: tuple[list[float], list[float]]
    backward: tuple[list[float], list[float]]

    @property
    def ratios(self) -> list[float]:
        """How many times as long the peer took, round by round."""
        return [theirs / ours for ours, theirs in zip(*self.whole, strict=True)]


def in_turns(mine: Work, theirs: Work, rounds: int, what: str) -> Rounds:
    """Run both, one after the other, so that whatever else the machine does falls on both."""
    taken = Rounds(([], []), ([], []))
    for _ in range(rounds):
        both = one_round(mine), one_round(theirs)
        assert_same(*both, what)
        for side, done in enumerate(both):
            taken.whole[side].append(1e3 * (done.build + done.backward))
            taken.backward[side].append(1e3 * done.backward)
    return taken


def compare(what: str, make: Callable[[Any], Work], ours: Any, peer: Any, rounds: int, goal: float) -> None:
    """Print how both do, and once more without the garbage collector, which the peer keeps busy."""
    mine, theirs = make(ours), make(peer)
    nodes = nodes_of(mine.record()), nodes_of(theirs.record())
    taken = in_turns(mine, theirs, rounds, what)
    gc.disable()
    without = in_turns(mine, theirs, (rounds + 1) // 2, what)
    gc.enable()
    print(f"\n{what}")
    for name, count, ms, back in zip(("minigrad", "peer"), nodes, taken.whole, taken.backward, strict=True):
        print(
            f"  {name:9}{count:7,} nodes   {spread(ms)} ms, of which backward {statistics.median(back):.1f}"
        )
    met = verdict(statistics.median(taken.ratios) >= goal, f"at least {goal:g}")
    print(f"  ratio    {spread(taken.ratios)}   {met}")
    print(f"  ratio    {spread(without.ratios)}   with Python's garbage collector off")


# -- size -------------------------------------------------------------------------------------------------


def chain(kind: Any, nodes: int) -> Node:
    """x + x + x + ...: as deep as it is long."""
    x = kind(1.0)
    v = x
    for _ in range(nodes - 1):
        v = v + x
    return v


def tree(kind: Any, nodes: int) -> Node:
    """A sum of separate leaves, taken two by two; as many leaves as operations."""
    parts: list[tuple[int, Node]] = []
    for _ in range((nodes + 1) // 2):
        height, node = 0, kind(1.0)
        while parts and parts[-1][0] == height:
            node = parts.pop()[1] + node
            height += 1
        parts.append((height, node))
    _, node = parts.pop()
    while parts:
        node = parts.pop()[1] + node
    return node


def measure_size(shape: str, nodes: int) -> None:
    """Build, differentiate and free one graph; print the numbers as JSON. Runs in a process of its own."""
    from minigrad import Value

    made = {"chain": chain, "tree": tree}[shape]
    before, _ = resident()
    times = [perf_counter()]
    v = made(Value, nodes)
    times.append(perf_counter())
    built, _ = resident()
    v.backward()
    times.append(perf_counter())
    _, most = resident()
    del v
    times.append(perf_counter())
    seconds = [end - start for start, end in pairwise(times)]
    print(
        json.dumps({"seconds": seconds, "built": (built - before) / nodes, "most": (most - before) / nodes})
    )


def size(shape: str, nodes: int) -> None:
    """Print the line of one graph."""
    command = [sys.executable, __file__, "--measure", shape, str(nodes)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shape} of {nodes:,} nodes: exit status {done.returncode}\n{done.stderr}")
    found = json.loads(done.stdout)
    build, backward, free = found["seconds"]
    print(
        f"  {shape:6}{nodes:11,} nodes   build {build:.2f} s, backward {backward:.2f} s, free {free:.2f} s   "
        f"{found['built']:.0f} bytes a node, {found['most']:.0f} with the sort"
    )


# -- import -----------------------------------------------------------------------------------------------


def import_seconds(rounds: int) -> None:
    """Start Python in turns without and with each import; print what the import adds."""
    statements = ("pass", "import minigrad", "import numpy")
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds + 1):
        for statement in statements:
            start = perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            seconds[statement].append(perf_counter() - start)
    middle = {name: statistics.median(times[1:]) for name, times in seconds.items()}  # the first fills caches
    print(f"  python -c pass   {middle['pass']:.3f} s")
    for name in statements[1:]:
        added = [t - p for t, p in zip(seconds[name][1:], seconds["pass"][1:], strict=True)]
        low, high = min(added), max(added)
        text = f"  {name:16} {statistics.median(added):.3f} ({low:.3f} to {high:.3f}) s more"
        goal = f"   {verdict(statistics.median(added) < GOALS['import'], 'under 0.1')}"
        print(text + (goal if name == "import minigrad" else ""))


# -- the script -------------------------------------------------------------------------------------------


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description="minigrad's engine beside a Value class in micrograd's style"
    )
    parser.add_argument("--interpreted", action="store_true", help="use the interpreted core")
    parser.add_argument("--quick", action="store_true", help="small graphs, two rounds: to see that it runs")
    parser.add_argument("--full", action="store_true", help="also graphs of 10,000,000 nodes (1.2 GB)")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.interpreted:
        os.environ["MINIGRAD_INTERPRETED"] = "1"  # for the processes started from here too
        os.environ.pop("MINIGRAD_REQUIRE_COMPILED", None)
    if given.measure:
        measure_size(given.measure[0], int(given.measure[1]))
        return

    import closures

    import minigrad

    form = "compiled" if minigrad.COMPILED else "interpreted"
    goal, rounds = GOALS[form], 2 if given.quick else 11
    print(f"minigrad {minigrad.__version__}, {form} (COMPILED = {minigrad.COMPILED})")
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}, {machine()}")
    print(f"median (least to most) of {rounds} rounds, minigrad and peer in turns; building and backward")
    sys.setrecursionlimit(100_000)  # the peer sorts by recursion

    tokens, points = (2, 5) if given.quick else (5, 100)
    compare(
        f"one training step of a scalar GPT, {tokens} tokens; peer: closures.py",
        lambda kind: gpt(kind, tokens=tokens), minigrad.Value, closures.Value, rounds, goal,
    )  # fmt: skip
    step = f"one training step of a 2-16-16-1 perceptron, {points} points"
    compare(
        f"{step}; peer: closures.py",
        lambda kind: perceptron(kind, points=points), minigrad.Value, closures.Value, rounds, goal,
    )  # fmt: skip
    try:
        from micrograd.engine import Value as Micrograd
    except ImportError:
        print('\nmicrograd itself is not installed: pip install "minigrad[bench]"')
    else:
        compare(
            f"{step}; peer: micrograd itself",
            lambda kind: perceptron(kind, points=points), minigrad.Value, Micrograd, rounds, goal,
        )  # fmt: skip

    print(
        f"\nsize, each in a process of its own   (goal with the sort, compiled: at most {GOALS['bytes']:g})"
    )
    sizes = [10_000] if given.quick else [1_000_000, *([10_000_000] if given.full else [])]
    for nodes in sizes:
        for shape in ("chain", "tree"):
            size(shape, nodes)

    print("\nimport, each in a process of its own")
    import_seconds(2 if given.quick else 11)


if __name__ == "__main__":
    main()
