"""Calculus as a table: every primitive operation, its value and its partial derivatives, one row each.

Room: data only. A row is read by the recorded engine (through `codegen`, which turns the table into
`rows.py` when the package is built), by the functions by name, the pictures, the explanations, the table
in the docs and the tests. Imports nothing of ours.
Must hold: adding an operation means adding one row (and a witness in the tests). The partials use only
operations of this table, so a derivative can be derived again.

How a row reads. The operands are the letters of `operands`; `out` is the value just computed; `n` is the
number of operands of an n-ary row, in which a letter stands for each operand of its group in turn.
Expressions are Python's: + - * / **, comparisons, `a if condition else b`, and operations by name.

A partial is written as it stands in the textbook, but so that it is right in floating point. Where no
formula over the table's operations is, the row names in `computed` a function of `numeric` that is; the
tests hold both against the same witness.
"""

from __future__ import annotations


class Through:
    """How an operation behaves when its first operand was itself made by the operation `inner`.

    The chain a = inner(u), result = outer(a, y) may pass through numbers that no double holds although
    the whole is harmless (a sigmoid that underflows, then its logarithm). Then the row is computed from u.

    inner     name of the operation that made the first operand
    operands  the letters: u, then the other operands
    value     the result, from u
    partials  by the first operand (a), by each other operand, and last by u through a
    """

    __slots__ = ("inner", "operands", "partials", "value")

    def __init__(self, inner: str, operands: tuple[str, ...], value: str, *partials: str) -> None:
        self.inner = inner
        self.operands = operands
        self.value = value
        self.partials = partials


class Rule:
    """One operation.

    name      as in `minigrad.<name>`
    value     its value as an expression, in which the operation's own name is a primitive
    partials  one expression for each operand: the local derivative
    operands  letters; a letter followed by * stands for any number of operands
    computed  expressions that replace `partials` in floating point, or () where they serve themselves;
              of an n-ary row, one call that fills all of them
    means     the definition, where the value is only a name
    symbol    how a node shows it
    domain    the condition on the operands under which the value is a real number
    kink      the choice made where there is no derivative
    remedy    what to do when this operation is the first to leave the finite numbers
    through   see Through
    source    of a less known partial or of the choice at a kink
    """

    __slots__ = (
        "computed", "domain", "kink", "means", "name", "operands", "partials", "remedy", "source",
        "symbol", "through", "value",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        value: str,
        *partials: str,
        operands: tuple[str, ...] = (),
        computed: tuple[str, ...] = (),
        means: str = "",
        symbol: str = "",
        where: str = "",
        kink: str = "",
        remedy: str = "",
        through: Through | None = None,
        source: str = "",
    ) -> None:
        self.name = name
        self.value = value
        self.partials = partials
        self.operands = operands or ("x", "y")[: len(partials)]
        self.computed = computed
        self.means = means
        self.symbol = symbol or name
        self.domain = where
        self.kink = kink
        self.remedy = remedy
        self.through = through
        self.source = source

    @property
    def text(self) -> str:
        """The value as one would write it: `means` where there is one, else `value`."""
        return self.means or self.value

    @property
    def arity(self) -> int | None:
        """Number of operands; None where it takes any number."""
        return None if any(letter.endswith("*") for letter in self.operands) else len(self.operands)

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {self.value!r}, {', '.join(map(repr, self.partials))})"


_LOG = "keep its operand above 0; for the log of a probability use logsigmoid, bce or bce_with_logits"
_EXP = "its operand is too large; use sigmoid, softplus, logsumexp or logaddexp, which never overflow there"
_DIV = "the denominator reached 0; add the term that keeps it away from 0, or cancel it on paper"
_BIG = "the numbers grew past 1.8e308; scale the inputs (standardise the columns) or take a smaller step"
_DOM = "its operand left the domain; check how it was computed"

_TABLE = (
    # arithmetic                    value            by x                by y
    Rule("neg",       "-x",         "-1",                                symbol="−"),
    Rule("add",       "x + y",      "1",                "1",             symbol="+", remedy=_BIG),
    Rule("sub",       "x - y",      "1",                "-1",            symbol="−", remedy=_BIG),
    Rule("mul",       "x * y",      "y",                "x",             symbol="×", remedy=_BIG),
    Rule("div",       "x / y",      "1 / y",            "-x / y / y",    symbol="÷", where="y != 0", remedy=_DIV,
         computed=("1 / y", "div_dy(x, y)")),
    Rule("pow",       "x ** y",     "y * x ** (y - 1) if y != 0 else 0",
                                    "0 if x == 0 and y > 0 else out * log(x)",
         computed=("pow_dx(x, y)", "pow_dy(x, y)"), where="x > 0, or x == 0 and y >= 0, or y an integer",
         kink="by x: 0 at y = 0; by y: 0 at x = 0 < y, nan at x < 0", remedy=_DOM),

    # kinks: each is a decision; libraries differ
    Rule("abs",       "abs(x)",     "sign(x)",                           symbol="|·|", kink="0 at x = 0"),
    Rule("sign",      "sign(x)",    "0",                                 kink="0 at x = 0",
         means="1 if x > 0 else -1 if x < 0 else 0"),
    Rule("relu",      "max(x, 0)",  "1 if x > 0 else 0",                 symbol="ReLU", kink="0 at x = 0"),
    Rule("min",       "min(x, y)",  "1 if x < y else 0.5 if x == y else 0", "1 if y < x else 0.5 if x == y else 0",
         kink="1/2 to each operand at x = y"),
    Rule("max",       "max(x, y)",  "1 if x > y else 0.5 if x == y else 0", "1 if y > x else 0.5 if x == y else 0",
         kink="1/2 to each operand at x = y"),
    Rule("where",     "x if c != 0 else y", "0", "1 if c != 0 else 0", "0 if c != 0 else 1",
         operands=("c", "x", "y"), kink="constant in c; the branch not taken gets 0, whatever its own derivative is"),
    Rule("less",      "1 if x < y else 0",  "0", "0",                    symbol="<", kink="0 at x = y"),
    Rule("less_equal", "1 if x <= y else 0", "0", "0",                   symbol="≤", kink="0 at x = y"),

    # roots, exponentials, logarithms
    Rule("sqrt",      "sqrt(x)",    "0.5 / out",                         symbol="√", where="x >= 0", remedy=_DOM,
         kink="inf at x = 0", computed=("0.5 / abs(out)",)),
    Rule("cbrt",      "cbrt(x)",    "1 / (3 * out ** 2)",                symbol="∛", kink="inf at x = 0",
         computed=("1 / out / out / 3",)),
    Rule("exp",       "exp(x)",     "out",                               remedy=_EXP),
    Rule("exp2",      "exp2(x)",    "out * log(2)",                      means="2 ** x", remedy=_EXP,
         computed=("exp2_d(x)",)),
    Rule("expm1",     "expm1(x)",   "exp(x)",                            means="exp(x) - 1", remedy=_EXP),
    Rule("log",       "log(x)",     "1 / x if x >= 0 else nan",          where="x > 0", remedy=_LOG),
    Rule("log2",      "log2(x)",    "1 / (x * log(2)) if x >= 0 else nan", where="x > 0", remedy=_LOG,
         computed=("log2_d(x)",)),
    Rule("log10",     "log10(x)",   "1 / (x * log(10)) if x >= 0 else nan", where="x > 0", remedy=_LOG,
         computed=("log10_d(x)",)),
    Rule("log1p",     "log1p(x)",   "1 / (1 + x) if x >= -1 else nan",   means="log(1 + x)", where="x > -1",
         remedy=_LOG),

    # trigonometric
    Rule("sin",       "sin(x)",     "cos(x)"),
    Rule("cos",       "cos(x)",     "-sin(x)"),
    Rule("tan",       "tan(x)",     "1 / cos(x) ** 2",                   computed=("tan_d(x)",)),
    Rule("asin",      "asin(x)",    "1 / sqrt((1 - x) * (1 + x))",       where="-1 <= x <= 1", kink="inf at x = ±1",
         remedy=_DOM),
    Rule("acos",      "acos(x)",    "-1 / sqrt((1 - x) * (1 + x))",      where="-1 <= x <= 1", kink="-inf at x = ±1",
         remedy=_DOM),
    Rule("atan",      "atan(x)",    "1 / (1 + x * x)",                   computed=("atan_d(x)",)),
    Rule("atan2",     "atan2(y, x)", "x / (x * x + y * y)", "-y / (x * x + y * y)", operands=("y", "x"),
         computed=("atan2_dy(y, x)", "atan2_dx(y, x)"), kink="nan at x = y = 0"),

    # hyperbolic
    Rule("sinh",      "sinh(x)",    "cosh(x)",                           remedy=_EXP),
    Rule("cosh",      "cosh(x)",    "sinh(x)",                           remedy=_EXP),
    Rule("tanh",      "tanh(x)",    "(1 / cosh(x)) ** 2",                computed=("tanh_d(x)",)),
    Rule("asinh",     "asinh(x)",   "1 / hypot(1, x)"),
    Rule("acosh",     "acosh(x)",   "1 / sqrt((x - 1) * (x + 1)) if x >= 1 else nan", where="x >= 1",
         kink="inf at x = 1", computed=("acosh_d(x)",), remedy=_DOM),
    Rule("atanh",     "atanh(x)",   "1 / ((1 - x) * (1 + x)) if -1 <= x <= 1 else nan", where="-1 < x < 1",
         remedy=_DOM),
    Rule("hypot",     "hypot(x, y)", "x / out", "y / out",               means="sqrt(x * x + y * y)",
         computed=("hypot_d(x, y)", "hypot_d(y, x)"), kink="0 to each operand at x = y = 0"),

    # the logistic family
    Rule("sigmoid",   "sigmoid(x)", "out * sigmoid(-x)",                 symbol="σ", means="1 / (1 + exp(-x))",
         computed=("sigmoid_d(x)",)),
    Rule("logsigmoid", "logsigmoid(x)", "sigmoid(-x)",                   symbol="log σ", means="log(sigmoid(x))"),
    Rule("logit",     "logit(x)",   "1 / (x * (1 - x)) if 0 <= x <= 1 else nan", where="0 < x < 1",
         means="log(x / (1 - x))", remedy=_DOM),
    Rule("softplus",  "softplus(x)", "sigmoid(x)",                       means="log(1 + exp(x))"),
    Rule("logaddexp", "logaddexp(x, y)", "sigmoid(x - y)", "sigmoid(y - x)", means="log(exp(x) + exp(y))",
         computed=("sigmoid_of_difference(x, y)", "sigmoid_of_difference(y, x)")),
    Rule("bce",       "bce(a, y)",  "(a - y) / (a * (1 - a))", "log(1 - a) - log(a)", operands=("a", "y"),
         means="-(y * log(a) + (1 - y) * log(1 - a))", where="0 < a < 1, or a == y",
         computed=("bce_da(a, y)", "-logit(a)"), kink="0 log 0 counts as 0",
         remedy="a reached 0 or 1 while y did not; use bce_with_logits(z, y), or bce(sigmoid(z), y), where a is made",
         through=Through("sigmoid", ("z", "y"), "bce_with_logits(z, y)",
                         "bce_da_from_logit(z, y)", "-z", "sigmoid_minus(z, y)")),
    Rule("bce_with_logits", "bce_with_logits(z, y)", "sigmoid(z) - y", "-z", operands=("z", "y"),
         means="bce(sigmoid(z), y)", symbol="bce∘σ", computed=("sigmoid_minus(z, y)", "-z")),

    # the error function and the gamma function
    Rule("erf",       "erf(x)",     "2 / sqrt(pi) * exp(-x * x)",        computed=("erf_d(x)",)),
    Rule("erfc",      "erfc(x)",    "-2 / sqrt(pi) * exp(-x * x)",       computed=("-erf_d(x)",), means="1 - erf(x)"),
    Rule("lgamma",    "lgamma(x)",  "digamma(x)",                        means="log(abs(gamma(x)))",
         where="x not in 0, -1, -2, …", remedy=_DOM),
    Rule("digamma",   "digamma(x)", "polygamma(1, x)",                   symbol="ψ", where="x not in 0, -1, -2, …",
         remedy=_DOM, source="DLMF 5.2.2"),
    Rule("polygamma", "polygamma(n, x)", "nan", "polygamma(n + 1, x)",   symbol="ψ⁽ⁿ⁾", operands=("n", "x"),
         where="n = 1, 2, …, 500; x not in 0, -1, -2, …", kink="no derivative by the order n", remedy=_DOM,
         source="DLMF 5.15"),

    # one node, any number of operands
    Rule("sum",       "sum(x)",     "1",     operands=("x*",),           symbol="Σ", remedy=_BIG),
    Rule("mean",      "mean(x)",    "1 / n", operands=("x*",),           means="sum(x) / n", remedy=_BIG),
    Rule("dot",       "dot(w, x)",  "x", "w", operands=("w*", "x*"),     symbol="w·x", means="sum(w * x)", remedy=_BIG),
    Rule("logsumexp", "logsumexp(x)", "exp(x - out)", operands=("x*",),  means="log(sum(exp(x)))",
         computed=("nary_softmax(x, n, partials)",)),
)  # fmt: skip

#: Every operation by name, in the order of the table.
RULES: dict[str, Rule] = {rule.name: rule for rule in _TABLE}


class Computed:
    """A partial derivative that is computed by another formula than the textbook's, as an operation of its own.

    Programs use it where the recorded engine would: in floating point it is right where the textbook's formula
    is not, and it is one instruction.

    name      of the row and the letter: bce_with_logits_dz is the partial of bce_with_logits by z
    rule      the row
    operand   which of its operands, from 0
    operands  letters, those of the row
    text      the formula that is computed, over `numeric`
    textbook  the same partial over the operations of the table; its derivative is taken from here
    """

    __slots__ = ("name", "operand", "operands", "rule", "text", "textbook")

    def __init__(self, rule: Rule, operand: int) -> None:
        self.name = f"{rule.name}_d{rule.operands[operand]}"
        self.rule = rule
        self.operand = operand
        self.operands = rule.operands
        self.text = rule.computed[operand]
        self.textbook = rule.partials[operand]

    def __repr__(self) -> str:
        return f"Computed({self.name!r}, {self.text!r})"


#: Every partial that is computed otherwise than it is written, by name.
COMPUTED: dict[str, Computed] = {
    computed.name: computed
    for rule in _TABLE
    if rule.arity is not None
    for computed in (Computed(rule, operand) for operand in range(len(rule.computed)))
    if computed.text != computed.textbook
}
