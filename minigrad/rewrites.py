"""Algebra as a table: the identities that simplify and stabilise an expression, one row each.

Room: data only. A row is read by `simplify` (which matches it), by programs (which list what was applied), by the
table in the docs and by the tests, which hold every row to mathematics over extreme operands. Below: `rules`,
whose definitions (`means`) and computed partials are identities too and are not written again.
Must hold: a row is true wherever its condition is, and in floating point its replacement is never worse than its
pattern; a row of kind CLOSED need not be, and is used to print closed forms only.

How a row reads. Pattern and replacement are expressions as in `rules.py`; a letter stands for any expression, the
same letter for the same. Operands of a commutative operation match in either order, and parts of a pattern that
another row would rewrite match what it rewrites them to: `log(1 - a)` need not be repeated as `log1p(-a)`.

The letter k stands for constants only.

A condition must be proved from the ranges of the operations before a row is applied. `finite(x)` says that x is
neither infinite nor nan. Of what a user enters a program proves nothing; a closed form is about real numbers inside
the domains of the recorded operations.
"""

from __future__ import annotations

from minigrad.rules import COMPUTED, RULES

#: The same number in floating point (zeros have no sign here), or a nearer one, for fewer or cheaper operations.
SIMPLIFY = "simplify"
#: Right where the pattern overflows, cancels or leaves the reals although the value does not.
STABILISE = "stabilise"
#: True of real numbers, not always better in floating point: only for closed forms.
CLOSED = "closed form"


class Rewrite:
    """One identity.

    name         what it is called in lists of what was applied
    pattern      what is looked for
    replacement  what takes its place
    where        the condition under which the two are equal, "" for none
    kind         SIMPLIFY, STABILISE or CLOSED
    computed     the replacement uses a computed partial (`rules.COMPUTED`), which only programs have
    letters      groups among the letters: ("x*",) where x stands for any number of operands
    source       of a less known identity
    """

    __slots__ = ("computed", "kind", "letters", "name", "pattern", "replacement", "source", "where")

    def __init__(
        self,
        name: str,
        pattern: str,
        replacement: str,
        kind: str,
        *,
        where: str = "",
        letters: tuple[str, ...] = (),
        computed: bool = False,
        source: str = "",
    ) -> None:
        self.name = name
        self.pattern = pattern
        self.replacement = replacement
        self.kind = kind
        self.where = where
        self.letters = letters
        self.computed = computed
        self.source = source

    def __repr__(self) -> str:
        where = f", where={self.where!r}" if self.where else ""
        return f"Rewrite({self.name!r}, {self.pattern!r}, {self.replacement!r}, {self.kind!r}{where})"


def _definitions() -> list[Rewrite]:
    """What the table of operations says an operation means, where that is an expression of the table itself."""
    rows = []
    for rule in RULES.values():
        text = rule.means or (rule.value if not rule.value.startswith(f"{rule.name}(") else "")
        if rule.name in _DEFINED:
            letters = ", ".join(letter.rstrip("*") for letter in rule.operands)
            groups = tuple(letter for letter in rule.operands if letter.endswith("*"))
            rows.append(
                Rewrite(
                    f"definition of {rule.name}", text, f"{rule.name}({letters})", STABILISE, letters=groups
                )
            )
    return rows


#: Operations that are recognised where somebody wrote out what they mean.
_DEFINED = (
    "relu", "exp2", "expm1", "log1p", "hypot", "sigmoid", "logsigmoid", "logit", "softplus", "logaddexp",
    "bce_with_logits", "erfc", "logsumexp",
)  # fmt: skip

#: Computed partials that are recognised where somebody wrote out their textbook form, and under which condition.
_RECOGNISED = {
    "sigmoid_dx": "", "bce_with_logits_dz": "", "bce_da": "0 < a < 1", "tanh_dx": "", "div_dy": "", "atan_dx": "",
    "tan_dx": "",
}  # fmt: skip


def _partials() -> list[Rewrite]:
    """The textbook form of a computed partial, as a row: sigmoid(z) - y is bce_with_logits_dz(z, y)."""
    rows = []
    for name, where in _RECOGNISED.items():
        row = COMPUTED[name]
        letters = ", ".join(row.operands)
        pattern = row.textbook.replace("out", f"{row.rule.name}({letters})")
        rows.append(
            Rewrite(
                f"partial of {row.rule.name}",
                pattern,
                f"{name}({letters})",
                STABILISE,
                where=where,
                computed=True,
            )
        )
    return rows


_FINITE = "finite(x)"
_PROBABILITY = "0 < a < 1"
_ABOVE, _FROM = "x > k and finite(x)", "x >= k and finite(x)"
_BELOW, _UP_TO = "x < k and finite(x)", "x <= k and finite(x)"
_NONZERO = "x != 0 and finite(x)"

_TABLE = (
    # name                     pattern                         replacement         kind
    # constants and signs
    Rewrite("plus 0",          "x + 0",                        "x",                SIMPLIFY),
    Rewrite("minus 0",         "x - 0",                        "x",                SIMPLIFY),
    Rewrite("0 minus",         "0 - x",                        "-x",               SIMPLIFY),
    Rewrite("times 1",         "x * 1",                        "x",                SIMPLIFY),
    Rewrite("times -1",        "x * -1",                       "-x",               SIMPLIFY),
    Rewrite("over 1",          "x / 1",                        "x",                SIMPLIFY),
    Rewrite("over -1",         "x / -1",                       "-x",               SIMPLIFY),
    Rewrite("times 0",         "x * 0",                        "0",                SIMPLIFY, where=_FINITE),
    Rewrite("0 over",          "0 / x",                        "0",                SIMPLIFY, where=_NONZERO),
    Rewrite("minus out of a factor", "k * x",                  "-(-k * x)",        SIMPLIFY, where="k < 0"),
    Rewrite("half",            "x / 2",                        "0.5 * x",          SIMPLIFY),
    Rewrite("half of double",  "0.5 * (2 * x)",                "x",                SIMPLIFY),
    Rewrite("double of half",  "2 * (0.5 * x)",                "x",                SIMPLIFY),
    Rewrite("power 0",         "x ** 0",                       "1",                SIMPLIFY),
    Rewrite("power 1",         "x ** 1",                       "x",                SIMPLIFY),
    Rewrite("power of 1",      "1 ** x",                       "1",                SIMPLIFY),
    Rewrite("square",          "x ** 2",                       "x * x",            SIMPLIFY),
    Rewrite("power -1",        "x ** -1",                      "1 / x",            SIMPLIFY),
    Rewrite("power 1/2",       "x ** 0.5",                     "sqrt(x)",          SIMPLIFY, where="x >= 0"),
    Rewrite("minus minus",     "-(-x)",                        "x",                SIMPLIFY),
    Rewrite("minus a difference", "-(x - y)",                  "y - x",            SIMPLIFY),
    Rewrite("plus minus",      "x + -y",                       "x - y",            SIMPLIFY),
    Rewrite("minus plus minus", "-x - y",                      "-(x + y)",         SIMPLIFY),
    Rewrite("minus minus y",   "x - -y",                       "x + y",            SIMPLIFY),
    Rewrite("minus in a product", "-x * y",                    "-(x * y)",         SIMPLIFY),
    Rewrite("minus above",     "-x / y",                       "-(x / y)",         SIMPLIFY),
    Rewrite("minus below",     "x / -y",                       "-(x / y)",         SIMPLIFY),
    Rewrite("itself minus itself", "x - x",                    "0",                SIMPLIFY, where=_FINITE),
    Rewrite("itself over itself", "x / x",                     "1",                SIMPLIFY, where=_NONZERO),
    Rewrite("times a reciprocal", "x * (1 / y)",               "x / y",            STABILISE),
    Rewrite("over a reciprocal", "x / (1 / y)",                "x * y",            STABILISE),

    # kinks and choices
    Rewrite("abs of minus",    "abs(-x)",                      "abs(x)",           SIMPLIFY),
    Rewrite("abs of abs",      "abs(abs(x))",                  "abs(x)",           SIMPLIFY),
    Rewrite("abs of a positive", "abs(x)",                     "x",                SIMPLIFY, where="x >= 0"),
    Rewrite("relu of a positive", "relu(x)",                   "x",                SIMPLIFY, where="x >= 0"),
    Rewrite("min of itself",   "min(x, x)",                    "x",                SIMPLIFY),
    Rewrite("max of itself",   "max(x, x)",                    "x",                SIMPLIFY),
    Rewrite("either the same", "where(c, x, x)",               "x",                SIMPLIFY),
    Rewrite("never",           "where(0, x, y)",               "y",                SIMPLIFY),

    Rewrite("chosen by a constant", "where(k, x, y)",          "x",                SIMPLIFY, where="k != 0"),
    Rewrite("less: always",    "less(k, x)",                   "1",                SIMPLIFY, where=_ABOVE),
    Rewrite("less_equal: always", "less_equal(k, x)",          "1",                SIMPLIFY, where=_FROM),
    Rewrite("greater: always", "less(x, k)",                   "1",                SIMPLIFY, where=_BELOW),
    Rewrite("greater_equal: always", "less_equal(x, k)",       "1",                SIMPLIFY, where=_UP_TO),
    Rewrite("less: never",     "less(k, x)",                   "0",                SIMPLIFY, where=_UP_TO),
    Rewrite("less_equal: never", "less_equal(k, x)",           "0",                SIMPLIFY, where=_BELOW),
    Rewrite("greater: never",  "less(x, k)",                   "0",                SIMPLIFY, where=_FROM),
    Rewrite("greater_equal: never", "less_equal(x, k)",        "0",                SIMPLIFY, where=_ABOVE),
    Rewrite("1 where less",    "where(less(x, y), 1, 0)",      "less(x, y)",       SIMPLIFY),
    Rewrite("1 where less or equal", "where(less_equal(x, y), 1, 0)", "less_equal(x, y)", SIMPLIFY),
    Rewrite("chosen twice",    "where(c, where(c, x, y), z)",  "where(c, x, z)",   SIMPLIFY),
    Rewrite("chosen twice, less", "where(less(k, x), where(less_equal(k, x), y, z), w)", "where(less(k, x), y, w)",
            SIMPLIFY),
    Rewrite("0 where y is 0",  "where(y, x * y, 0)",           "x * y",            CLOSED, where=_FINITE),

    # roots, exponentials, logarithms
    Rewrite("root of a square", "sqrt(x * x)",                 "abs(x)",           STABILISE),
    Rewrite("square of a root", "sqrt(x) * sqrt(x)",           "x",                STABILISE, where="x >= 0"),
    Rewrite("log of exp",      "log(exp(x))",                  "x",                STABILISE),
    Rewrite("exp of log",      "exp(log(x))",                  "x",                STABILISE, where="x > 0"),
    Rewrite("exp of -log",     "exp(-log(x))",                 "1 / x",            STABILISE, where="x > 0"),
    Rewrite("log of a reciprocal", "log(1 / x)",               "-log(x)",          STABILISE, where="x >= 0"),
    Rewrite("log of a root",   "log(sqrt(x))",                 "0.5 * log(x)",     STABILISE),
    Rewrite("log of a square", "log(x * x)",                   "2 * log(abs(x))",  STABILISE),
    Rewrite("reciprocal of exp", "1 / exp(x)",                 "exp(-x)",          STABILISE),
    Rewrite("exp of half an exp", "sqrt(exp(x))",              "exp(0.5 * x)",     STABILISE),
    Rewrite("1 minus exp",     "1 - exp(x)",                   "-expm1(x)",        STABILISE),
    Rewrite("1 plus expm1",    "1 + expm1(x)",                 "exp(x)",           STABILISE),
    Rewrite("log of 1 minus",  "log(1 - x)",                   "log1p(-x)",        STABILISE),
    Rewrite("log1p of expm1",  "log1p(expm1(x))",              "x",                STABILISE),
    Rewrite("expm1 of log1p",  "expm1(log1p(x))",              "x",                STABILISE, where="x > -1"),
    Rewrite("log1p of x - 1",  "log1p(x - 1)",                 "log(x)",           STABILISE),
    Rewrite("log to base 2",   "log(x) / log(2)",              "log2(x)",          STABILISE),
    Rewrite("log to base 10",  "log(x) / log(10)",             "log10(x)",         STABILISE),

    # trigonometric, hyperbolic
    Rewrite("sin of minus",    "sin(-x)",                      "-sin(x)",          SIMPLIFY),
    Rewrite("cos of minus",    "cos(-x)",                      "cos(x)",           SIMPLIFY),
    Rewrite("tan of minus",    "tan(-x)",                      "-tan(x)",          SIMPLIFY),
    Rewrite("sinh of minus",   "sinh(-x)",                     "-sinh(x)",         SIMPLIFY),
    Rewrite("cosh of minus",   "cosh(-x)",                     "cosh(x)",          SIMPLIFY),
    Rewrite("tanh of minus",   "tanh(-x)",                     "-tanh(x)",         SIMPLIFY),
    Rewrite("atan of minus",   "atan(-x)",                     "-atan(x)",         SIMPLIFY),
    Rewrite("erf of minus",    "erf(-x)",                      "-erf(x)",          SIMPLIFY),
    Rewrite("sin over cos",    "sin(x) / cos(x)",              "tan(x)",           STABILISE),
    Rewrite("sin, cos squared", "sin(x) * sin(x) + cos(x) * cos(x)", "1",          STABILISE, where=_FINITE),
    Rewrite("sinh over cosh",  "sinh(x) / cosh(x)",            "tanh(x)",          STABILISE),
    Rewrite("sinh with exps",  "0.5 * (exp(x) - exp(-x))",     "sinh(x)",          STABILISE),
    Rewrite("cosh with exps",  "0.5 * (exp(x) + exp(-x))",     "cosh(x)",          STABILISE),
    Rewrite("tanh with exps",  "(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)", STABILISE),
    Rewrite("tanh with expm1", "expm1(x) / (1 + exp(x))",      "tanh(0.5 * x)",    STABILISE),
    Rewrite("expm1 times sigmoid", "expm1(x) * sigmoid(-x)",   "tanh(0.5 * x)",    STABILISE),
    Rewrite("tanh with sigmoid", "2 * sigmoid(x) - 1",         "tanh(0.5 * x)",    STABILISE),
    Rewrite("tanh, 1 minus",   "1 - 2 * sigmoid(x)",           "-tanh(0.5 * x)",   STABILISE),

    # the logistic family
    Rewrite("sigmoid of minus x, written out", "1 / (1 + exp(x))", "sigmoid(-x)",  STABILISE),
    Rewrite("over 1 + exp",    "k / (1 + exp(x))",             "k * sigmoid(-x)",  STABILISE, where="-2 <= k <= 2"),
    Rewrite("sigmoid with two exps", "exp(x) / (1 + exp(x))",  "sigmoid(x)",       STABILISE),
    Rewrite("softmax of two",  "exp(x) / (exp(x) + exp(y))",   "logaddexp_dx(x, y)", STABILISE, computed=True),
    Rewrite("sigmoid with tanh", "0.5 * (1 + tanh(x))",        "sigmoid(2 * x)",   STABILISE),
    Rewrite("sigmoid with tanh, multiplied out", "0.5 + 0.5 * tanh(x)", "sigmoid(2 * x)", STABILISE),
    Rewrite("1 minus tanh",    "0.5 * (1 - tanh(x))",          "sigmoid(-2 * x)",  STABILISE),
    Rewrite("sigmoid of minus", "sigmoid(-x)",                 "1 - sigmoid(x)",   CLOSED),
    Rewrite("1 minus sigmoid", "1 - sigmoid(x)",               "sigmoid(-x)",      STABILISE),
    Rewrite("sigmoid minus 1", "sigmoid(x) - 1",               "-sigmoid(-x)",     STABILISE),
    Rewrite("exp times sigmoid of minus", "exp(x) * sigmoid(-x)", "sigmoid(x)",    STABILISE),
    Rewrite("exp of logsigmoid", "exp(logsigmoid(x))",         "sigmoid(x)",       STABILISE),
    Rewrite("log of 1 minus sigmoid", "log1p(-sigmoid(x))",    "logsigmoid(-x)",   STABILISE),
    Rewrite("minus softplus",  "-softplus(x)",                 "logsigmoid(-x)",   SIMPLIFY),
    Rewrite("softplus by log1p", "log1p(exp(x))",              "softplus(x)",      STABILISE),
    Rewrite("softplus by cases", "relu(x) + softplus(-abs(x))", "softplus(x)",     STABILISE),
    Rewrite("softplus minus x", "softplus(x) - x",             "softplus(-x)",     STABILISE),
    Rewrite("logit as a difference", "log(x) - log(1 - x)",    "logit(x)",         STABILISE),
    Rewrite("minus logit as a difference", "log(1 - x) - log(x)", "-logit(x)",     STABILISE),
    Rewrite("logit of sigmoid", "logit(sigmoid(x))",           "x",                STABILISE),
    Rewrite("sigmoid of logit", "sigmoid(logit(x))",           "x",                STABILISE, where="0 < x < 1"),
    Rewrite("log odds of sigmoid", "logsigmoid(x) - logsigmoid(-x)", "x",          STABILISE),

    # the loss, as it is written out
    Rewrite("log-likelihood",  "y * log(a) + (1 - y) * log(1 - a)", "-bce(a, y)",  STABILISE),
    Rewrite("loss with y - 1", "(y - 1) * log(1 - a) - y * log(a)", "bce(a, y)",   STABILISE),
    Rewrite("log-likelihood of z", "y * logsigmoid(z) + (1 - y) * logsigmoid(-z)", "-bce_with_logits(z, y)", STABILISE),
    Rewrite("loss of z, y - 1", "(y - 1) * logsigmoid(-z) - y * logsigmoid(z)", "bce_with_logits(z, y)", STABILISE),
    Rewrite("loss with softplus", "y * softplus(-z) + (1 - y) * softplus(z)", "bce_with_logits(z, y)", STABILISE),
    Rewrite("softplus minus yz", "softplus(z) - y * z",        "bce_with_logits(z, y)", STABILISE),
    Rewrite("loss by cases",   "relu(z) - y * z + softplus(-abs(z))", "bce_with_logits(z, y)", STABILISE),
    Rewrite("loss, 1 - y",     "(1 - y) * z + softplus(-z)",   "bce_with_logits(z, y)", STABILISE),
    Rewrite("loss, 1 - y, by logsigmoid", "(1 - y) * z - logsigmoid(z)", "bce_with_logits(z, y)", STABILISE),

    # partial derivatives, as they are written out
    Rewrite("y minus sigmoid", "y - sigmoid(z)",               "-bce_with_logits_dz(z, y)", STABILISE, computed=True),
    Rewrite("slope of the loss", "(1 - y) / (1 - a) - y / a",  "bce_da(a, y)",     STABILISE, computed=True,
            where=_PROBABILITY),
    Rewrite("slope of tanh",   "1 - tanh(x) * tanh(x)",        "tanh_dx(x)",       STABILISE, computed=True),
    Rewrite("slope of tanh, divided", "1 / cosh(x) / cosh(x)", "tanh_dx(x)",       STABILISE, computed=True),
    Rewrite("slope of the loss, chained", "sigmoid_dx(z) * bce_da(sigmoid(z), y)", "bce_with_logits_dz(z, y)",
            STABILISE, computed=True),
)  # fmt: skip

#: Every identity, those that the table of operations implies first.
REWRITES: dict[str, Rewrite] = {row.name: row for row in (*_definitions(), *_partials(), *_TABLE)}

#: Operations of two operands whose result does not depend on their order, bit for bit.
COMMUTATIVE = frozenset({"add", "mul", "hypot", "logaddexp"})

#: What is known of the result of an operation whatever its operands are, as a condition on `out`.
RANGES: dict[str, str] = {
    "abs": "out >= 0", "sign": "-1 <= out <= 1", "relu": "out >= 0", "less": "0 <= out <= 1",
    "less_equal": "0 <= out <= 1", "sqrt": "out >= 0", "exp": "out > 0", "exp2": "out > 0", "expm1": "out > -1",
    "sin": "-1 <= out <= 1", "cos": "-1 <= out <= 1", "cosh": "out >= 1", "tanh": "-1 < out < 1", "acosh": "out >= 0",
    "hypot": "out >= 0", "sigmoid": "0 < out < 1", "logsigmoid": "out < 0", "softplus": "out > 0",
    "erf": "-1 < out < 1", "erfc": "0 < out < 2", "sigmoid_dx": "out > 0", "tanh_dx": "out > 0",
}  # fmt: skip
