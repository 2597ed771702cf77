// The loss from update to update, and the rows of two features with the line where the model changes its mind.
const BOX = { left: 52, right: 332, top: 12 };

// A number left of an axis: short, and never wider than there is room.
function beside(x, y) {
  const text = [3, 2, 1].map((digits) => numeral(x, digits)).find((short, k) => short.length <= 6 || k === 2);
  const pressed = text.length > 5 ? { textLength: BOX.left - 5, lengthAdjust: "spacingAndGlyphs" } : {};
  return drawing("text", { x: BOX.left - 3, y, "text-anchor": "end", ...pressed }, text);
}

function frame(plot, bottom, [xs, ys]) {
  const below = (x, anchor, text) => drawing("text", { x, y: bottom + 16, "text-anchor": anchor }, text);
  plot.replaceChildren(
    drawing("path", { class: "axis", d: `M${BOX.left},${BOX.top}V${bottom}H${BOX.right}` }),
    below(BOX.left, "start", numeral(xs[0], 3)), below(BOX.right, "end", numeral(xs[1], 3)),
    beside(ys[0], bottom), beside(ys[1], BOX.top + 8),
  );
  const scale = (x, [from, to], low, high) => low + ((x - from) / (to - from || 1)) * (high - low);
  return ([x, y]) => [scale(x, xs, BOX.left, BOX.right), scale(y, ys, bottom, BOX.top)].map((z) => Math.round(z * 10) / 10);
}

const spread = (numbers) => {
  const finite = numbers.filter(Number.isFinite);
  const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  return low === high ? [Math.min(0, 2 * low), Math.max(0, 2 * low) || 1] : [low, high];
};

function showCurve(history) {
  const plot = at("curve");
  const [last, loss] = history.at(-1);
  const [low, high] = spread(history.map(([, x]) => x));
  const place = frame(plot, 172, [[0, Math.max(1, last)], [Math.min(0, low), high]]);
  const points = history.flatMap((point) => (Number.isFinite(point[1]) ? [place(point)] : []));
  if (points.length > 1) plot.append(drawing("path", { class: "curve", d: `M${points.join("L")}` }));
  if (points.length) plot.append(drawing("circle", { class: "dot", cx: points.at(-1)[0], cy: points.at(-1)[1], r: 4 }));
  const mean = data.rows ? `Mean loss over ${data.rows.values.length} rows` : "Loss";
  const words = `${mean} after ${last} update${last === 1 ? "" : "s"}: ${numeral(loss)}` + (last ? `; it was ${numeral(history[0][1])} at first.` : ".");
  const remedy = Number.isFinite(history[0][1]) ? "take a smaller α, or start over" : "give the inputs other numbers";
  at("loss").textContent = Number.isFinite(loss) ? words : `${words} A number left the reals: ${remedy}.`;
  plot.setAttribute("aria-label", words);
}

function showPlane(leaves) {
  const { rows } = data;
  if (!rows?.features) return;
  at("plane").hidden = false;
  const columns = rows.features.map((node) => rows.nodes.indexOf(node));
  const margin = ([low, high]) => [low - 0.05 * (high - low), high + 0.05 * (high - low)];
  const [xs, ys] = columns.map((k) => margin(spread(rows.values.map((row) => number(row[k])))));
  const plot = at("line");
  const place = frame(plot, 226, [xs, ys]);
  const label = rows.label === null ? -1 : rows.nodes.indexOf(rows.label);
  for (const row of rows.values) {
    const [x, y] = place(columns.map((k) => number(row[k])));
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    const one = label >= 0 && row[label] > 0.5;
    plot.append(one ? drawing("circle", { class: "one", cx: x, cy: y, r: 3.6 })
      : drawing("path", { class: "zero", d: `M${x - 3},${y - 3}l6,6m0,-6l-6,6` }));
  }
  const names = rows.features.map((node) => nodes[node].name);
  plot.append(drawing("text", { x: 190, y: 246, "text-anchor": "middle" }, names[0]), drawing("text", { x: 8, y: 120 }, names[1]));
  const shares = label >= 0 && rows.score !== null ? border(plot, place, leaves, [...xs, ...ys], label) : "";
  const signs = label >= 0 ? ` ● ${nodes[rows.label].name} = 1, × ${nodes[rows.label].name} = 0.` : "";
  at("about").textContent = `${names[1]} over ${names[0]}.${signs}${shares}`;
  plot.setAttribute("aria-label", at("about").textContent);
}

function border(plot, place, leaves, box, label) {
  const { rows } = data;
  const d = decision(leaves, box, 24).map((ends) => `M${ends.map((point) => place(point)).join("L")}`).join("");
  if (d) plot.append(drawing("path", { class: "border", d }));
  const right = rows.values.filter((row) => {
    const score = forward(withRow(leaves, row)).values[rows.score];
    return score > rows.threshold === row[label] > 0.5;
  });
  const side = d ? "The line" : "No line is in sight; the model";
  return ` ${side} is right about ${right.length} of ${rows.values.length} rows.`;
}
