// How relevant each candidate is: the rule of sift_retrievers/witnesses, for the first n candidates.

/** Distances from the mean in standard deviations; zeros where all values are equal. */
function standardized(values, rounding = 1e-7) {
  const count = values.length, out = new Float64Array(count);
  let largest = 0, mean = 0, square = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || !Number.isFinite(largest)) return out;
  for (let i = 0; i < count; i++) mean += out[i] = values[i] / largest;
  mean /= count;
  for (let i = 0; i < count; i++) {
    out[i] -= mean;
    square += out[i] * out[i];
  }
  const deviation = Math.sqrt(square / count);
  if (!(deviation >= rounding)) return out.fill(0);
  return out.map((value) => value / deviation);
}

/** The weight of each term: log(1 + (n − df + ½) / (df + ½)), equal texts counted once. */
function rarities(terms, present, distinct) {
  const frequency = new Float64Array(terms);
  let count = 0;
  for (let i = 0; i < distinct.length; i++) {
    if (!distinct[i]) continue;
    count++;
    for (const term of present[i]) frequency[term]++;
  }
  return frequency.map((df) => Math.log(1 + (count - df + 0.5) / (df + 0.5)));
}

/** BM25 of counts (a Map of term → count for each passage). */
function bm25(counts, weights, lengths, { k1, b }) {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const mean = Math.max(total / lengths.length, 1e-9);
  return Float64Array.from(counts, (of, i) => {
    const norm = k1 * (1 - b + (b * lengths[i]) / mean);
    let score = 0;
    for (const [term, count] of of) score += weights[term] * ((count * (k1 + 1)) / (count + norm));
    return score;
  });
}

/** The weights of the terms that occur, as a share of all weights. */
function shareOf(present, weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from(present, (terms) => {
    let sum = 0;
    if (total > 0) for (const term of terms) sum += weights[term];
    return total > 0 ? sum / total : 0;
  });
}

const sortedMap = (map) => new Map([...map].sort((a, b) => a[0] - b[0]));

/** The scores by words of one target, and the weight of each of the question's words. */
function scoresByWords(inputs, target, n) {
  const { words: all, constants } = inputs;
  const asked = all.targets[target], first = (list) => list.slice(0, n);
  const distinct = first(all.first_of_equal);
  const words = [], headWords = [], grams = [], headGrams = [];
  for (let i = 0; i < n; i++) {
    const count = new Map(), inHead = new Map();
    const found = asked.words.found[i];
    for (let at = 0; at < found.length; at += 2) {
      const term = found[at + 1];
      count.set(term, (count.get(term) || 0) + 1);
      if (found[at] < all.head_words[i]) inHead.set(term, (inHead.get(term) || 0) + 1);
    }
    words.push(sortedMap(count));
    headWords.push(sortedMap(inHead));
    const gramCount = new Map(), gramInHead = new Map(), of = asked.grams.found[i];
    for (let at = 0; at < of.length; at += 3) {
      gramCount.set(of[at], of[at + 1]);
      if (of[at + 2] > 0) gramInHead.set(of[at], of[at + 2]);
    }
    grams.push(gramCount);
    headGrams.push(gramInHead);
  }
  const keys = (maps) => maps.map((map) => [...map.keys()]);
  const wordWeights = rarities(asked.words.terms, keys(words), distinct);
  const gramWeights = rarities(asked.grams.terms, keys(grams), distinct);
  const pairs = first(asked.pairs.found);
  return {
    grams: bm25(grams, gramWeights, first(all.gram_counts), constants),
    words: bm25(words, wordWeights, first(all.word_counts), constants),
    pairs: shareOf(pairs, rarities(asked.pairs.terms, pairs, distinct)),
    head_grams: bm25(headGrams, gramWeights, first(all.head_grams), constants),
    head_words: bm25(headWords, wordWeights, first(all.head_words), constants),
    share: shareOf(keys(words), wordWeights),
    gramShare: shareOf(keys(grams), gramWeights),
    wordWeights,
  };
}

/** How strongly the most relevant passages point to each passage by its name. */
function mentions(inputs, relevance) {
  const n = relevance.length, named = new Float64Array(n);
  const order = Array.from(relevance.keys()).sort((a, b) => relevance[b] - relevance[a] || a - b);
  const best = new Set(order.slice(0, inputs.constants.naming_passages));
  const top = n > 0 ? relevance[order[0]] : 0;
  for (let i = 0; i < n; i++) {
    let count = 0, weight = 0;
    for (const j of inputs.words.named_by[i]) {
      if (!best.has(j)) continue;
      count++;
      weight = Math.max(weight, Math.exp(relevance[j] - top));
    }
    if (count > 0) named[i] = weight / Math.sqrt(count);
  }
  return named;
}

const logistic = (x) => 1 / (1 + Math.exp(-Math.max(Math.min(x, 50), -50)));
const indexOfLargest = (values) => values.reduce((at, value, i) => (value > values[at] ? i : at), 0);

/** The relevance of the first n candidates for one target. */
function relevanceForTarget(inputs, target, n, weightOfWords) {
  const { witness_weights: weights, constants } = inputs;
  const cosine = Float64Array.from({ length: n }, (_, i) => inputs.candidates[i].cosines[target]);
  const near = standardized(cosine), lexical = new Float64Array(n);
  const parts = { vectors: near.map((value) => weights.vectors * value) };
  const scored = n > 0 && inputs.candidates[0].score !== null;
  if (scored) {
    const scores = Float64Array.from({ length: n }, (_, i) => inputs.candidates[i].score);
    parts.scorer = standardized(scores, 1e-13).map((value) => weights.scores * value);
  }
  let words = null, chance = 0;
  if (weightOfWords > 0 && inputs.words !== null && inputs.words.targets[target] !== null && n > 0) {
    words = scoresByWords(inputs, target, n);
    for (const [name, weight] of Object.entries(constants.word_score_weights)) {
      const scores = standardized(words[name]);
      for (let i = 0; i < n; i++) lexical[i] += weight * scores[i];
    }
    parts.words = lexical.map((value) => weightOfWords * value);
    const i = indexOfLargest(near.map((value, at) => value + lexical[at]));
    const shares = 2.6 * words.gramShare[i] + 2.2 * words.pairs[i];
    chance = logistic(6 * cosine[i] + shares - 4.9);
  } else {
    if (n > 0) chance = logistic(7.8 * cosine.reduce((a, b) => Math.max(a, b)) - 4.7);
    if (weights.vectors === 0 && !scored) parts.vectors = near;
  }
  const raw = new Float64Array(n);
  for (const name of ["vectors", "scorer", "words"]) {
    if (parts[name]) for (let i = 0; i < n; i++) raw[i] += parts[name][i];
  }
  const total = standardized(raw);
  // Each witness's part of ρ: `raw` has the mean 0, so parts are only divided by its deviation.
  const square = raw.reduce((sum, value) => sum + value * value, 0);
  const deviation = Math.sqrt(square / Math.max(n, 1)) || 1;
  for (const name of Object.keys(parts)) parts[name] = parts[name].map((v) => v / deviation);
  if (words !== null) {
    const mention = mentions(inputs, total), weight = constants.mention_weight;
    parts.mention = mention.map((value) => weight * Math.min(weightOfWords, 1) * value);
    for (let i = 0; i < n; i++) total[i] += parts.mention[i];
  }
  return { total, parts, cosine, words, chance };
}

/**
 * The relevance of the first n candidates; with several targets, each counts by its best.
 *
 * total: ρ; parts: what each witness adds to it; cosine: to the nearest target; alone: whether the
 * cosine is the only witness; words: for each target, scores by words or null.
 */
function relevanceOf(inputs, n, weightOfWords) {
  const targets = inputs.layout.targets.length, each = [];
  for (let t = 0; t < targets; t++) each.push(relevanceForTarget(inputs, t, n, weightOfWords));
  const total = new Float64Array(n), cosine = new Float64Array(n), parts = {}, share = [];
  for (const one of each) for (const name of Object.keys(one.parts)) parts[name] = new Float64Array(n);
  const anyWords = each.some((one) => one.words !== null);
  for (let i = 0; i < n; i++) {
    const best = each[indexOfLargest(each.map((one) => one.total[i]))];
    total[i] = best.total[i];
    cosine[i] = Math.max(...each.map((one) => one.cosine[i]));
    for (const name of Object.keys(best.parts)) parts[name][i] = best.parts[name][i];
    share.push(!anyWords ? null : best.words === null ? 0 : best.words.share[i]);
  }
  return {
    total, parts, cosine, share,
    words: each.map((one) => one.words),
    chance: Math.max(...each.map((one) => one.chance)),
    alone: each.every((one) => one.words === null) && !(n > 0 && inputs.candidates[0].score !== null),
  };
}
