// What is seen: the graph at a step, the rule of that step, a node's ledger. Texts of the user go in as text, never
// as markup.
const at = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const UNKNOWN = "·";

const cards = new Map(); // of the nodes that are drawn: the texts of a card and what they show now
nodes.forEach((node, i) => {
  const card = at(`n${i}`);
  if (!card) return;
  const { e: x, f: y } = card.transform.baseVal.getItem(0).matrix;
  cards.set(i, { card, x, y, value: card.querySelector("text.value"), grad: card.querySelector("text.grad"), shown: {} });
});

const html = (name, text = "", kind = "") => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

function drawing(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

const ofOutput = (i) => `∂${nodes[data.output].name}/∂${nodes[i].name}`;
const slope = (over, under) => ["d", nodes[over].name, nodes[under].name];

// -- the graph at a step ------------------------------------------------------------------------------------

// The gradients as far as they have come at a step; null before backward has begun.
function gradientsAt(events, position) {
  if (position <= inner.length) return null;
  const sums = new Float64Array(nodes.length);
  for (let k = inner.length; k < position; k += 1) {
    if (events[k].to !== undefined) sums[events[k].to] = events[k].after;
  }
  return sums;
}

function write(card, what, x) {
  if (!card[what] || Object.is(card.shown[what], x)) return;
  card.shown[what] = x;
  card[what].textContent = x === null ? UNKNOWN : numeral(x);
  card[what].classList.toggle("strange", x !== null && !Number.isFinite(x));
  card.card.dataset[what] = x === null ? "" : String(x); // all digits, for who reads the page by program
}

const turn = new Map(inner.map((i, k) => [i, k])); // when each operation is computed

// All cards, or only those in sight, which is what there is time for while the steps fly past.
function showGraph(state, hurried = false) {
  const { position, run, events } = state;
  const sums = gradientsAt(events, position);
  const isSeen = hurried ? sight() : () => true;
  for (const [i, card] of cards) {
    if (!isSeen(card)) continue;
    const known = !nodes[i].in || turn.get(i) < position;
    write(card, "value", known ? run.values[i] : null);
    write(card, "grad", sums ? sums[i] : null);
  }
  mark(position ? events[position - 1] : null, state);
}

// Whether a card is in the part of the graph that the stage shows.
function sight() {
  const stage = at("stage");
  const graph = at("graph");
  const scale = graph.clientWidth / graph.viewBox.baseVal.width;
  const [left, top] = [stage.scrollLeft / scale, stage.scrollTop / scale];
  const [right, bottom] = [left + stage.clientWidth / scale, top + stage.clientHeight / scale];
  return ({ x, y }) => x > left - 300 && x < right && y > top - 200 && y < bottom;
}

let marked = [];

function mark(event, state) {
  marked.forEach(([part, kind]) => part.classList.remove(kind));
  marked = [];
  const put = (id, kind) => {
    const part = at(id);
    if (!part) return;
    part.classList.add(kind);
    marked.push([part, kind]);
  };
  if (state.chosen !== null) put(`n${state.chosen}`, "chosen");
  if (!event) return;
  put(`n${event.node}`, "now");
  if (event.kind === "forward") nodes[event.node].in.forEach((_, k) => put(`e${event.node}-${k}`, "now"));
  if (event.kind !== "term") return;
  put(`n${event.to}`, "gets");
  put(`e${event.node}-${event.via === undefined ? event.position : 0}`, "gives");
  if (event.via !== undefined) put(`e${event.via}-${event.position}`, "gives");
}

// Bring a node into the stage without moving the page.
function bringIntoView(i) {
  const stage = at("stage");
  const card = at(`n${i}`);
  if (!card) return;
  const [outside, inside] = [stage.getBoundingClientRect(), card.getBoundingClientRect()];
  const missing = (low, high, from, to) => (low < from ? low - from - 12 : high > to ? high - to + 12 : 0);
  stage.scrollLeft += missing(inside.left, inside.right, outside.left, outside.right);
  stage.scrollTop += missing(inside.top, inside.bottom, outside.top, outside.bottom);
}

// -- the rule of a step -------------------------------------------------------------------------------------

function showRule(state) {
  const { position, events } = state;
  const event = position ? events[position - 1] : null;
  const { title, lines } = event ? told(event, state) : beginning();
  const undrawn = event && !cards.has(event.node) ? [html("p", `${nodes[event.node].name} is not drawn: the graph is folded.`)] : [];
  at("rule").replaceChildren(html("h3", title), ...lines, ...undrawn);
}

function beginning() {
  const count = inner.length;
  const line = html("p", `Only the inputs are known. ${count} operation${count === 1 ? "" : "s"} to go: operands first, then results.`);
  return { title: "The start", lines: [line] };
}

function told(event, state) {
  switch (event.kind) {
    case "forward": return toldForward(event.node, state.run.values);
    case "seed": return toldSeed();
    case "term": return toldTerm(event, state);
    default: return toldNothing(event);
  }
}

function toldForward(i, values) {
  const node = nodes[i];
  const tree = valueTree(i);
  const { means, groups } = data.ops[node.op];
  const meaning = means && !groups ? [[settled(means, i), named]] : [];
  const lines = [
    equation([["node", i], named], [tree, named], ...meaning),
    equation([["node", i], named], [tree, counted(values)], [["node", i], counted(values)]),
  ];
  return { title: `Forward: ${node.name} is computed (${node.op})`, lines };
}

function toldSeed() {
  const name = nodes[data.output].name;
  return {
    title: `Backward begins at ${name}`,
    lines: [equation([["d", name, name], named], [["n", "1"], named]),
      html("p", `${name} changes as much as itself. From here every node sends each of its operands its own gradient times its local derivative.`)],
  };
}

function toldTerm(event, state) {
  const { values } = state.run;
  const { node, to, via, position } = event;
  const consumer = nodes[node];
  const own = numeral(event.gradient);
  const local = numeral(event.partial);
  const bracketed = (text) => (text.startsWith("−") ? ["row", "(", ["n", text], ")"] : ["n", text]);
  const lines = [];
  if (via === undefined) {
    const tree = settled(data.ops[consumer.op].partials[position % data.ops[consumer.op].partials.length] ?? ["n", local], node, position);
    const grouped = data.ops[consumer.op].groups;
    const partial = grouped ? settled(data.ops[consumer.op].partials[Math.floor(position / (consumer.in.length / grouped))], node, position) : tree;
    const numbers = plain(partial, named) === plain(partial, counted(values)) ? [] : [[partial, counted(values)]];
    const last = plain(partial, counted(values)) === local ? [] : [[["n", local], named]];
    lines.push(equation([slope(node, to), named], [partial, named], ...numbers, ...last));
    lines.push(equation([["row", slope(data.output, node), "·", slope(node, to)], named],
      [["row", ["n", own], "·", bracketed(local)], named], [["n", numeral(event.term)], named]));
  } else {
    lines.push(equation([["row", slope(node, via), "·", slope(via, to)], named], [["n", local], named]));
    lines.push(equation([["row", slope(data.output, node), "·", slope(node, via), "·", slope(via, to)], named],
      [["row", ["n", own], "·", bracketed(local)], named], [["n", numeral(event.term)], named]));
    lines.push(html("p", `${consumer.op} and ${nodes[via].op} are taken as one, past ${nodes[via].name}: the product stays right where ${nodes[via].name} rounds to 0 or 1.`));
  }
  const sum = html("div", "", "sum");
  const total = ["row", ["n", numeral(event.before)], "+", bracketed(numeral(event.term))];
  sum.append(html("p", arrivals(event, state)), equation([slope(data.output, to), named], [total, named], [["n", numeral(event.after)], named]));
  const closed = data.closed[to];
  if (closed && isLast(event, state)) {
    const numbers = [closed, counted(values)];
    sum.append(equation([slope(data.output, to), named], [closed, named], numbers, [["n", numeral(state.gradients[to])], named]));
  }
  lines.push(sum);
  return { title: `Backward: ${consumer.name} sends to ${nodes[to].name}`, lines };
}

const isLast = (event, state) => state.sent[event.to].at(-1) === event;

function arrivals(event, state) {
  const all = state.sent[event.to];
  if (all.length === 1) return "The only term that arrives:";
  return `Term ${all.indexOf(event) + 1} of ${all.length}: gradients of several uses add up.`;
}

function toldNothing({ node, all, past }) {
  const { name } = nodes[node];
  const why = past
    ? `All of its gradient, ${numeral(all)}, went past ${name} already: it is part of what its consumer sent on.`
    : all === 0
      ? `Its gradient is 0: nothing before ${name} changes ${nodes[data.output].name} through it.`
      : "Its operands are constants, which get no gradient.";
  return { title: `Backward: ${name} sends nothing`, lines: [html("p", why)] };
}

// One sentence for those who listen.
function sentence(state) {
  const { position, events, run } = state;
  const where = `Step ${position} of ${events.length}.`;
  const event = position ? events[position - 1] : null;
  if (!event) return `${where} The start: only the inputs are known.`;
  const { name } = nodes[event.node];
  switch (event.kind) {
    case "forward": return `${where} Forward: ${name} = ${plain(valueTree(event.node), named)} = ${numeral(run.values[event.node])}.`;
    case "seed": return `${where} Backward begins: the gradient of ${name} is 1.`;
    case "term": return `${where} Backward: ${name} sends ${numeral(event.term)} to ${nodes[event.to].name}, whose gradient is now ${numeral(event.after)}.`;
    default: return `${where} Backward: ${name} sends nothing.`;
  }
}

// -- a node and its ledger ----------------------------------------------------------------------------------

function showLedger(state) {
  const event = state.position ? state.events[state.position - 1] : null;
  const i = state.chosen ?? event?.to ?? event?.node ?? data.output;
  const node = nodes[i];
  const parts = [];
  if (node.in) parts.push(equation([["node", i], named], [valueTree(i), named], [["node", i], counted(state.run.values)]));
  else parts.push(equation([["node", i], named], [["node", i], counted(state.run.values)]));
  const { kink } = node.in ? data.ops[node.op] : {};
  if (kink) parts.push(html("p", `Where there is no derivative: ${kink}.`));
  const all = state.sent[i].length;
  const arrived = state.sent[i].filter((sent) => sent.step < state.position);
  if (node.op === "const") parts.push(html("p", "A constant: constants get no gradient."));
  else if (!all) parts.push(html("p", `Nothing is sent to ${node.name}: the gradient of all that uses it is 0.`));
  else parts.push(html("p", `${ofOutput(i)}: ${arrived.length} of ${all} term${all > 1 ? "s" : ""} so far.`));
  if (arrived.length) parts.push(table(arrived));
  if (data.told[i]) parts.push(chainRule(i));
  at("ledger").replaceChildren(...parts);
}

// The chain rule at a node with its reasons, as `explain` tells it: true whatever the numbers are.
function chainRule(i) {
  const made = html("div", "", "sum");
  made.append(html("h3", "The chain rule here"));
  data.told[i].forEach(([tree, reason], k) => {
    const line = equation([k ? ["row"] : slope(data.output, i), named], [tree, named]);
    line.append(html("span", reason, "reason"));
    made.append(line);
  });
  return made;
}

const MOST_LINES = 200;

function table(arrived) {
  const made = html("table");
  const head = html("tr");
  for (const text of ["Sent by", "its gradient", "× local derivative", "= term", "in all"]) head.append(columnHead(text));
  const top = html("thead");
  top.append(head);
  const body = html("tbody");
  arrived.slice(-MOST_LINES).forEach((sent, k, shown) => {
    const line = html("tr", "", k === shown.length - 1 ? "last" : "");
    const from = sent.kind === "seed" ? "the start" : nodes[sent.from].name + (sent.via === undefined ? "" : `, past ${nodes[sent.via].name}`);
    const name = html("th", from);
    name.scope = "row";
    const numbers = sent.kind === "seed" ? ["", "", "1", "1"] : [sent.gradient, sent.partial, sent.term, sent.after].map((x) => numeral(x));
    line.append(name, ...numbers.map((text) => html("td", text, "number")));
    body.append(line);
  });
  made.append(top, body);
  const wide = html("div", "", "wide");
  wide.tabIndex = 0; // it may have to be scrolled
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", "Terms");
  wide.append(made);
  return wide;
}

function columnHead(text) {
  const made = html("th", text);
  made.scope = "col";
  return made;
}
