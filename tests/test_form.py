"""minigrad._form: compiled or interpreted, chosen or said; and that both give the same bits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_package import environment, python, said

import minigrad
from minigrad import RULES, Value

#: Prints, for every operation over many operands, the value and the partials in hexadecimal.
_BITS = """
import json, math, random, sys
import minigrad
from minigrad import RULES, Value, bce, sigmoid

draw = random.Random(int(sys.argv[1]))
special = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, 1e-310, 2.0, -2.0,
           3.0, 709.8, -745.2, 1e5, -1e5, -2.5, 1.4616321449683622, 30.0, 1e22]

def operand():
    kind = draw.random()
    if kind < 0.4:
        return draw.choice(special)
    if kind < 0.7:
        return draw.uniform(-5, 5)
    return draw.uniform(0, 1) if kind < 0.9 else draw.choice([-1, 1]) * 10 ** draw.uniform(-320, 308)

def bits(x):
    return "nan" if x != x else x.hex()  # the sign of a nan is left open by IEEE

lines = []
for name, rule in RULES.items():
    function = getattr(minigrad, name)
    for _ in range(200):
        given = [operand() for _ in range(rule.arity or 2 * draw.randrange(1, 5))]
        if name == "polygamma":
            given[0] = float(draw.randrange(0, 12))
        values = [Value(x) for x in given]
        half = len(values) // 2
        if rule.arity is not None:
            node = function(*values)
        elif len(rule.operands) == 2:
            node = function(values[:half], values[half:])
        else:
            node = function(values)
        plain = bits(function(*given)) if rule.arity is not None else ""
        lines.append([name, [bits(x) for x in given], bits(node.data), [bits(p) for p in node.partials], plain])
for _ in range(500):
    z, y = operand() * draw.choice([1.0, 300.0]), draw.choice([0.0, 1.0, draw.random()])
    u = Value(z)
    a = sigmoid(u)
    loss = bce(a, y)
    loss.backward()
    lines.append(["bce of sigmoid", bits(z), bits(y), bits(loss.data), bits(a.grad), bits(u.grad)])
print(json.dumps({"compiled": minigrad.COMPILED, "lines": lines}))
"""


def test_both_forms_give_the_same_bits() -> None:
    """Every operation, over ordinary and special operands; also as a function of plain numbers."""
    seed = "20261124"
    print(f"seed {seed}")
    here = json.loads(said(python("-W", "ignore", "-c", _BITS, seed)))
    interpreted = json.loads(said(python("-c", _BITS, seed, MINIGRAD_INTERPRETED="1")))
    assert interpreted["compiled"] is False
    assert {line[0] for line in here["lines"]} == {*RULES, "bce of sigmoid"}
    for ours, theirs in zip(here["lines"], interpreted["lines"], strict=True):
        assert ours == theirs


def test_each_form_answers_for_itself() -> None:
    """Chosen, it says nothing; forced, it fails where it cannot be had; both at once contradict each other."""
    code = "import minigrad; print(minigrad.COMPILED)"
    chosen = python("-c", code, MINIGRAD_INTERPRETED="1")
    assert (said(chosen), chosen.stderr) == ("False\n", "")
    both = python("-c", code, MINIGRAD_INTERPRETED="1", MINIGRAD_REQUIRE_COMPILED="1")
    assert both.returncode == 1
    assert "contradict each other" in both.stderr
    off = python("-W", "ignore", "-c", code, MINIGRAD_INTERPRETED="0", MINIGRAD_REQUIRE_COMPILED="")
    native = python("-W", "ignore", "-c", code)
    assert said(off) == said(native)


def test_interpreted_without_having_been_asked_is_said_once() -> None:
    """A warning that tells how to get the compiled form, and how to silence it."""
    finder = (
        "import sys; from minigrad._form import _SourceFinder; [sys.modules.pop(n) for n in list(sys.modules) "
        "if n.startswith('minigrad')]; sys.meta_path.insert(0, _SourceFinder); "
    )
    code = (
        finder
        + "import minigrad; print(minigrad.COMPILED); from minigrad import Value; import minigrad.graph"
    )
    run = python("-W", "always::UserWarning", "-c", code)
    assert said(run) == "False\n"
    assert run.stderr.count("runs interpreted: same results") >= 1
    assert "MINIGRAD_INTERPRETED=1" in run.stderr
    refused = python("-c", code, MINIGRAD_REQUIRE_COMPILED="1")
    assert refused.returncode == 1
    assert "MINIGRAD_REQUIRE_COMPILED is set" in refused.stderr


def test_interpreted_needs_no_cython() -> None:
    """With `import cython` failing, the stand-in serves: a graph, its gradient, an n-ary node, a gamma function."""
    code = (
        "import sys; sys.modules['cython'] = sys.modules['Cython'] = None; import minigrad as m; "
        "x = m.Value(0.5); y = m.sum([m.lgamma(x), m.logsumexp([x, 1.0]), m.bce(m.sigmoid(x), 0.3)]); y.backward(); "
        "print(m.COMPILED, 'minigrad._cython' in sys.modules, y.data, x.grad)"
    )
    words = said(python("-c", code, MINIGRAD_INTERPRETED="1")).split()
    x = Value(0.5)
    y = minigrad.sum(
        [minigrad.lgamma(x), minigrad.logsumexp([x, 1.0]), minigrad.bce(minigrad.sigmoid(x), 0.3)]
    )
    y.backward()
    assert words == ["False", "True", repr(y.data), repr(x.grad)]


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_command_works_interpreted(option: str) -> None:
    """python -m minigrad, with the sources."""
    done = subprocess.run(
        [sys.executable, "-m", "minigrad", option], env=environment(MINIGRAD_INTERPRETED="1"),
        cwd=minigrad.__path__[0] + "/..", text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert said(done).startswith(("minigrad 0", "usage: minigrad "))
