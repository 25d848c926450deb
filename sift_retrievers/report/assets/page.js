// The page itself: what is shown, and what the sliders do.

const explanation = JSON.parse(document.getElementById("explanation").textContent);
const inputs = explanation.inputs ?? null;
const main = document.getElementById("page");
const SHOWN = 20; // passed-over candidates that are shown at first

function summary() {
  const { passages, seconds } = explanation;
  const picked = passages.filter((passage) => passage.rank !== null).length;
  return make("header", {},
    make("p", { class: "brand" }, "sift", make("span", {}, "one retrieval, explained")),
    make("h1", { dir: "auto" }, explanation.query.trim() || "(a question without text)"),
    make("ul", { class: "facts" },
      make("li", {}, make("strong", {}, String(picked)), ` of ${plural(passages.length, "candidate", "candidates")} picked`),
      make("li", {}, "ended by ", make("strong", {}, explanation.stop_reason)),
      make("li", {}, "chance that the evidence is there ", make("strong", {}, percent(explanation.chance))),
      "select" in seconds
        ? make("li", {}, "selected in ", make("strong", {}, `${(1e3 * seconds.select).toFixed(1)} ms`))
        : null,
      explanation.targets > 1 ? make("li", {}, `${explanation.targets} targets`) : null),
    explanation.probably_missing
      ? make("p", { class: "warning", role: "note" }, "The evidence for this question is probably not among the candidates.")
      : null);
}

/** Values of a slider: a grid, and the value that the retrieval had. */
const grid = (values, own) => [...new Set([...values, own])].sort((a, b) => a - b);
const range = (first, last) => Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => first + i);

function sliders() {
  const n = inputs.candidates.length, { witness_weights: weights } = inputs;
  const logs = Array.from({ length: 61 }, (_, i) => Number((10 ** (-3 + i / 10)).toPrecision(2)));
  const anyWords = inputs.kernel.gamma !== null && inputs.words?.targets.some((target) => target !== null);
  const least = weights.vectors + weights.scores > 0 ? 0 : 0.05;
  return [
    { name: "k", label: "k", hint: "passages to pick", own: inputs.k, values: grid(range(1, Math.min(n, 30)), inputs.k) },
    { name: "lambda", label: "λ′", hint: "small: repetition costs more", own: inputs.lambda, values: grid(logs, inputs.lambda) },
    anyWords
      ? { name: "words", label: "weight of words", hint: "against that of vectors", own: weights.words,
          values: grid(Array.from({ length: 81 }, (_, i) => i / 20).filter((w) => w >= least), weights.words) }
      : null,
    n > inputs.fewest_candidates
      ? { name: "candidates", label: "fetch_k", hint: "candidates, nearest first", own: n, values: range(inputs.fewest_candidates, n) }
      : null,
    { name: "lambdaMult", label: "lambda_mult", hint: "of MMR; 1: the nearest alone", own: 0.5, values: range(0, 20).map((i) => i / 20) },
  ].filter((slider) => slider !== null);
}

function ownSettings() {
  return {
    k: inputs.k, lambda: inputs.lambda, words: inputs.witness_weights.words,
    candidates: inputs.candidates.length, lambdaMult: 0.5,
  };
}

function interactivePage() {
  const own = ownSettings(), settings = { ...own };
  let method = "ours", shown = SHOWN, focused = 0, svg = null;
  const first = choose(inputs, own).picks.map((pick) => pick.position);
  const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
  const columns = make("div", { class: "columns" }), drawing = make("div", { class: "map" });
  const picks = make("ol", { class: "picks" }), passed = make("ul", { class: "passed" });
  const more = make("button", { type: "button", on: { click: () => { shown += 50; render(); } } });
  const pointed = (position) => { if (svg) pointAt(svg, position); };

  const controls = sliders().map((slider) => {
    const output = make("output", { for: `slider-${slider.name}` });
    const input = make("input", {
      type: "range", id: `slider-${slider.name}`, name: slider.name, min: 0, max: slider.values.length - 1, step: 1,
      "aria-describedby": `hint-${slider.name}`,
      on: { input: () => { settings[slider.name] = slider.values[Number(input.value)]; render(); } },
    });
    const show = () => {
      const value = settings[slider.name];
      input.value = slider.values.indexOf(value);
      input.setAttribute("aria-valuetext", short(value));
      output.textContent = short(value);
      output.classList.toggle("changed", value !== slider.own);
    };
    const row = make("div", { class: "slider" },
      make("label", { for: `slider-${slider.name}` }, slider.label), output, input,
      make("small", { id: `hint-${slider.name}` }, slider.hint));
    return { row, show };
  });
  const reset = make("button", {
    type: "button", on: { click: () => { Object.assign(settings, own); render(); } },
  }, "Back to the retrieval’s settings");
  const methods = make("fieldset", { class: "methods" }, make("legend", {}, "Picks of"),
    METHODS.map(([name, title]) => make("label", { class: name },
      make("input", { type: "radio", name: "method", value: name, checked: name === method ? "" : null,
        on: { change: () => { method = name; render(); } } }), title)));

  /** Go to the passage of a candidate, and open what hides it. */
  function open(position) {
    focused = position;
    let item = document.getElementById(`candidate-${position}`);
    while (!item && shown < inputs.candidates.length) {
      shown += 50;
      render();
      item = document.getElementById(`candidate-${position}`);
    }
    if (!item) return;
    for (let up = item; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    const own = item.querySelector(":scope > details");
    if (own) own.open = true;
    item.focus();
    item.scrollIntoView({ block: "center" });
  }

  function render() {
    const n = settings.candidates = Math.max(settings.candidates, 0);
    const result = choose(inputs, settings), positions = result.picks.map((pick) => pick.position);
    const all = {
      ours: positions, nearest: nearest(inputs, settings), mmr: mmr(inputs, settings), share: result.relevance.share,
    };
    const kept = positions.filter((i) => first.includes(i)).length;
    const same = kept === positions.length && kept === first.length && positions.every((i, at) => i === first[at]);
    status.textContent = same
      ? `${plural(positions.length, "pick", "picks")}: as the retrieval chose them; ended by ${result.reason}.`
      : `${plural(positions.length, "pick", "picks")}, ${kept} of them picked by the retrieval; ended by ${result.reason}.`;
    for (const control of controls) control.show();
    reset.disabled = Object.keys(own).every((name) => own[name] === settings[name]);
    columns.replaceChildren(...columnsView(inputs, all, { lambdaMult: settings.lambdaMult, highlight: pointed }));
    focused = Math.min(focused, Math.max(n - 1, 0));
    const describe = (i) => {
      const at = all[method].indexOf(i);
      return `${at >= 0 ? `Pick ${at + 1}` : `Candidate ${i + 1}`}, ${result.why[i]}, cosine ${fixed(result.relevance.cosine[i], 3)}: ${snippet(inputs.candidates[i], 90)}`;
    };
    svg = mapView(inputs, { n, chosen: all[method], method, relevance: result.relevance.total, describe, open, focused });
    drawing.replaceChildren(svg);
    const largest = largestPart(result.relevance), groups = passedGroups(inputs, result, n);
    const once = result.picks.map((pick, at) => at).filter((at) => result.rank.get(result.picks[at].position) === at);
    picks.replaceChildren(...once.map((at) =>
      pickView(inputs, result, at, groups.copiesOfPicks.get(result.picks[at].position), largest)));
    if (once.length === 0) picks.append(make("li", { class: "quiet" }, `Nothing was picked: ended by ${result.reason}.`));
    passed.replaceChildren(...groups.passed.slice(0, shown).map(([i, ...copies]) =>
      passedView(inputs, result, i, copies, largest)));
    more.hidden = groups.passed.length <= shown;
    more.textContent = `Show more of ${groups.passed.length}`;
  }

  const share = percent(inputs.layout.variance_share);
  main.replaceChildren(summary(),
    make("section", { class: "panel controls", "aria-label": "Settings" },
      make("h2", {}, "What if"), make("div", { class: "sliders" }, controls.map(({ row }) => row)),
      make("div", { class: "after" }, status, reset)),
    make("section", {}, make("h2", {}, "Three ways to pick"), columns),
    make("section", { class: "panel" }, make("h2", {}, "Map of the candidates"), methods, drawing,
      make("p", { class: "quiet" }, `The two directions in which the candidates’ vectors differ most; they hold ${share} of the differences. Larger dots are more relevant, lines join near-copies.`)),
    make("section", {}, make("h2", {}, "The picks, and why"), picks),
    make("section", {}, make("h2", {}, "Passed over"),
      make("p", { class: "quiet" }, "What would add most comes first. Near-copies stand together: passages with 60 % of the phrases of the shorter one in common, or without texts a cosine of 0.99."), passed, more),
    settingsView());
  render();
  let narrow = isNarrow();
  window.addEventListener("resize", () => {
    if (narrow !== isNarrow()) render();
    narrow = isNarrow();
  });
  return {
    current: () => ({ ...settings }),
    choose: (given) => {
      const found = choose(inputs, { ...own, ...given });
      return {
        positions: found.picks.map((pick) => pick.position), gains: found.picks.map((pick) => pick.gain),
        novelty: found.picks.map((pick) => pick.novelty), reason: found.reason, chance: found.relevance.chance,
        uncertainty: found.uncertainty, relevance: [...found.relevance.total], why: found.why, left: found.left, alone: found.alone,
      };
    },
    mmr: (given) => mmr(inputs, { ...own, ...given }),
  };
}

function settingsView() {
  const row = (name, value) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, String(value)));
  return make("section", {}, make("h2", {}, "Settings and times"),
    make("div", { class: "tables" },
      make("table", {}, make("caption", {}, "Settings in force"), make("tbody", {},
        Object.entries(explanation.settings).map(([name, value]) => row(name, value)), row("vectors", explanation.vectors))),
      make("table", {}, make("caption", {}, "Time of each stage"), make("tbody", {},
        Object.entries(explanation.seconds).map(([name, value]) => row(name, `${(1e3 * value).toFixed(1)} ms`))))));
}

/** Where the inputs of the selection are not there: what was chosen, without sliders. */
function plainPage() {
  const item = (passage, i) => make("li", { class: passage.rank === null ? "" : "pick" },
    make("h3", {}, passage.rank === null ? null : make("span", { class: "badge ours" }, String(passage.rank + 1)),
      passage.id === null ? `candidate ${i + 1}` : `id ${passage.id}`),
    markedText([[passage.text.slice(0, 1000), 0]], Math.max(passage.text.length - 1000, 0)),
    make("p", { class: "quiet" }, `${passage.reason}; relevance ${fixed(passage.relevance, 2)}, cosine ${fixed(passage.similarity, 3)}, gain ${fixed(passage.information_gain ?? passage.gain_left, 3)} nats`));
  main.replaceChildren(summary(),
    make("p", { class: "warning", role: "note" }, "There are too many candidates for a page with sliders and a map."),
    make("section", {}, make("h2", {}, "The first passages"), make("ol", { class: "picks" }, explanation.passages.slice(0, 100).map(item))),
    settingsView());
  return null;
}

/** For the console, and for tests: the selection with other settings. */
globalThis.siftPage = inputs === null ? plainPage() : interactivePage();
