// A selection with other settings, similarity search, and MMR, of the first n candidates.

/** Passages that adaptive SIFT keeps: those before the first n with σ_n > 1 / (α n), at least 1. */
function alphaLength(variance, targets, alpha) {
  for (let n = 1; n < variance.length; n++) {
    if (Math.sqrt(variance[n] / targets) > 1 / (alpha * n)) return Math.max(n - 1, 1);
  }
  return variance.length - 1;
}

function minGainLength(picks, least) {
  const at = least === null ? -1 : picks.findIndex((pick) => pick.gain < least);
  return at < 0 ? picks.length : at;
}

/**
 * The selection with these settings.
 *
 * settings: { k, lambda, words, candidates }: λ′, the weight of words, and how many of the nearest
 * candidates there are. Returns picks in order, why they ended, the relevance of all candidates,
 * gains alone and after the picks, and why each candidate was picked or not.
 */
function choose(inputs, settings) {
  const n = Math.min(settings.candidates, inputs.candidates.length), limits = inputs.stopping;
  const relevance = relevanceOf(inputs, n, settings.words);
  const pool = inputs.candidates.slice(0, n).map((candidate) => candidate.allowed);
  const unlikely = limits.min_chance !== null && relevance.chance < limits.min_chance;
  const byPhrases = inputs.kernel.name === "phrases";
  const asked = { noise: settings.lambda, pool, limits };
  if (unlikely || !pool.includes(true)) {
    const nothing = { alone: pool.map(() => null), after: null };
    const found = !pool.includes(true) ? nothing : byPhrases
      ? chooseByPhrases(inputs, relevance, { ...asked, k: 0 })
      : chooseByVectors(inputs, relevance, { ...asked, k: 0 });
    const reason = unlikely ? "min_chance" : "exhausted";
    return described(inputs, relevance, pool, { ...found, picks: [], uncertainty: null, reason });
  }
  const k = inputs.replacement ? settings.k : Math.min(settings.k, n + 1);
  const found = byPhrases
    ? cutPhrases(inputs, (most) => chooseByPhrases(inputs, relevance, { ...asked, k: most }), k)
    : cutVectors(inputs, (most, barred) => chooseByVectors(inputs, relevance, { ...asked, k: most, barred }), k);
  return described(inputs, relevance, pool, found);
}

/** The selection by phrases, cut by the alpha rule. */
function cutPhrases(inputs, ask, k) {
  const found = ask(k), { alpha } = inputs.stopping;
  if (alpha === null || found.picks.length === 0) return found;
  const kept = alphaLength(found.uncertainty, 1, alpha);
  return kept < found.picks.length ? { ...ask(kept), reason: "alpha" } : found;
}

/** The selection by vectors, cut by alpha and min_gain, without picks of too little novelty. */
function cutVectors(inputs, ask, k) {
  const { alpha, min_gain: least, min_novelty: newest } = inputs.stopping, barred = new Set();
  for (;;) {
    const whole = ask(k, barred);
    let kept = whole.picks.length, { reason } = whole;
    if (alpha !== null && kept > 0) {
      const length = alphaLength(whole.variance, inputs.kernel.prior.length, alpha);
      if (length < kept) [kept, reason] = [length, "alpha"];
    }
    const gained = minGainLength(whole.picks, least);
    if (gained < kept) [kept, reason] = [gained, "min_gain"];
    const known = newest === null ? undefined : whole.picks.slice(0, kept).find((pick) => pick.novelty < newest);
    if (known === undefined) {
      return { ...(kept < whole.picks.length ? ask(kept, barred) : whole), reason };
    }
    barred.add(known.position);
  }
}

/** With the gains that are left, and a reason for each candidate. */
function described(inputs, relevance, pool, found) {
  const { candidates, stopping: limits } = inputs;
  const rank = new Map();
  found.picks.forEach((pick, at) => { if (!rank.has(pick.position)) rank.set(pick.position, at); });
  const after = found.after ? found.after() : pool.map(() => null);
  let money = Infinity;
  if (limits.max_tokens !== null) {
    money = limits.max_tokens;
    for (const i of rank.keys()) money -= candidates[i].cost ?? 0;
  }
  const groups = new Set([...rank.keys()].map((i) => candidates[i].group).filter((g) => g !== null));
  const why = (i) => {
    if (rank.has(i)) return "picked";
    if (!pool[i]) return "below the threshold";
    if (found.reason === "min_chance") return "evidence improbable";
    if (candidates[i].group !== null && groups.has(candidates[i].group)) return "its parent was picked";
    if (candidates[i].cost !== null && candidates[i].cost > money) return "over the budget";
    const byPhrases = inputs.kernel.name === "phrases";
    if (byPhrases && limits.min_novelty !== null && found.noveltyAfter(i) < limits.min_novelty) {
      return "below min_novelty";
    }
    return after[i] < found.alone[i] / 2 ? "redundant" : "adds less";
  };
  return {
    picks: found.picks, reason: found.reason, uncertainty: found.uncertainty,
    relevance, rank, alone: found.alone, left: after, why: pool.map((_, i) => why(i)),
  };
}

/** The k nearest, as the store ordered them. */
function nearest(inputs, settings) {
  return Array.from({ length: Math.min(settings.k, settings.candidates) }, (_, i) => i);
}

/** Maximal marginal relevance, as LangChain computes it. */
function mmr(inputs, settings) {
  inputs.pairCosine ??= unpackedTriangle(inputs.pair_cosines, Float32Array);
  const n = Math.min(settings.candidates, inputs.candidates.length), lambda = settings.lambdaMult;
  if (n === 0) return [];
  const toQuery = Float64Array.from({ length: n }, (_, i) => Math.max(...inputs.candidates[i].cosines));
  const picks = [indexOfLargest(toQuery)];
  const toPicked = new Float64Array(n).fill(-Infinity);
  while (picks.length < Math.min(settings.k, n)) {
    let best = -Infinity, next = -1;
    for (let i = 0; i < n; i++) {
      toPicked[i] = Math.max(toPicked[i], inputs.pairCosine(i, picks.at(-1)));
      if (picks.includes(i)) continue;
      const score = lambda * toQuery[i] - (1 - lambda) * toPicked[i];
      if (score > best) [best, next] = [score, i];
    }
    picks.push(next);
  }
  return picks;
}
