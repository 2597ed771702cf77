// Formulas: trees of minigrad/page/formulas.py as MathML, or as text where the browser has no MathML.
const MATH = "http://www.w3.org/1998/Math/MathML";
const hasMathML = typeof MathMLElement !== "undefined";
const MOST_OPERANDS = 6; // of a sum that are written out

// A number as pictures show it: five digits, a real minus sign.
function numeral(x, digits = 5) {
  if (Number.isNaN(x)) return "nan";
  if (Math.abs(x) === Infinity) return x > 0 ? "inf" : "−inf";
  if (x === 0) return Object.is(x, -0) ? "−0" : "0";
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  const small = Number(exponent) < -4 || Number(exponent) >= digits;
  const text = small ? mantissa : x.toPrecision(digits);
  const short = text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  return (small ? `${short}e${Number(exponent)}` : short).replaceAll("-", "−");
}

// How the nodes in a tree are said: `operand` tells which node an operand is, `word` what is written for a node.
const named = (i) => nodes[i].name;
const counted = (values) => (i) => numeral(values[i]);

function operandOf(i, position) {
  const node = nodes[i];
  const { groups } = data.ops[node.op];
  if (!groups) return (k) => node.in[k];
  const n = node.in.length / groups;
  return (k) => node.in[k * n + (position % n)];
}

// The tree with nodes in the place of operands, so that it can be said by names and by numbers.
function settled(tree, i, position = 0) {
  const operand = operandOf(i, position);
  const walk = (part) => {
    if (!Array.isArray(part)) return part;
    if (part[0] === "x") return ["node", operand(part[1])];
    if (part[0] === "out") return ["node", i];
    if (part[0] === "n" && part[1] === "n") return ["n", String(nodes[i].in.length / data.ops[nodes[i].op].groups)];
    return part.map(walk);
  };
  return walk(tree);
}

// The value of a node, of its operands. An operation of any number of them shows the first few.
function valueTree(i) {
  const node = nodes[i];
  const { groups, value } = data.ops[node.op];
  if (!groups) return settled(value, i);
  const n = node.in.length / groups;
  const shown = Array.from({ length: Math.min(n, MOST_OPERANDS) }, (_, k) => k);
  const more = n > shown.length ? ["…"] : [];
  if (groups === 1) return ["fn", value[1], ...shown.map((k) => ["node", node.in[k]]), ...more];
  const terms = shown.map((k) => ["row", ["node", node.in[k]], "·", ["node", node.in[n + k]]]);
  return ["row", ...[...terms, ...more].flatMap((term) => ["+", term]).slice(1)];
}

function element(name, ...children) {
  const made = document.createElementNS(MATH, name);
  made.append(...children);
  return made;
}

// A sign; a bracket grows with what is in it only where that is a fraction, for grown ones stand apart.
function operator(sign, tall = false) {
  const made = element("mo", sign);
  if (/^[()|]$/.test(sign) && !tall) made.setAttribute("stretchy", "false");
  return made;
}

const isTall = (parts) => JSON.stringify(parts).includes('"frac"');

function token(text) {
  if (/^−?(\d|inf|nan)/.test(text)) return element("mn", text);
  const parts = /^([A-Za-zα-ωΑ-Ω]{1,3})_?(\d{1,3})$/.exec(text);
  return parts ? element("msub", element("mi", parts[1]), element("mn", parts[2])) : element("mi", text);
}

const isNegative = (part, word) => Array.isArray(part) && part[0] === "node" && word(part[1]).startsWith("−");

const sign = (text, tall) =>
  (/^\w/.test(text.trim()) ? element("mtext", `\u00a0${text.trim()}\u00a0`) : operator(text, tall));

// A tree as MathML, each node said by `word`.
function mathml(part, word) {
  if (!Array.isArray(part)) return sign(part, false);
  const [kind, ...parts] = part;
  const inside = (x) => mathml(x, word);
  switch (kind) {
    case "n": return token(parts[0]);
    case "node": return token(word(parts[0]));
    case "frac": return element("mfrac", ...parts.map(inside));
    case "pow": return element("msup", guarded(parts[0], word), inside(parts[1]));
    case "root": return parts[0] === 2 ? element("msqrt", inside(parts[1])) : element("mroot", inside(parts[1]), token("3"));
    case "abs": return element("mrow", operator("|"), inside(parts[0]), operator("|"));
    case "fn": {
      const tall = isTall(parts);
      const listed = parts.slice(1).flatMap((x) => [operator(","), inside(x)]).slice(1);
      return element("mrow", element("mi", parts[0]), operator("(", tall), ...listed, operator(")", tall));
    }
    case "if": return element("mrow", inside(parts[0]), element("mtext", "\u00a0if\u00a0"), inside(parts[1]),
      element("mtext", ", else\u00a0"), inside(parts[2]));
    case "d": return element("mfrac", element("mrow", operator("∂"), token(parts[0])), element("mrow", operator("∂"), token(parts[1])));
    default: {
      const tall = isTall(parts);
      const said = (x, k) => (Array.isArray(x) && k ? guarded(x, word) : Array.isArray(x) ? inside(x) : sign(x, tall));
      return element("mrow", ...parts.map(said));
    }
  }
}

// A negative number after a sign, or under an exponent, stands between brackets.
function guarded(part, word) {
  const made = mathml(part, word);
  return isNegative(part, word) ? element("mrow", operator("("), made, operator(")")) : made;
}

// A tree as text.
function plain(part, word) {
  if (!Array.isArray(part)) return /^(:=|[+−·=<≤>≥≠])$/.test(part) ? ` ${part} ` : part;
  const [kind, ...parts] = part;
  const inside = (x) => plain(x, word);
  const closed = (x) => {
    const text = isNegative(x, word) ? `(${inside(x)})` : inside(x);
    return Array.isArray(x) && /^(row|frac|if)$/.test(x[0]) && x.length > 2 && x[1] !== "(" ? `(${text})` : text;
  };
  switch (kind) {
    case "n": return parts[0];
    case "node": return word(parts[0]);
    case "frac": return `${closed(parts[0])} / ${closed(parts[1])}`;
    case "pow": return `${closed(parts[0])}^${closed(parts[1])}`;
    case "root": return `${parts[0] === 2 ? "√" : "∛"}(${inside(parts[1])})`;
    case "abs": return `|${inside(parts[0])}|`;
    case "fn": return `${parts[0]}(${parts.slice(1).map(inside).join(", ")})`;
    case "if": return `${inside(parts[0])} if ${inside(parts[1])}, else ${inside(parts[2])}`;
    case "d": return `∂${parts[0]}/∂${parts[1]}`;
    default: {
      const text = parts.map((x, k) => (k && isNegative(x, word) ? `(${inside(x)})` : inside(x))).join("");
      return text.replace(/^ − /, "−").replace(/\( − /g, "(−");
    }
  }
}

// A line of a formula: sides that are equal, each a tree with the way to say its nodes. A long one is broken at "=".
function equation(...sides) {
  const line = document.createElement("p");
  line.className = "formula";
  sides.forEach(([tree, word], k) => {
    const text = (k ? "= " : "") + plain(tree, word).replace(/ {2,}/g, " ").trim();
    if (!hasMathML) {
      line.append(k ? ` ${text}` : text);
      return;
    }
    const math = element("math", ...(k ? [operator("=")] : []), mathml(tree, word));
    math.setAttribute("aria-label", text);
    math.setAttribute("displaystyle", "true");
    line.append(math);
  });
  return line;
}
