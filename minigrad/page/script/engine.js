// The graph: its values, its backward as a list of events, its gradients over rows. No part of the page is touched.
const data = JSON.parse(document.getElementById("data").textContent);
const nodes = data.nodes;
const inner = nodes.flatMap((node, i) => (node.in ? [i] : []));
const number = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x);

// The values and partials of all nodes at some numbers for the leaves.
function forward(leaves) {
  const values = leaves.slice();
  const partials = [];
  for (const i of inner) {
    const node = nodes[i];
    const row = ROWS[node.row ?? node.op];
    const x = node.in.map((k) => values[k]);
    if (node.row) {
      // Computed together with its first operand, from that one's operand; the last partial is by it.
      [values[i], ...partials[i]] = row(values[node.past], x[1]);
    } else if (data.ops[node.op].array) {
      partials[i] = [];
      values[i] = row(x, x.length, partials[i]);
    } else {
      [values[i], ...partials[i]] = row(...x);
    }
  }
  return { values, partials };
}

// What one node sends, in the order in which Value.backward adds it: see minigrad/replay.py, which this follows.
function termsOf(i, gradient, partials) {
  const node = nodes[i];
  if (gradient === 0) return [];
  if (node.row) {
    const [first, second] = node.in;
    const [by, other, chained] = partials;
    return [
      { to: first, from: i, position: 0, gradient, partial: by, term: gradient * by, aside: true },
      { to: second, from: i, position: 1, gradient, partial: other, term: gradient * other },
      { to: node.past, from: i, position: 0, gradient, partial: chained, term: gradient * chained, via: first },
    ].filter((term) => nodes[term.to].op !== "const" || term.aside);
  }
  const { chosen } = data.ops[node.op];
  return node.in.flatMap((to, position) => {
    if (nodes[to].op === "const") return [];
    const partial = partials[position];
    const product = gradient * partial;
    const term = Number.isNaN(product) && partial === 0 && chosen ? 0 : product;
    return [{ to, from: i, position, gradient, partial, term }];
  });
}

// Backward as a list of events: the seed, then every term with the running sum of the node it goes to.
function backward(run) {
  const kept = new Float64Array(nodes.length); // what a node still has to pass on
  const gone = new Float64Array(nodes.length); // what has gone past it to its operand
  const events = [{ kind: "seed", node: data.output, to: data.output, before: 0, after: 1, term: 1 }];
  kept[data.output] = 1;
  for (let k = inner.length - 1; k >= 0; k -= 1) {
    const i = inner[k];
    const terms = termsOf(i, kept[i], run.partials[i]);
    for (const term of terms) {
      const before = kept[term.to] + gone[term.to];
      (term.aside ? gone : kept)[term.to] += term.term;
      events.push({ kind: "term", node: i, ...term, before, after: kept[term.to] + gone[term.to] });
    }
    if (!terms.length) events.push({ kind: "nothing", node: i, all: kept[i] + gone[i], past: gone[i] !== 0 });
  }
  return { events, gradients: kept.map((x, i) => x + gone[i]) };
}

// Loss and gradients, of the numbers as they are or averaged over the rows.
function lossAndGradients(leaves) {
  const rows = data.rows ? data.rows.values : [[]];
  const gradients = new Float64Array(nodes.length);
  let loss = 0;
  for (const row of rows) {
    const at = withRow(leaves, row);
    const run = forward(at);
    loss += run.values[data.output];
    backward(run).gradients.forEach((x, i) => { gradients[i] += x; });
  }
  return { loss: loss / rows.length, gradients: gradients.map((x) => x / rows.length) };
}

function withRow(leaves, row) {
  const at = leaves.slice();
  row.forEach((x, k) => { at[data.rows.nodes[k]] = number(x); });
  return at;
}

// Where the score of a point crosses the threshold, as line segments in units of the features: marching squares.
function decision(leaves, [left, right, low, high], steps) {
  const { features, score, threshold } = data.rows;
  const place = (k, from, to) => from + ((to - from) * k) / steps;
  const at = leaves.slice();
  const field = [];
  for (let j = 0; j <= steps; j += 1) {
    field.push([]);
    for (let i = 0; i <= steps; i += 1) {
      at[features[0]] = place(i, left, right);
      at[features[1]] = place(j, low, high);
      field[j].push(forward(at).values[score] - threshold);
    }
  }
  const segments = [];
  for (let j = 0; j < steps; j += 1) {
    for (let i = 0; i < steps; i += 1) segments.push(...crossings(field, i, j));
  }
  return segments.map((ends) => ends.map(([i, j]) => [place(i, left, right), place(j, low, high)]));
}

// The segments in one cell of a field, in units of the grid.
function crossings(field, i, j) {
  const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
  const found = [];
  corners.forEach(([x, y], k) => {
    const [u, v] = corners[(k + 1) % 4];
    const here = field[y][x];
    const there = field[v][u];
    if (here > 0 === there > 0 || !Number.isFinite(here) || !Number.isFinite(there)) return;
    const share = here / (here - there);
    found.push([x + (u - x) * share, y + (v - y) * share]);
  });
  return found.length === 4 ? [found.slice(0, 2), found.slice(2)] : found.length === 2 ? [found] : [];
}
