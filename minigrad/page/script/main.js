// The controls: everything the user does changes the state, and the state is shown.
const first = nodes.map((node) => (node.in ? NaN : number(node.value)));
const state = {
  leaves: first.slice(),
  position: 0, // how many events are done
  chosen: null, // a node, or null for the one of the step
  alpha: number(data.alpha),
  learn: new Set(data.inputs.filter((input) => input.learn).map((input) => input.node)),
  history: [], // how many updates were done, and the loss then
  row: null, // the row whose numbers are in the graph, or null for those it was recorded with
};
let timer = 0;

function compute() {
  const atEnd = state.events && state.position === state.events.length;
  state.run = forward(state.leaves);
  const back = backward(state.run);
  state.gradients = back.gradients;
  state.events = [...inner.map((node) => ({ kind: "forward", node })), ...back.events];
  state.sent = nodes.map(() => []); // to each node, in the order of arrival
  state.events.forEach((event, step) => {
    event.step = step;
    state.sent[event.to]?.push(event);
  });
  state.position = atEnd ? state.events.length : Math.min(state.position, state.events.length);
}

// -- steps --------------------------------------------------------------------------------------------------

function showStep(hurried = false) {
  const { position, events } = state;
  showGraph(state, hurried);
  showRule(state);
  showLedger(state);
  const scrub = at("scrub");
  scrub.max = events.length;
  scrub.value = position;
  scrub.setAttribute("aria-valuetext", `Step ${position} of ${events.length}`);
  at("count").textContent = `${position} / ${events.length}`;
  for (const id of ["first", "back"]) at(id).disabled = position === 0;
  for (const id of ["next", "last"]) at(id).disabled = position === events.length;
  showLink();
}

function goTo(position, hurried = false) {
  state.position = Math.max(0, Math.min(state.events.length, position));
  showStep(hurried);
  at("said").textContent = sentence(state);
  bringStepIntoView();
}

// Who sends, and then who gets: where there is no room for both, the one that changes is seen.
function bringStepIntoView() {
  const event = state.events[state.position - 1];
  if (event) [event.node, event.to].forEach(bringIntoView);
}

function pause() {
  clearInterval(timer);
  timer = 0;
  at("play").textContent = "Play";
}

function play() {
  if (timer) return pause();
  if (state.position === state.events.length) goTo(0);
  const stride = Math.max(1, Math.floor(state.events.length / 600)); // of a large graph several at once
  timer = setInterval(() => {
    goTo(state.position + stride);
    if (state.position === state.events.length) pause();
  }, 900 / Number(at("speed").value));
  at("play").textContent = "Pause";
}

const stepTo = (position) => { pause(); goTo(position); };

// -- inputs -------------------------------------------------------------------------------------------------

const MOST_INPUTS = 300;
const lines = new Map(); // of the inputs that have sliders

function addInput({ node, low, high, step, learn }) {
  const { name } = nodes[node];
  const line = html("tr");
  const head = html("th", name);
  head.scope = "row";
  const slider = html("input");
  Object.assign(slider, { type: "range", min: low, max: high, step });
  slider.setAttribute("aria-label", `${name}, slider`);
  const field = html("input");
  Object.assign(field, { type: "number", step: "any" });
  field.setAttribute("aria-label", `${name}, number`);
  const box = html("input");
  Object.assign(box, { type: "checkbox", checked: learn });
  box.setAttribute("aria-label", `learn ${name}`);
  const grad = html("td", "", "number grad");
  slider.addEventListener("input", () => change(node, slider.valueAsNumber));
  field.addEventListener("input", () => typed(node, field));
  box.addEventListener("change", () => {
    state.learn[box.checked ? "add" : "delete"](node);
    showDescent();
    showLink();
  });
  line.append(head, cell(slider, "slides"), cell(field, "types"), grad, cell(box, "learns"));
  line.dataset.node = node;
  at("inputs").append(line);
  lines.set(node, { slider, field, box, grad });
}

function cell(control, kind) {
  const made = html("td", "", kind);
  made.append(control);
  return made;
}

function typed(node, field) {
  const right = field.value !== "" && Number.isFinite(field.valueAsNumber);
  field.setAttribute("aria-invalid", String(!right));
  say(right ? "" : `${nodes[node].name} keeps its number until a new one is typed in whole.`);
  if (right) change(node, field.valueAsNumber, field);
}

// An input has a new number: everything follows.
function change(node, x, from = null) {
  state.leaves[node] = x;
  state.history = [];
  refresh(from, true);
}

let promised = false;

// Rows and plots take longer than a step of the graph: while a slider moves they follow once for each frame.
function promiseDescent() {
  if (promised) return;
  promised = true;
  requestAnimationFrame(() => { promised = false; showDescent(); });
}

function refresh(from = null, moving = false) {
  compute();
  for (const [node, { slider, field, grad }] of lines) {
    const x = state.leaves[node];
    if (Number.isFinite(x)) {
      if (x < Number(slider.min)) slider.min = x;
      if (x > Number(slider.max)) slider.max = x;
      slider.value = x;
      if (field !== from) field.value = String(x);
    } else if (field !== from) field.value = "";
    if (field !== from) field.removeAttribute("aria-invalid");
    slider.setAttribute("aria-valuetext", numeral(x));
    field.placeholder = Number.isFinite(x) ? "" : numeral(x);
    grad.textContent = numeral(state.gradients[node]);
    grad.title = String(state.gradients[node]);
  }
  showStep();
  if (moving) promiseDescent();
  else showDescent();
}

function say(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

// -- gradient descent ---------------------------------------------------------------------------------------

const MOST_UPDATES_SHOWN = 60;

function showDescent() {
  const { loss, gradients } = lossAndGradients(state.leaves);
  state.loss = loss;
  state.means = gradients;
  if (state.history.length) state.history.at(-1)[1] = loss;
  else state.history = [[0, loss]];
  const learned = [...state.learn].toSorted((x, y) => x - y);
  const names = learned.slice(0, MOST_UPDATES_SHOWN).map((node) => {
    const [x, g] = [state.leaves[node], gradients[node]];
    const alpha = ["n", numeral(state.alpha)];
    const told = g < 0 ? ["row", "(", ["n", numeral(g)], ")"] : ["n", numeral(g)];
    return equation([["row", ["node", node], ":=", ["node", node], "−", alpha, "·", slope(data.output, node)], named],
      [["row", ["n", numeral(x)], "−", alpha, "·", told], named], [["n", numeral(x - state.alpha * g)], named]);
  });
  const about = !learned.length ? "No input is marked as learned: mark one in the table of inputs."
    : `The next update${data.rows ? ", by the mean gradient over all rows" : ""}:`;
  at("updates").replaceChildren(html("p", about), ...names);
  for (const id of ["update", "ten"]) at(id).disabled = !learned.length;
  showCurve(state.history);
  showPlane(state.leaves);
}

function update(times) {
  for (let k = 0; k < times; k += 1) {
    const { gradients } = lossAndGradients(state.leaves);
    for (const node of state.learn) state.leaves[node] -= state.alpha * gradients[node];
    state.history.push([state.history.at(-1)[0] + 1, lossAndGradients(state.leaves).loss]);
  }
  refresh();
  at("said").textContent = at("loss").textContent;
}

function startOver() {
  pause();
  state.leaves = first.slice();
  state.history = [];
  state.row = null;
  at("row").value = "";
  say("");
  refresh();
}

function takeRow(k) {
  state.row = k;
  state.leaves = withRow(state.leaves, data.rows.values[k]);
  refresh();
}

// -- a link to the state ------------------------------------------------------------------------------------

const MOST_LOSSES = 101; // in a link, which would grow too long; of a longer curve every so manieth

function curveAsText() {
  const last = state.history.length - 1;
  const every = Math.ceil(last / (MOST_LOSSES - 1));
  return state.history.filter((_, k) => k % every === 0 || k === last).flat().join("_");
}

// The curve of a link, or one that begins anew where the text is none.
function curveOf(text) {
  const numbers = text.split("_").map((x) => (/^-?(Infinity|[\d.]+(e[+-]?\d+)?)$/.test(x) ? Number(x) : NaN));
  const points = [];
  for (let k = 0; k < numbers.length; k += 2) points.push([numbers[k], numbers[k + 1]]);
  const rising = ([count], k) => Number.isSafeInteger(count) && (k ? count > points[k - 1][0] : count === 0);
  return points.length <= MOST_LOSSES && numbers.length % 2 === 0 && points.every(rising) ? points : [];
}

function stateAsText() {
  const given = new URLSearchParams({ at: state.position, alpha: state.alpha });
  if (state.chosen !== null) given.set("node", state.chosen);
  if (state.row !== null) given.set("row", state.row + 1);
  given.set("learn", [...state.learn].join("."));
  for (const { node } of data.inputs) {
    if (!Object.is(state.leaves[node], first[node])) given.set(`v${node}`, state.leaves[node]);
  }
  if (state.history.length > 1) given.set("curve", curveAsText());
  return `#${given}`;
}

function showLink() {
  at("link").href = stateAsText();
}

// What a link asks for, as far as it makes sense; it comes from outside and is only ever read as numbers.
function restore(text) {
  const given = new URLSearchParams(text.replace(/^#/, ""));
  const whole = (name, least, most) => {
    const x = Number(given.get(name) ?? NaN);
    return Number.isInteger(x) && given.get(name) !== "" && x >= least && x <= most ? x : null;
  };
  state.leaves = first.slice();
  state.history = curveOf(given.get("curve") ?? "");
  const row = data.rows ? whole("row", 1, data.rows.values.length) : null;
  state.row = row === null ? null : row - 1;
  at("row").value = row ?? "";
  for (const { node } of data.inputs) {
    const x = Number(given.get(`v${node}`) || NaN);
    if (Number.isFinite(x)) state.leaves[node] = x;
  }
  const alpha = Number(given.get("alpha") || NaN);
  if (alpha > 0 && Number.isFinite(alpha)) state.alpha = alpha;
  at("alpha").value = state.alpha;
  if (given.has("learn")) {
    const asked = given.get("learn").split(".").filter(Boolean).map(Number);
    state.learn = new Set(data.inputs.map((input) => input.node).filter((node) => asked.includes(node)));
    for (const [node, { box }] of lines) box.checked = state.learn.has(node);
  }
  choose(whole("node", 0, nodes.length - 1));
  state.events = null;
  compute();
  state.position = whole("at", 0, state.events.length) ?? state.events.length;
  refresh();
  bringIntoView(data.output);
  bringStepIntoView();
}

// -- nodes --------------------------------------------------------------------------------------------------

function choose(i) {
  state.chosen = i;
  at("chosen").value = i === null ? "" : String(i);
  const input = data.inputs.find(({ node }) => node === i);
  if (input && !lines.has(i)) addInput(input);
}

function chooseAndShow(i) {
  choose(i);
  refresh();
}

function setUpGraph() {
  const drawn = [...cards.keys()];
  const focus = (k) => {
    const next = (k + drawn.length) % drawn.length;
    drawn.forEach((i, place) => at(`n${i}`).setAttribute("tabindex", place === next ? "0" : "-1"));
    at(`n${drawn[next]}`).focus({ preventScroll: true });
    bringIntoView(drawn[next]);
  };
  drawn.forEach((i, k) => {
    const card = at(`n${i}`);
    card.setAttribute("tabindex", k ? "-1" : "0");
    card.addEventListener("click", () => chooseAndShow(i));
    card.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: k + 1, ArrowDown: k + 1, ArrowLeft: k - 1, ArrowUp: k - 1, Home: 0, End: drawn.length - 1 };
      if (event.key in moves) focus(moves[event.key]);
      else if (event.key === "Enter" || event.key === " ") chooseAndShow(i);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });
  const options = nodes.map((node, i) => {
    const option = html("option", node.op === "const" ? `${node.name} (constant)` : node.name);
    option.value = i;
    return option;
  });
  at("chosen").append(...options);
  at("chosen").addEventListener("change", () => chooseAndShow(at("chosen").value === "" ? null : Number(at("chosen").value)));
}

// -- keys and buttons ---------------------------------------------------------------------------------------

function setUpControls() {
  const presses = {
    first: () => stepTo(0), back: () => stepTo(state.position - 1), play, next: () => stepTo(state.position + 1),
    last: () => stepTo(state.events.length), update: () => update(1), ten: () => update(10), reset: startOver,
  };
  for (const [id, action] of Object.entries(presses)) at(id).addEventListener("click", action);
  const keys = {
    ArrowLeft: presses.back, ArrowRight: presses.next, Home: presses.first, End: presses.last, " ": play,
    u: presses.update, r: startOver,
  };
  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea");
    const pressing = event.target.matches("button, a, summary") && event.key === " ";
    if (busy || pressing || !(event.key in keys) || (event.key === "u" && at("update").disabled)) return;
    event.preventDefault();
    keys[event.key]();
  });
  let waiting = false; // scrubbing shows one step for each frame, however many there were
  let settling = 0; // and when it rests, the cards out of sight as well
  at("scrub").addEventListener("input", () => {
    clearTimeout(settling);
    settling = setTimeout(() => showGraph(state), 100);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      pause();
      goTo(at("scrub").valueAsNumber, true);
    });
  });
  at("stage").addEventListener("scroll", () => showGraph(state, true), { passive: true });
  at("speed").addEventListener("change", () => { if (timer) { pause(); play(); } });
  at("alpha").addEventListener("input", () => {
    const alpha = at("alpha").valueAsNumber;
    const right = alpha > 0 && Number.isFinite(alpha);
    at("alpha").setAttribute("aria-invalid", String(!right));
    say(right ? "" : "The learning rate is a number above 0; the last one that was is still in use.");
    if (right) state.alpha = alpha;
    showDescent();
    showLink();
  });
  at("row").addEventListener("input", () => {
    const k = at("row").valueAsNumber;
    const right = Number.isInteger(k) && k >= 1 && k <= data.rows.values.length;
    at("row").setAttribute("aria-invalid", String(!right));
    say(right ? "" : `The rows go from 1 to ${data.rows.values.length}.`);
    if (right) takeRow(k - 1);
  });
  at("scheme").addEventListener("click", () => setScheme(isDark() ? "light" : "dark"));
  window.addEventListener("hashchange", () => restore(location.hash));
}

const isDark = () => (document.documentElement.dataset.scheme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function setScheme(scheme) {
  document.documentElement.dataset.scheme = scheme;
  at("scheme").setAttribute("aria-pressed", String(scheme === "dark"));
}

function begin() {
  data.inputs.slice(0, MOST_INPUTS).forEach(addInput);
  if (data.inputs.length > MOST_INPUTS) {
    at("more").hidden = false;
    at("more").textContent = `${data.inputs.length - MOST_INPUTS} more inputs: each gets its slider when it is chosen as the node.`;
  }
  if (data.rows) {
    at("rows").hidden = false;
    at("row").max = data.rows.values.length;
    at("of").textContent = `of ${data.rows.values.length} into the graph`;
  }
  at("scheme").setAttribute("aria-pressed", String(isDark()));
  if (location.protocol === "about:") at("link").parentElement.hidden = true; // in a notebook there is no address
  setUpGraph();
  setUpControls();
  restore(location.protocol === "about:" ? "" : location.hash);
}

begin();
