"""The arithmetic of a graph's operations as JavaScript, translated from the package's own when a page is written.

Room: reads the source of `rows` (the table as arithmetic) and of the modules it calls as syntax trees, and writes the
functions that some operations need, and no others. What is the C library's in Python is the browser's `Math` there,
under the same names: see script/numbers.js. Below: `rules`. Above: `document`.
Must hold: the same operations in the same order, so that numbers differ only where `Math` and the C library do; names
no operation; what cannot be translated is refused here, never guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from minigrad.rules import RULES

#: The modules that are translated. What they take from elsewhere is in script/numbers.js.
MODULES = ("rows", "numeric", "gamma", "sums")

#: Names that mean something else, or nothing, in JavaScript.
_SPELT = {
    "inf": "Infinity",
    "nan": "NaN",
    "True": "true",
    "False": "false",
    "int": "Math.trunc",
    "fabs": "abs",
}
#: Words that no JavaScript variable may be called.
_RESERVED = frozenset(
    {
        "arguments",
        "class",
        "const",
        "default",
        "delete",
        "eval",
        "export",
        "function",
        "in",
        "let",
        "new",
        "switch",
    }
    | {"this", "typeof", "var", "void"}
)

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!=="}


class UntranslatableError(ValueError):
    """Python that this module has no JavaScript for."""


def arithmetic(rows: Iterable[str]) -> str:
    """The functions `row_<name>` for some names, all that they call, and the table `ROWS` of them, as JavaScript.

    rows  names of operations; of one that is computed together with its first operand, both: bce_sigmoid

    >>> print(arithmetic(["mul"]))
    // x * y, and its partials.
    function row_mul(x, y) {
      let out;
      out = x * y;
      return [out, y, x];
    }
    const ROWS = {
      mul: row_mul,
    };
    """
    source = _source()
    names = list(dict.fromkeys(rows))
    needed: dict[str, str] = {}
    waiting = [f"row_{name}" for name in reversed(names)]
    while waiting:
        name = waiting.pop()
        if name not in needed and name in source:
            needed[name], used = _translated(name)
            waiting += used
    texts = [needed[name] for name in source if name in needed]
    table = [f"  {name}: row_{name}," for name in names]
    return "\n".join([*texts, "const ROWS = {", *table, "};"])


def row_names() -> list[str]:
    """The names of all rows, those of two operations computed as one among them."""
    pairs = [f"{rule.name}_{rule.through.inner}" for rule in RULES.values() if rule.through]
    return [*RULES, *pairs]


@cache
def _source() -> dict[str, ast.FunctionDef | ast.expr]:
    """Every function and constant of the modules by name, in an order in which constants come before their uses."""
    functions: dict[str, ast.FunctionDef | ast.expr] = {}
    constants: dict[str, ast.FunctionDef | ast.expr] = {}
    for module in reversed(MODULES):
        text = resources.files("minigrad").joinpath(f"{module}.py").read_text(encoding="utf-8")
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.FunctionDef):
                functions[statement.name] = statement
            elif isinstance(statement, ast.Assign):
                constants.update(_constants(statement))
    return {**constants, **functions}


def _constants(statement: ast.Assign) -> Iterator[tuple[str, ast.expr]]:
    (target,) = statement.targets
    pairs = (
        zip(target.elts, statement.value.elts, strict=True)
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple)
        else [(target, statement.value)]
    )
    for name, value in pairs:
        if isinstance(name, ast.Name):
            yield name.id, value


@cache
def _translated(name: str) -> tuple[str, tuple[str, ...]]:
    """One function or constant as JavaScript, and the names that it uses."""
    found, writer = _source()[name], _Writer()
    if isinstance(found, ast.FunctionDef):
        text = "\n".join(writer.function(found))
    else:
        text = f"const {name} = {writer.bare(found)};"
    return text, tuple(dict.fromkeys(writer.used))


class _Writer:
    """Writes JavaScript for one function; notes the names it meets."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def function(self, made: ast.FunctionDef) -> list[str]:
        given = [argument.arg for argument in made.args.args]
        local = sorted(_assigned(made).difference(given))
        if clash := _RESERVED.intersection([*given, *local]):
            raise UntranslatableError(f"{made.name}: {', '.join(sorted(clash))} is a word of JavaScript's")
        body = made.body[1:] if ast.get_docstring(made) else made.body
        lines = [f"// {line}" for line in (ast.get_docstring(made) or "").splitlines()[:1]]
        lines.append(f"function {made.name}({', '.join(given)}) {{")
        if local:
            lines.append(f"  let {', '.join(local)};")
        return [*lines, *self.block(body, "  "), "}"]

    def block(self, statements: list[ast.stmt], indent: str) -> list[str]:
        return [indent + line for statement in statements for line in self.statement(statement)]

    def statement(self, s: ast.stmt) -> list[str]:
        match s:
            case ast.Return(value=ast.expr() as value):
                return [f"return {self.bare(value)};"]
            case ast.Assign(targets=targets, value=value):
                return [f"{' = '.join(map(self.expression, targets))} = {self.bare(value)};"]
            case ast.AnnAssign(target=target, value=value):
                return [f"{self.expression(target)} = {self.bare(value)};"] if value else []
            case ast.AugAssign(target=target, op=op, value=value) if type(op) in _BINARY:
                return [f"{self.expression(target)} {_BINARY[type(op)]}= {self.bare(value)};"]
            case ast.If(test=test, body=body, orelse=orelse):
                if ast.unparse(test) == "cython.compiled":
                    return self.block(orelse, "")
                end = ["} else {", *self.block(orelse, "  "), "}"] if orelse else ["}"]
                return [f"if ({self.bare(test)}) {{", *self.block(body, "  "), *end]
            case ast.While(test=test, body=body):
                return [f"while ({self.bare(test)}) {{", *self.block(body, "  "), "}"]
            case ast.For(
                target=ast.Name(id=i), iter=ast.Call(func=ast.Name(id="range"), args=bounds), body=body
            ):
                start, stop = self._range(bounds)
                return [f"for ({i} = {start}; {i} < {stop}; {i} += 1) {{", *self.block(body, "  "), "}"]
            case ast.Expr(value=ast.Call() as call):
                return [f"{self.expression(call)};"]
        raise UntranslatableError(ast.unparse(s))

    def _range(self, bounds: list[ast.expr]) -> tuple[str, str]:
        *first, end = map(self.expression, bounds)
        return (first or ["0"])[0], end

    def bare(self, e: ast.expr) -> str:
        """An expression where nothing stands beside it: without brackets around the whole."""
        text = self.expression(e)
        depth = 0
        for place, character in enumerate(text):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0 and place < len(text) - 1:
                return text
        return text[1:-1] if text.startswith("(") else text

    def expression(self, e: ast.expr) -> str:
        match e:
            case ast.Constant(value=bool() as truth):
                return str(truth).lower()
            case ast.Constant(value=float() | int() as number):
                return (
                    repr(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(number)
                )
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return f"(-{self.expression(x)})"
            case ast.UnaryOp(op=ast.Not(), operand=x):
                return f"!({self.expression(x)})"
            case ast.BinOp(left=x, op=ast.FloorDiv(), right=y):
                return f"Math.floor({self.expression(x)} / {self.expression(y)})"
            case ast.BinOp(left=x, op=op, right=y) if type(op) in _BINARY:
                return f"({self.expression(x)} {_BINARY[type(op)]} {self.expression(y)})"
            case ast.BoolOp(op=op, values=values):
                word = " && " if isinstance(op, ast.And) else " || "
                return f"({word.join(map(self.expression, values))})"
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({self.expression(test)} ? {self.expression(body)} : {self.expression(orelse)})"
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return f"[{', '.join(map(self.bare, elements))}]"
            case ast.Subscript(
                value=value, slice=ast.Slice(lower=ast.expr() as low, upper=ast.expr() as high)
            ):
                return f"{self.expression(value)}.slice({self.expression(low)}, {self.expression(high)})"
            case ast.Subscript(value=value, slice=index):
                return f"{self.expression(value)}[{self.bare(index)}]"
            case ast.Attribute(value=ast.Name(id="precise"), attr=name):
                return f"precise.{name}"
            case ast.Call(func=ast.Name(id="divide" | "div"), args=[x, y]):
                return f"({self.expression(x)} / {self.expression(y)})"
            case ast.Call(func=function, args=args):
                return f"{self.expression(function)}({', '.join(map(self.bare, args))})"
            case ast.ListComp(
                elt=result, generators=[ast.comprehension(target=ast.Name(id=i), iter=over, ifs=ifs)]
            ):
                return self._listed(i, result, over, ifs)
        raise UntranslatableError(ast.unparse(e))

    def _name(self, name: str) -> str:
        self.used.append(name)
        return _SPELT.get(name, name)

    def _comparison(self, terms: list[ast.expr], ops: list[ast.cmpop]) -> str:
        pairs = [
            f"{self.expression(x)} {_COMPARISONS[type(op)]} {self.expression(y)}"
            for x, op, y in zip(terms, ops, terms[1:], strict=False)
        ]
        return pairs[0] if len(pairs) == 1 else f"({' && '.join(pairs)})"

    def _listed(self, i: str, result: ast.expr, over: ast.expr, ifs: list[ast.expr]) -> str:
        match over:
            case ast.Call(func=ast.Name(id="range"), args=[count]):
                items = f"Array.from({{ length: {self.expression(count)} }}, (_, k) => k)"
            case _:
                items = self.expression(over)
        kept = "".join(f".filter(({i}) => {self.expression(test)})" for test in ifs)
        return f"{items}{kept}.map(({i}) => {self.expression(result)})"


def _assigned(made: ast.FunctionDef) -> set[str]:
    """Names that a function assigns to."""
    inside = {
        node.id
        for listed in ast.walk(made)
        if isinstance(listed, ast.comprehension)
        for node in ast.walk(listed.target)
        if isinstance(node, ast.Name)
    }
    stored = {
        node.id for node in ast.walk(made) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored - inside
