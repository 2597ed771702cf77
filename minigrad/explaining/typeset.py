"""A formula written as text, as LaTeX and as MathML.

Room: three writers of `maths.Math`, one table of what differs between them. Below: `maths`, `rules` for the signs.
Above: `forms`.
Must hold: as few parentheses as the order of operations allows; whatever a user called a node comes out as that text
and never as markup; LaTeX that any of LaTeX, MathJax and KaTeX reads.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

from minigrad.explaining.maths import Math
from minigrad.rules import RULES
from minigrad.text import isolated, shown

_ANY, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
_BINDS = {
    "sum": _SUM, "minus": _SUM, "links": _PRODUCT, "product": _PRODUCT, "fraction": _PRODUCT, "power": _POWER,
    "compare": _ANY, "cases": _ANY, "text": _ANY,
}  # fmt: skip
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_COMPARISONS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "=": "=", "!=": "≠", "in": "∈"}
_LATEX_COMPARISONS = {
    "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "=": "=", "!=": r"\ne", "in": r"\in",
}  # fmt: skip
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_GREEK_COMMAND = {sign: f"\\{word}" for word, sign in _GREEK.items()} | {
    "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma",
    "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega",
}  # fmt: skip
#: Functions that LaTeX has a command for.
_LATEX_FUNCTIONS = frozenset(["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max"])
#: A name that is one letter and a number: the number is written below.
_INDEXED = re.compile(r"([^\W\d_]|[a-z]+)_?(\d{1,4})")
#: Longest label that is shown whole.
LONGEST = 40


def binds(x: Math) -> int:
    """How tightly the outermost operation of a formula binds."""
    if x.kind == "number":
        return _SUM if x.text.startswith("-") else _PRODUCT if "e" in x.text else _ATOM
    return _BINDS.get(x.kind, _ATOM)


def function(name: str) -> str:
    """The sign of a function: σ for sigmoid, ReLU for relu, else its name."""
    rule = RULES.get(name)
    return rule.symbol if rule is not None and rule.symbol.isalpha() else name


def _is_negative(x: Math) -> bool:
    return x.kind == "minus" or (x.kind == "number" and x.text.startswith("-"))


def _positive(x: Math) -> Math:
    return x.parts[0] if x.kind == "minus" else Math("number", x.text[1:], number=-x.number)


def _least(x: Math, first: bool) -> int:
    """How tightly a factor of a product must bind: a quotient, or a minus, that is not the first is enclosed."""
    if first and x.kind == "number":
        return _ANY
    return _PRODUCT if (first and x.kind != "fraction") or x.kind == "product" else _POWER


def _run_together(x: Math, y: Math) -> bool:
    """Whether two factors need a dot between them: s·s is no word, and neither is rate·w."""
    return x == y or _is_long(x) or _is_long(y)


def _is_long(x: Math) -> bool:
    """A name of several letters."""
    return x.kind == "name" and len(x.text) > 1 and not _INDEXED.fullmatch(x.text) and x.text not in _GREEK


# -- text -------------------------------------------------------------------------------------------------


def text(x: Math) -> str:
    """As text for a terminal: ∂L/∂a · ∂a/∂z, a·(1 − a), x².

    >>> from minigrad.explaining.maths import read
    >>> text(read("x1*(a - y)**2/sigmoid(-z)", {}))
    'x1·(a − y)²/σ(−z)'
    """
    return _text(x, _ANY)


def _text(x: Math, least: int) -> str:
    written = _TEXT[x.kind](x)
    return f"({written})" if binds(x) < least else written


def _text_sum(x: Math) -> str:
    out = _text(x.parts[0], _SUM)
    for part in x.parts[1:]:
        if _is_negative(part):
            out += f" − {_text(_positive(part), _PRODUCT)}"
        else:
            out += f" + {_text(part, _PRODUCT)}"
    return out


def _text_product(x: Math) -> str:
    sign = " · " if x.kind == "links" else "·"
    return sign.join(_text(part, _least(part, not k)) for k, part in enumerate(x.parts))


def _text_power(x: Math) -> str:
    base, exponent = x.parts
    if exponent.kind == "number" and re.fullmatch("-?[0-9]+", exponent.text):
        return _text(base, _ATOM) + exponent.text.translate(_SUPERSCRIPT)
    return f"{_text(base, _ATOM)}^{_text(exponent, _ATOM)}"


def _text_call(x: Math) -> str:
    inside = ", ".join(_text(part, _ANY) for part in x.parts)
    if x.text == "abs":
        return f"|{inside}|"
    return f"{function(x.text)}({inside})" if x.text else f"[{inside}]"


def _text_cases(x: Math) -> str:
    value, condition, other = (_text(part, _ANY) for part in x.parts)
    return f"{value} if {condition}, else {other}"


def _text_partial(x: Math) -> str:
    of, by = x.parts
    return f"∂{_text(of, _ATOM)}/∂{_text(by, _ATOM)}"


def _text_compare(x: Math) -> str:
    left, right = x.parts
    return f"{_text(left, _SUM)} {_COMPARISONS[x.text]} {_text(right, _SUM)}"


def word(label: str) -> str:
    """A label in a line of text: as it is if it is a word, else in quotes."""
    cut = shown(label, LONGEST)
    plain = re.fullmatch(r"[^\W\d][\w.′']*", label) and cut == label
    return isolated(cut) if plain else f'"{isolated(cut)}"'


_TEXT: dict[str, Callable[[Math], str]] = {
    "number": lambda x: x.text.replace("-", "−", 1) if x.text.startswith("-") else x.text,
    "name": lambda x: word(x.text),
    "text": lambda x: x.text,
    "sum": _text_sum,
    "product": _text_product,
    "links": _text_product,
    "fraction": lambda x: f"{_text(x.parts[0], _PRODUCT)}/{_text(x.parts[1], _POWER)}",
    "power": _text_power,
    "minus": lambda x: f"−{_text(x.parts[0], _PRODUCT)}",
    "call": _text_call,
    "cases": _text_cases,
    "compare": _text_compare,
    "partial": _text_partial,
    "group": lambda x: f"({_text(x.parts[0], _ANY)})",
}


# -- LaTeX ------------------------------------------------------------------------------------------------


def latex(x: Math) -> str:
    r"""As LaTeX for math mode, without packages beyond amsmath.

    >>> from minigrad.explaining.maths import read
    >>> print(latex(read("x1*(a - y)**2/sigmoid(-z)", {})))
    \frac{x_{1} \, (a - y)^{2}}{\sigma(-z)}
    """
    return _latex(x, _ANY)


def _latex(x: Math, least: int) -> str:
    written = _LATEX[x.kind](x)
    tight = _ATOM if x.kind == "fraction" and least != _ATOM else binds(x)
    return _latex_enclosed(written) if tight < least else written


def _latex_enclosed(written: str) -> str:
    """In parentheses, which grow only with what is high."""
    high = any(command in written for command in (r"\frac", r"\begin", "^"))
    return rf"\left({written}\right)" if high else f"({written})"


def _latex_number(x: Math) -> str:
    if "inf" in x.text:
        return x.text.replace("inf", r"\infty")
    if x.text == "nan":
        return r"\mathrm{nan}"
    digits, _, exponent = x.text.partition("e")
    return rf"{digits} \times 10^{{{int(exponent)}}}" if exponent else digits


def _latex_sum(x: Math) -> str:
    out = _latex(x.parts[0], _SUM)
    for part in x.parts[1:]:
        if _is_negative(part):
            out += f" - {_latex(_positive(part), _PRODUCT)}"
        else:
            out += f" + {_latex(part, _PRODUCT)}"
    return out


def _latex_product(x: Math) -> str:
    parts = [
        _latex(part, _PRODUCT if part.kind == "fraction" else _least(part, not k))
        for k, part in enumerate(x.parts)
    ]
    out = parts[0]
    for before, part, written in zip(x.parts, x.parts[1:], parts[1:], strict=False):
        apart = x.kind == "links" or part.kind == "number" or _run_together(before, part)
        out += (r" \cdot " if apart else r" \, ") + written
    return out


def _latex_call(x: Math) -> str:
    inside = ", ".join(_latex(part, _ANY) for part in x.parts)
    if x.text == "abs":
        return rf"\left\lvert {inside} \right\rvert"
    if x.text == "sqrt":
        return rf"\sqrt{{{inside}}}"
    if not x.text:
        return rf"\left[{inside}\right]"
    sign = function(x.text)
    if sign == "σ":
        head = r"\sigma"
    elif sign == "ψ":
        head = r"\psi"
    else:
        head = f"\\{sign}" if sign in _LATEX_FUNCTIONS else latex_name(sign, upright=True)
    return f"{head}{_latex_enclosed(inside)}"


def _latex_cases(x: Math) -> str:
    value, condition, other = (_latex(part, _ANY) for part in x.parts)
    return rf"\begin{{cases}} {value} & \text{{if }} {condition} \\ {other} & \text{{else}} \end{{cases}}"


def _latex_compare(x: Math) -> str:
    left, right = x.parts
    return f"{_latex(left, _SUM)} {_LATEX_COMPARISONS[x.text]} {_latex(right, _SUM)}"


def latex_name(label: str, *, upright: bool = False) -> str:
    """A label in math mode: w1 as w with a 1 below it, a word upright, every character as itself."""
    if not upright and (found := _INDEXED.fullmatch(label)) and (len(found[1]) == 1 or found[1] in _GREEK):
        return f"{latex_name(found[1])}_{{{found[2]}}}"
    if not upright and label in _GREEK:
        return f"\\{label}"
    if not upright and len(label) == 1 and label.isascii() and label.isalpha():
        return label
    return "".join(_latex_piece(piece) for piece in _pieces(shown(label, LONGEST)))


def latex_words(prose: str) -> str:
    """Words within math mode."""
    out = []
    for piece in _pieces(prose):
        out.append(rf"\text{{{piece}}}" if _plain(piece) else _latex_piece(piece))
    return "".join(out)


def latex_prose(prose: str) -> str:
    """Words in text mode: what LaTeX would take for a command is written as what it is."""
    return "".join(piece if _plain(piece) else f"${_latex_piece(piece)}$" for piece in _pieces(prose))


_SPECIAL = {
    "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "\\": r"\backslash ",
    "^": r"{\wedge}", "~": r"{\sim}", "<": "{<}", ">": "{>}", "|": r"{\vert}", '"': r"\text{''}", "`": r"\text{`}",
    "−": "{-}", "·": r"{\cdot}", "∂": r"\partial ", "×": r"{\times}", "≤": r"{\le}", "≥": r"{\ge}", "…": r"\ldots ",
    "→": r"{\to}", "∈": r"{\in}", "±": r"{\pm}", "≠": r"{\ne}", "⟨": r"\langle ", "⟩": r"\rangle ", "√": r"{\surd}",
    "=": "{=}", "+": "{+}", "²": "^{2}", "∞": r"\infty ", "–": r"\text{--}", "•": r"{\bullet}", "′": "'",
    "“": r"\text{``}", "”": r"\text{''}", "’": r"\text{'}",
}  # fmt: skip


#: Accents that LaTeX can put on any letter: grave, acute, circumflex, tilde, diaeresis, ring, caron, cedilla.
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327")


def _plain(piece: str) -> bool:
    return piece[0] not in _SPECIAL and piece[0] not in _GREEK_COMMAND and _in_fonts(piece[0])


def _in_fonts(character: str) -> bool:
    """Whether LaTeX's own fonts have it in text: ASCII, and Latin letters with accents."""
    if character.isascii():
        return True
    base, *accents = list(unicodedata.normalize("NFD", character))
    return ord(character) <= 0x17F and base.isascii() and bool(accents) and set(accents) <= _ACCENTS


def _pieces(prose: str) -> list[str]:
    """Runs of plain characters, and every other character by itself."""
    found: list[str] = []
    for character in prose:
        plain = character not in _SPECIAL and character not in _GREEK_COMMAND and _in_fonts(character)
        if plain and found and _plain(found[-1]):
            found[-1] += character
        else:
            found.append(character)
    return found


def _latex_piece(piece: str) -> str:
    if piece[0] in _SPECIAL:
        return _SPECIAL[piece[0]]
    if piece[0] in _GREEK_COMMAND:
        return _GREEK_COMMAND[piece[0]] + " "
    if not _in_fonts(piece[0]):
        return rf"\langle \text{{U+{ord(piece[0]):04X}}} \rangle "
    if piece.isascii() and piece.isalnum():
        return rf"\mathrm{{{piece}}}"
    return rf"\text{{{piece}}}"


_LATEX: dict[str, Callable[[Math], str]] = {
    "number": _latex_number,
    "name": lambda x: latex_name(x.text),
    "text": lambda x: latex_words(x.text),
    "sum": _latex_sum,
    "product": _latex_product,
    "links": _latex_product,
    "fraction": lambda x: rf"\frac{{{_latex(x.parts[0], _ANY)}}}{{{_latex(x.parts[1], _ANY)}}}",
    "power": lambda x: rf"{_latex(x.parts[0], _ATOM)}^{{{_latex(x.parts[1], _ANY)}}}",
    "minus": lambda x: f"-{_latex(x.parts[0], _PRODUCT)}",
    "call": _latex_call,
    "cases": _latex_cases,
    "compare": _latex_compare,
    "group": lambda x: _latex_enclosed(_latex(x.parts[0], _ANY)),
    "partial": lambda x: (
        rf"\frac{{\partial {_latex(x.parts[0], _ATOM)}}}{{\partial {_latex(x.parts[1], _ATOM)}}}"
    ),
}


# -- MathML -----------------------------------------------------------------------------------------------


def mathml(x: Math, *, block: bool = False) -> str:
    """As an element <math>, with the same as text for whoever does not show it.

    >>> from minigrad.explaining.maths import read
    >>> mathml(read("a - y", {}))
    '<math alttext="a − y"><mrow><mi>a</mi><mo>−</mo><mi>y</mi></mrow></math>'
    """
    display = ' displaystyle="true"' if block else ""
    return f'<math{display} alttext="{_escaped(text(x))}">{_mathml(x, _ANY)}</math>'


def _escaped(label: str) -> str:
    return html.escape(label, quote=True)


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>" if len(parts) != 1 else parts[0]


def _mathml(x: Math, least: int) -> str:
    written = _MATHML[x.kind](x)
    tight = _ATOM if x.kind == "fraction" and least != _ATOM else binds(x)
    return _enclosed(written) if tight < least else written


def _enclosed(written: str) -> str:
    """In parentheses, which grow only with what is high."""
    flat = "" if any(tag in written for tag in ("<mfrac", "<mtable", "<msup")) else ' stretchy="false"'
    return _row(f"<mo{flat}>(</mo>", written, f"<mo{flat}>)</mo>")


def _mathml_number(x: Math) -> str:
    sign = "<mo>−</mo>" if x.text.startswith("-") else ""
    digits, _, exponent = x.text.removeprefix("-").partition("e")
    body = f"<mn>{digits.replace('inf', '∞')}</mn>"
    if exponent:
        power = _mathml_number(Math("number", str(int(exponent))))
        body += f"<mo>×</mo><msup><mn>10</mn>{power}</msup>"
    return _row(sign, body) if sign or exponent else body


def _mathml_sum(x: Math) -> str:
    out = [_mathml(x.parts[0], _SUM)]
    for part in x.parts[1:]:
        if _is_negative(part):
            out += ["<mo>−</mo>", _mathml(_positive(part), _PRODUCT)]
        else:
            out += ["<mo>+</mo>", _mathml(part, _PRODUCT)]
    return _row(*out)


def _mathml_product(x: Math) -> str:
    out: list[str] = []
    for k, part in enumerate(x.parts):
        if k:
            apart = x.kind == "links" or part.kind == "number" or _run_together(x.parts[k - 1], part)
            out.append("<mo>·</mo>" if apart else "<mo>\N{INVISIBLE TIMES}</mo>")
        out.append(_mathml(part, _PRODUCT if part.kind == "fraction" else _least(part, not k)))
    return _row(*out)


def _mathml_call(x: Math) -> str:
    inside: list[str] = []
    for k, part in enumerate(x.parts):
        inside += ["<mo>,</mo>"] * (k > 0) + [_mathml(part, _ANY)]
    if x.text == "sqrt":
        return f"<msqrt>{''.join(inside)}</msqrt>"
    if x.text == "abs":
        return _row("<mo>|</mo>", *inside, "<mo>|</mo>")
    if not x.text:
        return _row("<mo>[</mo>", *inside, "<mo>]</mo>")
    head = f"<mi>{_escaped(function(x.text))}</mi><mo>\N{FUNCTION APPLICATION}</mo>"
    return _row(head, _enclosed("".join(inside)))


def _mathml_cases(x: Math) -> str:
    value, condition, other = (_mathml(part, _ANY) for part in x.parts)
    rows = (
        f"<mtr><mtd>{value}</mtd><mtd><mtext>if\N{NO-BREAK SPACE}</mtext>{condition}</mtd></mtr>"
        f"<mtr><mtd>{other}</mtd><mtd><mtext>else</mtext></mtd></mtr>"
    )
    return _row("<mo>{</mo>", f"<mtable>{rows}</mtable>")


def _mathml_compare(x: Math) -> str:
    left, right = x.parts
    return _row(_mathml(left, _SUM), f"<mo>{_escaped(_COMPARISONS[x.text])}</mo>", _mathml(right, _SUM))


def _mathml_name(label: str) -> str:
    if (found := _INDEXED.fullmatch(label)) and (len(found[1]) == 1 or found[1] in _GREEK):
        return f"<msub>{_mathml_name(found[1])}<mn>{found[2]}</mn></msub>"
    return f"<mi>{_escaped(_GREEK.get(label, shown(label, LONGEST)))}</mi>"


def _mathml_partial(x: Math) -> str:
    of, by = (_row("<mi>∂</mi>", _mathml(part, _ATOM)) for part in x.parts)
    return f"<mfrac>{of}{by}</mfrac>"


_MATHML: dict[str, Callable[[Math], str]] = {
    "number": _mathml_number,
    "name": lambda x: _mathml_name(x.text),
    "text": lambda x: f"<mtext>{_escaped(x.text)}</mtext>",
    "sum": _mathml_sum,
    "product": _mathml_product,
    "links": _mathml_product,
    "fraction": lambda x: f"<mfrac>{_mathml(x.parts[0], _ANY)}{_mathml(x.parts[1], _ANY)}</mfrac>",
    "power": lambda x: f"<msup>{_mathml(x.parts[0], _ATOM)}{_mathml(x.parts[1], _ANY)}</msup>",
    "minus": lambda x: _row("<mo>−</mo>", _mathml(x.parts[0], _PRODUCT)),
    "call": _mathml_call,
    "cases": _mathml_cases,
    "compare": _mathml_compare,
    "partial": _mathml_partial,
    "group": lambda x: _enclosed(_mathml(x.parts[0], _ANY)),
}
