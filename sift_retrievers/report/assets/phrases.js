// Selection by phrases: the rule of sift_retrievers/coverage.py and coverage_greedy.py.

/** Numbers of phrases from their run lengths: each phrase of one passage alone gets a −1. */
function spelledOut(runs) {
  const numbers = [];
  for (const run of runs) {
    if (run > 0) numbers.push(run);
    else for (let i = 0; i < -run; i++) numbers.push(-1);
  }
  return Int32Array.from(numbers);
}

/** The phrases of every candidate, spelled out once for each page. */
function phrasesOf(inputs) {
  inputs.spelled ??= inputs.phrases.map(spelledOut);
  return inputs.spelled;
}

/** The weight of every phrase of passage i; null: all alike. */
function phraseWeights(inputs, relevance, i, count) {
  const asked = relevance.words.flatMap((words, target) => (words === null ? [] : [[words, target]]));
  if (asked.length === 0) return null;
  const length = inputs.words.word_counts[i], ofWord = new Float64Array(length);
  for (const [words, target] of asked) {
    const found = inputs.words.targets[target].words.found[i];
    for (let at = 0; at < found.length; at += 2) {
      ofWord[found[at]] = Math.max(ofWord[found[at]], words.wordWeights[found[at + 1]]);
    }
  }
  const weights = new Float64Array(count).fill(inputs.constants.base_weight);
  for (let at = 0; at < Math.min(length, count); at++) {
    const largest = Math.max(ofWord[at - 1] || 0, ofWord[at], ofWord[at + 1] || 0);
    weights[at] += largest;
  }
  return weights;
}

/** How new passages are after those that were read. */
class Novelty {
  constructor(inputs, relevance, noise) {
    this.phrases = phrasesOf(inputs);
    this.weights = relevance.total.length
      ? Array.from(relevance.total, (_, i) => phraseWeights(inputs, relevance, i, this.phrases[i].length))
      : [];
    this.noise = noise;
    this.times = new Map();
    this.reads = 0;
    this.current = new Int32Array(relevance.total.length);
    this.values = Float64Array.from(relevance.total, (_, i) => (this.phrases[i].length > 0 ? 1 : 0));
  }

  read(i) {
    for (const phrase of new Set(this.phrases[i])) {
      if (phrase > 0) this.times.set(phrase, (this.times.get(phrase) || 0) + 1);
    }
    this.reads++;
  }

  isCurrent(i) {
    return this.current[i] === this.reads;
  }

  of(i) {
    if (this.isCurrent(i)) return this.values[i];
    this.current[i] = this.reads;
    const phrases = this.phrases[i], weights = this.weights[i];
    let sum = 0, total = 0;
    for (let u = 0; u < phrases.length; u++) {
      const times = phrases[u] > 0 ? this.times.get(phrases[u]) || 0 : 0;
      const weight = weights === null ? 1 : weights[u];
      sum += (times > 0 ? this.noise / (this.noise + times) : 1) * weight;
      total += weight;
    }
    this.values[i] = phrases.length === 0 ? 0 : total > 0 ? Math.min(sum / total, 1) : 1;
    return this.values[i];
  }
}

/** What gains are reported for a score: ½ log(1 + s / λ′) nats. */
const nats = (score, noise) => 0.5 * Math.log1p(score / noise);

/** Pick at most k; `limits` are the stopping rules, `pool` says which candidates may be picked. */
function chooseByPhrases(inputs, relevance, { k, noise, pool, limits }) {
  const { candidates, kernel } = inputs, n = relevance.total.length;
  let top = -Infinity, left = limits.max_tokens ?? Infinity;
  for (let i = 0; i < n; i++) if (pool[i]) top = Math.max(top, relevance.total[i]);
  const novelty = new Novelty(inputs, relevance, noise);
  const value = Float64Array.from(relevance.total, (rho, i) =>
    novelty.phrases[i].length === 0
      ? 0
      : relevance.chance * Math.exp(Math.min(2 * kernel.gamma * (rho - top), 0)));
  const bounds = value.map((v, i) => (pool[i] ? v : -Infinity));
  const picks = [];
  let reason = "k", tooRepetitive = false, tooDear = false;
  while (picks.length < k) {
    const i = indexOfLargest(bounds);
    if (n === 0 || bounds[i] === -Infinity) {
      reason = tooDear ? "budget" : tooRepetitive ? "min_novelty" : "exhausted";
      break;
    }
    if (candidates[i].cost !== null && candidates[i].cost > left * (1 + 1e-12)) {
      bounds[i] = -Infinity;
      tooDear = true;
      continue;
    }
    if (!novelty.isCurrent(i)) {
      bounds[i] = value[i] * novelty.of(i);
      continue;
    }
    if (limits.min_novelty !== null && novelty.of(i) < limits.min_novelty) {
      bounds[i] = -Infinity;
      tooRepetitive = true;
      continue;
    }
    const gain = nats(bounds[i], noise);
    if (limits.min_gain !== null && gain < limits.min_gain) {
      reason = "min_gain";
      break;
    }
    picks.push({ position: i, gain, novelty: novelty.of(i), score: bounds[i] });
    novelty.read(i);
    left -= candidates[i].cost ?? 0;
    bounds[i] = -Infinity;
    if (candidates[i].group !== null) {
      for (let j = 0; j < n; j++) if (candidates[j].group === candidates[i].group) bounds[j] = -Infinity;
    }
  }
  const uncertainty = [1];
  for (const pick of picks) uncertainty.push(uncertainty.at(-1) * (1 - pick.score));
  return {
    picks, reason, uncertainty,
    alone: Array.from(value, (v, i) => (pool[i] ? nats(v, noise) : null)),
    after: () => Array.from(value, (v, i) => (pool[i] ? nats(v * novelty.of(i), noise) : null)),
    noveltyAfter: (i) => novelty.of(i),
  };
}
