"""A formula as text gives the graph one would have written, and nothing else whatever the text is."""

from __future__ import annotations

import doctest
import keyword
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
import minigrad.formula as module
from minigrad import Graph, Value
from minigrad.formula import ALIASES, MAX_CHARACTERS, MAX_DEPTH, FormulaError, formula
from minigrad.rules import RULES


def refusal(text: str, **values: float) -> str:
    """The message with which a text is refused."""
    with pytest.raises(FormulaError) as caught:
        formula(text, **values)
    return str(caught.value)


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(module).failed == 0


# -- what it records --------------------------------------------------------------------------------------


def test_it_records_what_one_would_write() -> None:
    """The same graph as the lecture's lines in Python, name by name and bit by bit."""
    numbers = {"w1": 0.5, "w2": -0.25, "b": 0.1, "x1": 2.0, "x2": -1.0, "y": 1.0}
    w1, w2, b, x1, x2, y = (Value(number, label=name) for name, number in numbers.items())
    z = (w1 * x1 + w2 * x2 + b).named("z")
    by_hand = minigrad.bce(minigrad.sigmoid(z).named("a"), y).named("L")
    text = "z = w1*x1 + w2*x2 + b; a = sigmoid(z); L = bce(a, y)"
    assert Graph(formula(text, **numbers)) == Graph(by_hand)
    assert Graph(formula(text.replace("; ", "\n   "), **numbers)) == Graph(by_hand)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 - 3 - 4", -5.0),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("+x", 0.5),
        ("-x", -0.5),
        ("- -x", 0.5),
        ("7 / 2 / 7", 0.5),
        ("1_000 * 0x10", 16_000.0),
        ("2 − 3 × 4 · 5 ÷ 6", -8.0),
        ("pi", math.pi),
        ("e", math.e),
        ("x < 1", 1.0),
        ("x > 1", 0.0),
        ("x <= 0.5", 1.0),
        ("x >= 0.5", 1.0),
        ("x > 0.5", 0.0),
        ("(0 < x) * (x < 1)", 1.0),
        ("where(x < 1, 10, 20)", 10.0),
        ("sum(1, 2, x)", 3.5),
        ("sum([1, 2, x])", 3.5),
        ("sum(x)", 0.5),
        ("mean(1, 2)", 1.5),
        ("dot([1, x], [4, 6])", 7.0),
        ("max(x, min(2, 3))", 2.0),
        ("abs(-3)", 3.0),
        ("ln(e)", 1.0),
        ("ReLU(-x)", 0.0),
        ("σ(0 * x)", 0.5),
        ("x # a remark", 0.5),
        ("x;", 0.5),
        ("(\nx\n+ 1\n)", 1.5),
        ("10 ** 400", math.inf),
        ("1 / 0", math.inf),
    ],
)
def test_values_are_those_of_arithmetic(text: str, expected: float) -> None:
    """Precedence and associativity as in Python; beyond the doubles IEEE's infinity."""
    uses_x = "x" in text.replace("max", "").replace("0x", "")
    assert formula(text, **({"x": 0.5} if uses_x else {})).data == expected


def test_every_function_of_the_table_can_be_called() -> None:
    """One call of each, with as many operands as its row has letters, gives a node of that row."""
    names = dict(zip("abc", (0.25, 0.5, 0.75), strict=True))
    for rule in RULES.values():
        letters = list("abc"[: len(rule.operands)])
        call = [f"[{letter}]" for letter in letters] if rule.name == "dot" else letters
        values = {letter: names[letter] for letter in letters}
        assert formula(f"{rule.name}({', '.join(call)})", **values).op == rule.name
    assert set(ALIASES.values()) <= set(RULES)


def test_numbers_are_constants_and_names_are_inputs() -> None:
    """Constants get no gradient; e and pi are constants with a name."""
    graph = Graph(formula("2*x + pi", x=3.0))
    assert [(node.op, node.label) for node in graph if node.is_leaf] == [
        ("const", ""),
        ("input", "x"),
        ("const", "pi"),
    ]


def test_a_name_used_twice_is_one_node() -> None:
    """x * x has one operand, twice."""
    product = formula("x * x", x=3.0)
    assert product.operands[0] is product.operands[1]
    assert Graph(formula("z = x + 1; z * z", x=3.0)).counts() == {"input": 1, "const": 1, "add": 1, "mul": 1}


def test_a_name_of_a_constant_can_be_taken() -> None:
    """e as an error, say: what is given or computed goes before Euler's number."""
    assert formula("2 * e", e=3.0).data == 6.0
    assert formula("e = x - 1; e * e", x=3.0).data == 4.0


def test_a_value_is_used_as_it_is() -> None:
    """Gradients arrive at the caller's node, whatever its label."""
    weight = Value(2.0, label="mine")
    formula("w * x", w=weight, x=3.0).backward()
    assert (weight.grad, weight.label) == (3.0, "mine")


def test_names_are_compared_as_python_compares_them() -> None:
    """Python reads a mathematical bold x as x (NFKC); so are the names of the values."""
    assert formula("𝐱 + ﬁ", x=1.0, ﬁ=2.0).data == 3.0


def test_a_long_sum_needs_no_depth() -> None:
    """What the message on depth recommends works."""
    names = [f"x{i}" for i in range(2000)]
    assert formula(f"sum({', '.join(names)})", **dict.fromkeys(names, 1.0)).data == 2000.0
    assert formula("+".join(["x"] * (MAX_DEPTH - 1)), x=1.0).data == MAX_DEPTH - 1


# -- what it refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the formula is empty"),
        ("  # only a remark", "the formula is empty"),
        ("x ^ 2", "write x ** y"),
        ("x // 2", "write x / y"),
        ("x % 2", "this has no place in a formula"),
        ("x @ x", "dot("),
        ("x << 2", "this has no place"),
        ("~x", "this has no place"),
        ("2x", "write 2*x"),
        ("2 x", "write a*b"),
        ("x y", "write a*b"),
        ("x(3)", "to multiply write x*"),
        ("(x)(3)", "to multiply write x*"),
        ("x.real", "a name has no parts"),
        ("x[0]", "write x1 for x[1]"),
        ("'x'", "text has no place"),
        ("f'{x}'", "text has no place"),
        ("b'x'", "text has no place"),
        ("True * x", "write 1 for True"),
        ("None", "this has no place"),
        ("...", "this has no place"),
        ("2j * x", "real numbers"),
        ("lambda: x", "this has no place"),
        ("lambda * x", "lambda is a word"),
        ("(z := x)", "name a step in front"),
        ("[x for x in x]", "this has no place"),
        ("{x: x}", "this has no place"),
        ("{}", "this has no place"),
        ("*x", "this has no place"),
        ("yield x", "this has no place"),
        ("await x", "this has no place"),
        ("x if x else 2", "where(c, x, y)"),
        ("x and x", "multiply two comparisons"),
        ("not x", "1 - c"),
        ("x == 2", "comparisons are < <= > >="),
        ("x != 2", "comparisons are < <= > >="),
        ("x is x", "this has no place"),
        ("x in x", "this has no place"),
        ("0 < x < 1", "(0 < x) * (x < 1)"),
        ("x, 2", "one result"),
        ("[x]", "lists stand only in"),
        ("x +", "something is missing at the end"),
        ("(x", "never closed"),
        ("x)", "unmatched"),
        ("x == ", "something is missing at the end"),
        ("x ? 2", "this cannot be read"),
        ("x\u202e", "⟨U+202E⟩ is no sign"),
        ("x\0", ""),  # the words are Python's and differ between versions
        ("\ud800", "no text"),
        ("import os", "this is no step"),
        ("def f(): x", "this is no step"),
        ("del x", "this is no step"),
        ("x += 1", "each step has a name of its own"),
        ("x: int = 3", "this is no step"),
        ("a = c = x", "this is no step"),
        ("a, c = x", "this is no step"),
        ("x.a = 3", "this is no step"),
        ("__import__('os').system('true')", "only a function of the table"),
        ("exec(x)", "there is no function exec"),
        ("sigmod(x)", "did you mean sigmoid"),
        ("sum()", "sum(a, b, ...)"),
        ("sum([])", "sum(a, b, ...)"),
        ("sum([x], x)", "sum(a, b, ...)"),
        ("sum(*x)", "given by position"),
        ("exp(x=x)", "given by position"),
        ("dot(x, x)", "dot([w1, w2, ...], [x1, x2, ...])"),
        ("dot([x], [x, x])", "lists of the same length"),
        ("dot([], [])", "lists of the same length"),
        ("exp()", "write exp(x)"),
        ("exp([x])", "write exp(x)"),
        ("min(x, 2, 3)", "write min(x, y)"),
        ("where(x, 1)", "write where(c, x, y)"),
        ("1e999 * x", "larger than the largest double"),
        ("-1e999 * x", "larger than the largest double"),
        ("1" + "0" * 400, "larger than the largest double"),
        ("1" * 5000, "larger than the largest double"),
        ("3; x", "only the last step may go without a name"),
        ("x\n+ 1", "only the last step may go without a name"),
        ("z = x; z + 1", "second name"),
        ("z = 2*x; z = 3*x; z", "for the second time"),
        ("z = 2*x; 3*x", "the step z has no part in the result"),
        ("x = 3; x", "a value is given for it too"),
        ("a = c*x; c = 2*x; a*c", "c is used before it is computed"),
    ],
)
def test_what_is_no_formula_is_refused_in_words(text: str, says: str) -> None:
    """One short message; none speaks of Python's syntax tree."""
    message = refusal(text, x=0.5)
    assert says in message
    assert len(message.splitlines()) <= 3
    assert max(map(len, message.splitlines())) < 250


def test_the_place_is_shown() -> None:
    """Line and column count from 1; the caret stands under the place."""
    assert refusal("x + y^2") == "column 6: for a power write x ** y, not x ^ y\n  x + y^2\n       ^"
    assert refusal("(x) ^ 2").splitlines()[2] == "      ^"
    assert refusal("z = 2\n  é + f(z)").splitlines() == [
        "line 2, column 5: there is no function f: to multiply write x*(...)",
        "  é + f(z)",
        "      ^",
    ]
    message, excerpt, caret = refusal(" + ".join(["x"] * 300) + " + f(x) + x" * 30).splitlines()
    assert message.startswith("column 1201: ")
    assert excerpt[caret.index("^") :].startswith("f(x)")
    assert len(excerpt) < 80


def test_names_and_values_must_match() -> None:
    """Both ways, with a near name where there is one."""
    assert refusal("w*x + b", x=1.0).startswith(
        "no value for w, b: give one for each, w=0.1 (on the command line"
    )
    assert refusal("w1*x", x=1.0, w_1=2.0).endswith("; w_1 is given, but not used: is it meant?")
    assert refusal("x", x=1.0, y=2.0) == "a value is given for y, but the formula does not use it"
    assert refusal("sigmoid") == "sigmoid is a function: write sigmoid(x)"
    assert refusal("+".join(f"x{i}" for i in range(100))).count("x") < 30


def test_what_is_no_number_is_refused_with_its_name() -> None:
    """With the error that Value gives, and the name in front."""
    with pytest.raises(minigrad.NotANumberError, match=r"^w: text is not a number"):
        formula("w * 2", w="3")  # type: ignore[arg-type]
    with pytest.raises(OverflowError, match=r"^w: an integer of 401 digits"):
        formula("w * 2", w=10**400)
    with pytest.raises(FormulaError, match="a formula is text, not bytes"):
        formula(b"1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "(" * 150 + "x" + ")" * 150 + "+" + "-" * 19_000 + "x",
        "-" * 19_000 + "x",
        "x**" * 6000 + "x",
        "+".join(["x"] * 9000),
        "+".join(["x"] * (MAX_DEPTH + 1)),
        "exp(" * 4000 + "x" + ")" * 4000,
        "[" * 9000,
        "x<" * 9000 + "x",
        "not " * 4000 + "x",
        "x if x else " * 1500 + "x",
        "x" * (MAX_CHARACTERS + 1),
        "z=" * 9000 + "x",
        "x.a" * 1 + ".a" * 9000,
        "lambda:" * 2500 + "x",
    ],
)
def test_depth_and_size_end_in_an_error(text: str) -> None:
    """Not in a crash of the parser, nor in a long wait."""
    refusal(text, x=1.0)


SIGNS = st.sampled_from("xyz01. +-*/()[]{},;=<>!&|^~@%#'\"\\\n\t_:Êσ·−\u202e\0") | st.characters()


@given(st.text(alphabet=SIGNS, max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_ends_in_another_error(text: str) -> None:
    """Random text is a formula or a FormulaError (or a name whose number is missing, which is one)."""
    try:
        result = formula(text)
    except FormulaError:
        return
    assert isinstance(result, Value)


WORDS = ["x", "exp", "sum", "dot", *"()[],+-<=;2.", "**", "1e9", ":="]


@given(st.lists(st.sampled_from([*WORDS, *keyword.kwlist]), max_size=25).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_no_sentence_of_python_ends_in_another_error(text: str) -> None:
    """The same for text that is nearly Python."""
    try:
        formula(text, x=0.5)
    except FormulaError:
        return


SMALL = st.integers(-3, 3).map(str) | st.sampled_from(["x", "y", "0.5"])
EXPRESSIONS = st.recursive(
    SMALL,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*"]), inner)
        | st.builds("(-{})".format, inner)
        | st.builds("abs({})".format, inner)
        | st.builds("max({}, {})".format, inner, inner)
    ),
    max_leaves=20,
)


@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_the_value_is_that_of_python(text: str) -> None:
    """Python's own arithmetic on the same text is the witness."""
    values = {name: number for name, number in (("x", 1.75), ("y", -0.3)) if name in text.replace("max", "")}
    assert formula(text, **values).data == eval(text, {"max": max, "abs": abs}, values)
