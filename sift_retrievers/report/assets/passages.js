// The picks in order, with what each added and what each witness said; and what was passed over.

const WITNESSES = { vectors: "vectors", words: "words", scorer: "scorer", mention: "named by a good passage" };

/** A name, a bar and a number. */
function measure(name, drawing, number, title = null) {
  return make("div", { class: "measure", title }, make("span", { class: "name" }, name), drawing, make("span", { class: "number" }, number));
}

/** What each witness adds to the relevance of candidate i. */
function witnessesView(relevance, i, most) {
  const rows = Object.entries(relevance.parts).map(([name, values]) =>
    measure(WITNESSES[name], sidedBar(values[i] / most, "witness"), signed(values[i], 2)));
  return make("div", { class: "measures", role: "group", "aria-label": "What each witness said, in standard deviations" },
    rows, measure("= relevance", sidedBar(relevance.total[i] / most, "total"), signed(relevance.total[i], 2)));
}

function largestPart(relevance) {
  let most = 1;
  for (const values of [relevance.total, ...Object.values(relevance.parts)]) {
    for (const value of values) most = Math.max(most, Math.abs(value));
  }
  return most;
}

function heading(candidate, i) {
  const name = candidate.title || (candidate.id === null ? `candidate ${i + 1}` : `id ${candidate.id}`);
  return [...name].slice(0, 120).join("");
}

/** One pick. `copies` are the positions of its near-copies that were not picked. */
function pickView(inputs, result, at, copies, largest) {
  const pick = result.picks[at], i = pick.position, candidate = inputs.candidates[i];
  const mostGain = Math.max(...result.picks.map((one) => one.gain), 1e-12);
  return make("li", { class: "pick", id: `candidate-${i}`, tabindex: -1 },
    make("h3", {}, make("span", { class: "badge ours", "aria-hidden": "true" }, String(at + 1)),
      make("span", { dir: "auto" }, make("span", { class: "unseen" }, `Pick ${at + 1}: `), heading(candidate, i))),
    make("div", { class: "body" },
      make("div", {}, markedText(candidate.parts, candidate.characters_left_out), copiesView(inputs, result, copies)),
      make("div", { class: "numbers" },
        make("div", { class: "measures", role: "group", "aria-label": "What it added" },
          measure("gain", bar(pick.gain / mostGain, "gain"), `${fixed(pick.gain, 3)} nats`),
          measure("new", bar(pick.novelty, "new"), percent(pick.novelty), "share of what it says that the picks before it did not"),
          measure("cosine", bar(result.relevance.cosine[i], "cosine"), fixed(result.relevance.cosine[i], 3)),
          result.relevance.share[i] === null ? null : measure("question’s words", bar(result.relevance.share[i], "witness"), percent(result.relevance.share[i]))),
        witnessesView(result.relevance, i, largest))));
}

function copiesView(inputs, result, copies) {
  if (copies.length === 0) return null;
  return make("details", { class: "copies" },
    make("summary", {}, plural(copies.length, "near-copy was", "near-copies were"), " passed over"),
    make("ul", {}, copies.map((i) => make("li", { id: `candidate-${i}`, tabindex: -1 },
      make("span", { class: "reason" }, result.why[i]), " ",
      make("span", { dir: "auto" }, snippet(inputs.candidates[i], 160))))));
}

/** One candidate that was not picked, with its own near-copies. */
function passedView(inputs, result, i, copies, largest) {
  const candidate = inputs.candidates[i], { alone, left, relevance } = result;
  const most = Math.max(...alone.map((gain) => gain ?? 0), 1e-12);
  return make("li", { id: `candidate-${i}`, tabindex: -1 },
    make("details", {},
      make("summary", {},
        make("span", { class: "line", dir: "auto" }, snippet(candidate, 150)),
        make("span", { class: "reasons" },
          copies.length > 0 ? make("span", { class: "reason more" }, `+ ${plural(copies.length, "near-copy", "near-copies")}`) : null,
          make("span", { class: "reason" }, result.why[i]))),
      make("div", { class: "body" },
        make("div", {}, markedText(candidate.parts, candidate.characters_left_out), copiesView(inputs, result, copies)),
        make("div", { class: "numbers" },
          alone[i] === null ? null : make("div", { class: "measures", role: "group", "aria-label": "What it would add" },
            measure("gain as first pick", bar(alone[i] / most, "gain"), `${fixed(alone[i], 3)} nats`),
            measure("gain now", bar((left[i] ?? 0) / most, "gain"), `${fixed(left[i], 3)} nats`)),
          witnessesView(relevance, i, largest)))));
}

/** The candidates that were not picked, near-copies together, those that would add most first. */
function passedGroups(inputs, result, n) {
  const groups = new Map(), ofPicks = new Map();
  for (const i of result.rank.keys()) ofPicks.set(inputs.candidates[i].near_copy_of, i);
  const copiesOfPicks = new Map([...result.rank.keys()].map((i) => [i, []]));
  for (let i = 0; i < n; i++) {
    if (result.rank.has(i)) continue;
    const first = inputs.candidates[i].near_copy_of;
    if (ofPicks.has(first)) copiesOfPicks.get(ofPicks.get(first)).push(i);
    else if (groups.has(first)) groups.get(first).push(i);
    else groups.set(first, [i]);
  }
  const passed = [...groups.values()].sort((a, b) => (result.left[b[0]] ?? -1) - (result.left[a[0]] ?? -1) || a[0] - b[0]);
  return { passed, copiesOfPicks };
}
