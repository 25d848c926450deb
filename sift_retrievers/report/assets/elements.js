// Elements of the page. Texts become text nodes, never markup.

/** An element with attributes and children (elements, or texts). Null children are left out. */
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));
const percent = (value) => `${Math.round(100 * value)}%`;
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const signed = (value, digits) => (value >= 0 ? "+" : "") + fixed(value, digits);

/** A number that is short enough to read: 0.1, 2, 31.6, 1e6. */
function short(value) {
  if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) {
    return value.toExponential(1).replace(".0e", "e").replace("+", "");
  }
  return String(Number(value.toPrecision(3)));
}

/** A bar of a share 0…1. The number beside it says the same, so it is hidden from readers. */
function bar(share, kind) {
  const width = 100 * Math.min(Math.max(share, 0), 1);
  const rect = draw("rect", { width, height: 8, rx: 2, class: kind });
  return draw("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width: 100, height: 8, rx: 2, class: "track" }), rect);
}

/** A bar from the middle, to the right for positive shares of −1…1. */
function sidedBar(share, kind) {
  const width = 50 * Math.min(Math.abs(share), 1);
  return draw("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width: 100, height: 8, rx: 2, class: "track" }),
    draw("rect", { x: share < 0 ? 50 - width : 50, width, height: 8, class: share < 0 ? "negative" : kind }),
    draw("rect", { x: 49.7, width: 0.6, height: 8, class: "axis" }));
}

/** A text in parts, the words of the question marked. */
function markedText(parts, leftOut) {
  const said = parts.map(([text, level]) => (level > 0 ? make("mark", { class: `level-${level}` }, text) : text));
  const more = leftOut > 0 ? make("span", { class: "quiet" }, ` … ${leftOut.toLocaleString("en")} more characters`) : null;
  return make("p", { class: "text", dir: "auto" }, said.length > 0 ? said : make("span", { class: "quiet" }, "(no text)"), more);
}

/** The beginning of what a candidate says, on one line. */
function snippet(candidate, most = 110) {
  const text = (candidate.title ? `${candidate.title} — ` : "") + candidate.parts.map(([part]) => part).join("");
  const line = [...text.slice(0, 4 * most).replace(/\s+/g, " ").trim()];
  return line.length === 0 ? "(no text)" : line.length > most ? line.slice(0, most - 1).join("") + "…" : line.join("");
}
