// Similarity search, MMR and SIFT side by side.

const METHODS = [
  ["nearest", "Similarity search", "nearest first"],
  ["mmr", "MMR", "maximal marginal relevance"],
  ["ours", "SIFT", "by information gain"],
];

/** For each pick, the number of the earlier pick that it is a near-copy of; null for none. */
function repeats(inputs, positions) {
  return positions.map((i, at) => {
    const first = positions.findIndex((j) => inputs.candidates[j].near_copy_of === inputs.candidates[i].near_copy_of);
    return first < at ? first + 1 : null;
  });
}

function columnsView(inputs, picks, { lambdaMult, highlight }) {
  return METHODS.map(([name, title, how]) => {
    const positions = picks[name], again = repeats(inputs, positions);
    const repeated = again.filter((one) => one !== null).length;
    const words = positions.map((i) => picks.share[i]).filter((share) => share !== null);
    const best = words.length > 0 ? `; at best ${percent(Math.max(...words))} of the question’s words in one` : "";
    const verdict = positions.length === 0
      ? "nothing picked"
      : repeated > 0
        ? `${plural(repeated, "pick repeats", "picks repeat")} an earlier one`
        : `no near-copies among ${positions.length}`;
    return make("section", { class: `column ${name}`, "aria-label": `${title}: ${verdict}` },
      make("h3", {}, title, make("small", {}, name === "mmr" ? `lambda_mult ${short(lambdaMult)}` : how)),
      make("p", { class: repeated > 0 ? "verdict bad" : "verdict" }, verdict, make("span", { class: "quiet" }, best)),
      make("ol", {}, positions.map((i, at) => make("li", {
        class: again[at] === null ? "" : "repeat",
        on: { mouseenter: () => highlight(i), mouseleave: () => highlight(null) },
      },
      make("div", { class: "line", dir: "auto" }, snippet(inputs.candidates[i], 96)),
      make("div", { class: "quiet" },
        `cosine ${fixed(Math.max(...inputs.candidates[i].cosines), 3)}`,
        picks.share[i] === null ? null : ` · words ${percent(picks.share[i])}`,
        name !== "ours" && picks.ours.includes(i) ? ` · SIFT’s pick ${picks.ours.indexOf(i) + 1}` : null),
      again[at] === null ? null : make("div", { class: "flag" }, `near-copy of pick ${again[at]}`)))));
  });
}
