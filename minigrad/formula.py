"""A formula as text -> its graph, for a command line or a page that takes one from its user.

Room: reads text with Python's own grammar (`ast.parse`), and records what it finds. Nothing is evaluated as
code: what `_read` does not know is refused. Below: `value`, `rules`.
Must hold: no text runs anything, takes unbounded time or memory, or ends in another error than FormulaError.

The grammar: numbers, names, + - * / **, comparisons < <= > >=, functions of the table by name, and steps
`name = formula` separated by semicolons or new lines, of which the last is the result.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from minigrad import value as _core
from minigrad.real import NotANumberError
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value

#: Limits on a formula: characters, and how deep its parts may be nested.
MAX_CHARACTERS = 20_000
MAX_DEPTH = 400

#: Names that have a value of their own, unless the formula or the caller gives them another.
CONSTANTS = {"pi": math.pi, "e": math.e}

#: Other ways to write a function: ln, and the signs that the pictures use (σ, ReLU, ...).
ALIASES = {"ln": "log"} | {rule.symbol: name for name, rule in RULES.items() if rule.symbol.isidentifier()}

GRAMMAR = (
    "a formula has numbers, names, + - * / **, < <= > >=, functions such as exp(x) or bce(a, y), "
    "and steps such as z = w*x + b; sigmoid(z)"
)


class FormulaError(ValueError):
    """A text is not a formula, or names and values do not match; the message says where and what to do."""


def formula(text: str, /, **values: float | Value) -> Value:
    """Record the graph of a formula.

    text     such as "w1*x1 + w2*x2 + b", or several steps: "z = w*x + b; a = sigmoid(z); bce(a, y)"
    values   for each name a number (it becomes an input with that label), or a Value, which is used as it is
    return   the Value of the last step; names of steps become labels

    Functions are those of the table, `minigrad.RULES`, and ln for log, the natural logarithm. sum, mean and
    logsumexp take any number of operands, dot two lists: dot([w1, w2], [x1, x2]). pi and e are constants
    unless given. Numbers in the text become constants, which get no gradient.

    Raises FormulaError when the text is no such formula (the column is given), a name has no value, a value
    or a step has no part in the result, or a limit on size or depth is exceeded; NotANumberError and
    OverflowError as Value for what is given as a number.

    >>> L = formula("z = w*x + b; a = sigmoid(z); bce(a, y)", w=0.5, x=2.0, b=-1.0, y=1)
    >>> L.backward()
    >>> L.op, round(L.data, 4)
    ('bce', 0.6931)
    """
    source = _Source(text)
    steps = source.steps()
    known = _inputs({unicodedata.normalize("NFKC", name): value for name, value in values.items()})
    _check_names(source, steps, known)
    result: Value | None = None
    for step in steps:
        result = _record(step.parts, known)
        if step.name:
            if any(result is other for other in known.values()):
                raise source.error(
                    "this only gives a second name to a number: use one of the two", step.place
                )
            known[step.name] = result.named(step.name)
    assert result is not None
    return result


def names_in(text: str) -> list[str]:
    """The names in a formula that need a number, in the order in which they stand.

    Raises FormulaError when the text is no formula.

    >>> names_in("z = w*x + pi; sigmoid(z)")
    ['w', 'x']
    """
    steps = _Source(text).steps()
    known = {step.name for step in steps} | set(CONSTANTS)
    used = [part.name for step in steps for part in sorted(step.parts, key=_column) if part.op == "name"]
    return [name for name in dict.fromkeys(used) if name not in known]


class _Part(NamedTuple):
    """A part of an expression: an operation with its operands, a number, or a name."""

    place: ast.expr
    op: str  # of the table; "number", "name"; "same" for +x
    operands: list[ast.expr]
    number: float = 0.0
    name: str = ""


def _column(part: _Part) -> tuple[int, int]:
    return part.place.lineno, part.place.col_offset


class _Step(NamedTuple):
    """name = expression; the parts stand in an order in which each comes before its operands."""

    name: str
    parts: list[_Part]
    place: ast.AST


# -- text -> steps ----------------------------------------------------------------------------------------

_TOO_DEEP = (
    f"the formula is nested too deeply (more than {MAX_DEPTH} levels): name parts of it in steps, "
    "or write a long sum as sum(a, b, ...)"
)

#: What a reader may copy from a page: one sign for one sign, so that columns stay.
_SIGNS = str.maketrans("−×·÷\t", "-**/ ")


class _Source:
    """The text, and places in it."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula is text, not {type(text).__name__}")
        if len(text) > MAX_CHARACTERS:
            raise FormulaError(
                f"the formula has {len(text):,} characters, more than {MAX_CHARACTERS:,}: "
                "build the graph in Python instead"
            )
        # Each line without its indentation, which Python's grammar would take for a block.
        self.lines = [line.strip() for line in text.translate(_SIGNS).replace("\r", "\n").split("\n")]

    def steps(self) -> list[_Step]:
        """The steps of the text, at least one."""
        body = self._parsed().body
        if not body:
            raise FormulaError(f"the formula is empty: {GRAMMAR}")
        return [self._step(statement, statement is body[-1]) for statement in body]

    def _parsed(self) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "1if" and "\d": refused below in any case
                return ast.parse("\n".join(self.lines))
        except SyntaxError as error:
            raise self._explained(error) from None
        except (RecursionError, MemoryError):
            raise FormulaError(_TOO_DEEP) from None
        except ValueError:
            raise FormulaError(
                "the formula holds a character that is no text (NUL, or half of a pair)"
            ) from None

    def _step(self, statement: ast.stmt, last: bool) -> _Step:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                return _Step(name, self._parts(expression), statement)
            case ast.Expr(value=expression):
                if not last:
                    raise self.error(
                        "only the last step may go without a name: write z = ... here", statement
                    )
                return _Step("", self._parts(expression), statement)
        raise self.error(_INSTEAD.get(type(statement), f"this is no step: {GRAMMAR}"), statement)

    def _parts(self, expression: ast.expr) -> list[_Part]:
        """All parts of an expression, without recursion."""
        parts = []
        waiting = [(expression, 1)]
        while waiting:
            place, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise FormulaError(_TOO_DEEP)
            part = self._read(place)
            parts.append(part)
            waiting += [(operand, depth + 1) for operand in reversed(part.operands)]
        return parts

    def _read(self, place: ast.expr) -> _Part:
        """What one node of the syntax tree means; refuses all that has no meaning in a formula."""
        match place:
            case ast.Name(id=name):
                return _Part(place, "name", [], name=name)
            case ast.Constant(value=int() | float() as number) if type(number) is not bool:
                return _Part(place, "number", [], number=self._number(number, place))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return _Part(place, "number", [], number=-self._number(number, place))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                return _Part(place, "neg" if isinstance(sign, ast.USub) else "same", [operand])
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return _Part(place, _OPERATORS[type(operator)], [left, right])
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() as sign], comparators=[right]):
                return _Part(place, "less" if isinstance(sign, ast.Lt) else "less_equal", [left, right])
            case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE() as sign], comparators=[right]):
                return _Part(place, "less" if isinstance(sign, ast.Gt) else "less_equal", [right, left])
            case ast.Compare(ops=[_, _, *_]):
                raise self.error("compare two at a time: (0 < x) * (x < 1)", place)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(place, name)
        raise self.error(_instead(place), place)

    def _number(self, number: float, place: ast.AST) -> float:
        try:
            result = float(number)
        except OverflowError:
            result = math.inf
        if math.isinf(result):
            raise self.error("this number is larger than the largest double, 1.8e308", place)
        return result

    def _call(self, place: ast.Call, name: str) -> _Part:
        op = ALIASES.get(name, name)
        if op not in RULES:
            raise self.error(_unknown_function(name), place)
        if place.keywords or any(isinstance(argument, ast.Starred) for argument in place.args):
            raise self.error(f"operands are given by position: {_usage(op)}", place)
        groups = [argument.elts if isinstance(argument, ast.List) else [argument] for argument in place.args]
        lists = [isinstance(argument, ast.List) for argument in place.args]
        rule = RULES[op]
        if rule.arity is not None:
            right = len(groups) == rule.arity and not any(lists)
        elif len(rule.operands) == 1:  # sum(a, b, c), sum([a, b, c])
            right = bool(groups) and bool(groups[0]) and (len(groups) == 1 or not any(lists))
        else:
            right = (
                len(groups) == len(rule.operands)
                and all(lists)
                and len({*map(len, groups)}) == 1
                and bool(groups[0])
            )
        if not right:
            raise self.error(f"write {_usage(op)}", place)
        return _Part(place, op, [operand for group in groups for operand in group])

    # -- places ---------------------------------------------------------------------------------------

    def error(self, message: str, place: ast.AST) -> FormulaError:
        """`message`, with the place of a part of the formula under it."""
        line, offset = getattr(place, "lineno", 1), getattr(place, "col_offset", 0)
        if isinstance(place, ast.BinOp):  # the sign between the operands
            line, offset = place.left.end_lineno or line, place.left.end_col_offset or offset
        text = self.lines[line - 1]
        column = len(text.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))
        if isinstance(place, ast.BinOp):
            column = next((i for i in range(column, len(text)) if text[i] not in " )"), column)
        return self._at(message, line, column)

    def _at(self, message: str, line: int, column: int) -> FormulaError:
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        column = max(0, min(column, len(text)))
        where = f"column {column + 1}" if len(self.lines) == 1 else f"line {line}, column {column + 1}"
        start, end = max(0, column - 40), column + 30
        before = "…" * (start > 0) + shown(text[start:column])
        after = shown(text[column:end]) + "…" * (end < len(text))
        return FormulaError(f"{where}: {message}\n  {before}{after}\n  {' ' * len(before)}^")

    def _explained(self, error: SyntaxError) -> FormulaError:
        """What Python says of a text that it cannot read, in words about formulas."""
        line, column, reason = error.lineno or 1, (error.offset or 1) - 1, error.msg
        if "too many nested" in reason or "too complex" in reason:
            return FormulaError(_TOO_DEEP)
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        rest = text[max(column, 0) :]
        words = [word for word in re.finditer(r"[^\W\d]\w*", text) if keyword.iskeyword(word[0])]
        gap = re.search(r"[\w)\]]\s+(?=[\w(])", text)
        if "Exceeds the limit" in reason:
            message = "this number is larger than the largest double, 1.8e308"
        elif words:
            message, column = f"{words[0][0]} is a word of Python's and cannot be used here", words[0].start()
        elif "invalid decimal literal" in reason:
            message = "a name cannot begin with a digit; to multiply write 2*x"
        elif gap:
            message, column = "a sign is missing here; to multiply write a*b", gap.end()
        elif "invalid character" in reason or "non-printable" in reason or "line continuation" in reason:
            message = f"{shown(rest[:1])} is no sign of a formula"
        elif any(hint in reason for hint in ("never closed", "unmatched", "does not match", "unterminated")):
            message = reason
        elif not rest:
            message = "something is missing at the end"
        else:
            message = f"this cannot be read; {GRAMMAR}"
        return self._at(message, line, column)


_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"
}  # fmt: skip

#: What to write instead of parts of Python that look as if they could be in a formula.
_INSTEAD: dict[type[ast.AST], str] = {
    ast.BitXor: "for a power write x ** y, not x ^ y",
    ast.FloorDiv: "for a quotient write x / y",
    ast.MatMult: "for a sum of products write dot([w1, w2], [x1, x2])",
    ast.BoolOp: "for `and` multiply two comparisons, (0 < x) * (x < 1); for `or` take the max of them",
    ast.Not: "for `not c` write 1 - c",
    ast.IfExp: "for a choice write where(c, x, y): x if c is not 0, else y",
    ast.NamedExpr: "name a step in front of the formula: z = w*x + b; sigmoid(z)",
    ast.Subscript: "a name has no parts here: write x1 for x[1]",
    ast.Attribute: "a name has no parts here: call functions by their plain name, exp(x)",
    ast.Eq: "comparisons are < <= > >=; a step is named with one =",
    ast.NotEq: "comparisons are < <= > >=",
    ast.AugAssign: "each step has a name of its own: z2 = z + 1",
    ast.Tuple: "a formula has one result, and a comma stands only between operands: max(x, y)",
    ast.List: "lists stand only in dot([w1, w2], [x1, x2]), sum, mean and logsumexp",
    ast.Call: "only a function of the table can be called, by its name: exp(x)",
}


def _instead(place: ast.expr) -> str:
    """What to write instead of a part that has no meaning in a formula."""
    kinds: list[ast.AST] = [place]
    match place:
        case ast.BinOp(op=operator) | ast.UnaryOp(op=operator) | ast.Compare(ops=[operator, *_]):
            kinds.append(operator)
        case ast.Constant(value=bool() as truth):
            return f"write {int(truth)} for {truth}"
        case ast.Constant(value=complex()):
            return "minigrad works on real numbers"
        case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
            return "text has no place in a formula: write names without quotes"
    return next(
        (_INSTEAD[type(kind)] for kind in kinds if type(kind) in _INSTEAD),
        f"this has no place in a formula; {GRAMMAR}",
    )


def _unknown_function(name: str) -> str:
    near = difflib.get_close_matches(name, [*RULES, *ALIASES], 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "to multiply write x*(...)"
    return f"there is no function {shown(name, 60)}: {hint}"


def _usage(op: str) -> str:
    """How a function is called."""
    letters = RULES[op].operands
    if RULES[op].arity is not None:
        return f"{op}({', '.join(letters)})"
    if len(letters) == 1:
        return f"{op}(a, b, ...) with one operand or more"
    groups = ", ".join("[{0}1, {0}2, ...]".format(letter.rstrip("*")) for letter in letters)
    return f"{op}({groups}) with lists of the same length"


# -- steps -> graph ---------------------------------------------------------------------------------------


def _inputs(values: Mapping[str, float | Value]) -> dict[str, Value]:
    """A node for each value given."""
    known = {}
    for name, number in values.items():
        try:
            known[name] = number if isinstance(number, Value) else Value(number, label=name)
        except (NotANumberError, OverflowError) as error:
            raise type(error)(f"{shown(name, 60)}: {error}") from None
    return known


def _check_names(source: _Source, steps: list[_Step], known: dict[str, Value]) -> None:
    """Refuse names without a number, numbers and steps without a use; make pi and e known."""
    given = set(known)
    targets = {step.name for step in steps}
    defined, used, missing = set(given), set[str](), dict[str, None]()
    for step in steps:
        for part in step.parts:
            if part.op != "name":
                continue
            used.add(part.name)
            if part.name in CONSTANTS and part.name not in given | targets:
                known[part.name] = _core.constant(CONSTANTS[part.name]).named(part.name)
            elif part.name in targets and part.name not in defined:
                raise source.error(f"{shown(part.name, 60)} is used before it is computed", part.place)
            elif part.name not in defined:
                missing[part.name] = None
        if step.name and step.name in defined:
            why = "and a value is given for it too" if step.name in given else "for the second time"
            raise source.error(
                f"{shown(step.name, 60)} is computed here, {why}: use another name", step.place
            )
        defined.add(step.name)
    _refuse_missing(list(missing), given - used)
    for step in steps[:-1]:
        if step.name not in used:
            raise source.error(
                f"the step {shown(step.name, 60)} has no part in the result: use it or leave it out",
                step.place,
            )
    if given - used:
        spare = [name for name in known if name in given - used]
        raise FormulaError(
            f"a value is given for {_listed(spare)}, but the formula does not use it"
            + _near(spare[0], used - given)
        )


def _refuse_missing(missing: list[str], spare: set[str]) -> None:
    """The error for names without a value; `spare` are values without a name."""
    if not missing:
        return
    example = shown(missing[0], 60)
    if missing[0] in RULES or missing[0] in ALIASES:
        raise FormulaError(f"{example} is a function: write {_usage(ALIASES.get(example, example))}")
    raise FormulaError(
        f"no value for {_listed(missing)}: give one for each, {example}=0.1 "
        f"(on the command line --at {example}=0.1)"
        + _near(missing[0], spare, " is given, but not used: is it meant?")
    )


def _listed(names: list[str]) -> str:
    return ", ".join(shown(name, 60) for name in names[:10]) + ", ..." * (len(names) > 10)


def _near(name: str, others: Iterable[str], words: str = " has no value: is it meant?") -> str:
    near = difflib.get_close_matches(name, sorted(others), 1, 0.5)
    return f"; {shown(near[0], 60)}{words}" if near else ""


def _record(parts: list[_Part], known: Mapping[str, Value]) -> Value:
    """Record an expression, operands before results."""
    made: dict[ast.expr, Value] = {}
    for part in reversed(parts):
        operands = [made[operand] for operand in part.operands]
        if part.op == "number":
            node = _core.constant(part.number)
        elif part.op == "name":
            node = known[part.name]
        elif part.op == "same":
            (node,) = operands
        else:
            node = _core.record(part.op, operands)
        made[part.place] = node
    return made[parts[0].place]
