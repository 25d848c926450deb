// The candidates in two dimensions.

const MARGIN = 28;
const isNarrow = () => window.innerWidth < 600;
/** Width and height of the drawing; on a phone upright, so that dots are large enough. */
const sizeOfMap = () => (isNarrow() ? [380, 400] : [720, 400]);

/** Places in the drawing for places of the layout. */
function scaled(inputs, width, height) {
  const all = [...inputs.candidates.map((candidate) => candidate.place), ...inputs.layout.targets];
  const range = (axis) => [Math.min(...all.map((p) => p[axis])), Math.max(...all.map((p) => p[axis]))];
  const [[left, right], [low, high]] = [range(0), range(1)];
  const one = (value, from, to, size) =>
    MARGIN + (size - 2 * MARGIN) * (to > from ? (value - from) / (to - from) : 0.5);
  return ([x, y]) => [one(x, left, right, width), height - one(y, low, high, height)];
}

/**
 * The drawing. Its dots are one stop of the Tab key; arrow keys go from one to the next.
 *
 * chosen: positions picked by the method that is shown, in order.
 */
function mapView(inputs, { n, chosen, method, relevance, describe, open, focused }) {
  const [width, height] = sizeOfMap(), at = scaled(inputs, width, height), rank = new Map();
  chosen.forEach((i, order) => rank.set(i, order));
  const places = inputs.candidates.map((candidate) => at(candidate.place));
  const size = (i) => 3 + 3 * Math.max(0, Math.min(1, (relevance[i] + 1) / 4));
  const order = [...Array(n).keys()].sort((a, b) => (rank.has(a) - rank.has(b)) || a - b);
  const links = [], dots = [];
  for (let i = 0; i < n; i++) {
    const first = inputs.candidates[i].near_copy_of;
    if (first === i || first >= n) continue;
    const [[x1, y1], [x2, y2]] = [places[i], places[first]];
    links.push(draw("line", { x1, y1, x2, y2, class: "link" }));
  }
  for (const i of order) {
    const [x, y] = places[i], picked = rank.has(i);
    dots.push(draw("g", {
      class: picked ? `dot picked ${method}` : "dot", "data-position": i, role: "button",
      tabindex: i === focused ? 0 : -1, "aria-label": describe(i),
    },
    draw("title", {}, describe(i)),
    draw("circle", { cx: x, cy: y, r: picked ? 11 : size(i) }),
    picked ? draw("text", { x, y: y + 4, "text-anchor": "middle" }, String(rank.get(i) + 1)) : null));
  }
  const stars = inputs.layout.targets.map((place, t) => {
    const [x, y] = at(place);
    const name = inputs.layout.targets.length > 1 ? `question ${t + 1}` : "the question";
    return draw("g", { class: "question" },
      draw("path", { d: `M${x - 8},${y}H${x + 8}M${x},${y - 8}V${y + 8}M${x - 6},${y - 6}L${x + 6},${y + 6}M${x - 6},${y + 6}L${x + 6},${y - 6}` }),
      draw("text", {
        x: x > width - 110 ? x - 13 : x + 13, y: y + 4, "text-anchor": x > width - 110 ? "end" : "start",
      }, name));
  });
  const svg = draw("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "group",
    "aria-label": `Map of ${n} candidates. Arrow keys go from one to the next, Enter opens its passage.`,
  }, links, dots, stars);
  const dot = (i) => svg.querySelector(`[data-position="${i}"]`);
  svg.addEventListener("keydown", (event) => {
    const current = Number(event.target.closest("[data-position]")?.dataset.position ?? NaN);
    if (Number.isNaN(current)) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const goal = step ? (current + step + n) % n : { Home: 0, End: n - 1 }[event.key];
    if (goal !== undefined) {
      dot(current).setAttribute("tabindex", "-1");
      dot(goal).setAttribute("tabindex", "0");
      dot(goal).focus();
    } else if (event.key === "Enter" || event.key === " ") open(current);
    else return;
    event.preventDefault();
  });
  svg.addEventListener("click", (event) => {
    const found = event.target.closest("[data-position]");
    if (found) open(Number(found.dataset.position));
  });
  return svg;
}

/** Show one candidate of the drawing as pointed at; null: none. */
function pointAt(svg, position) {
  for (const dot of svg.querySelectorAll(".pointed")) dot.classList.remove("pointed");
  if (position !== null) svg.querySelector(`[data-position="${position}"]`)?.classList.add("pointed");
}
