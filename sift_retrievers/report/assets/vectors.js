// Selection by vectors: the rules of sift_retrievers/selection/solvers/reference.py, in float64.

/** The square matrix whose lower triangle is packed in base64. */
function unpackedTriangle(packed, ArrayType) {
  const text = atob(packed), bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const values = new ArrayType(bytes.buffer);
  return (i, j) => (i >= j ? values[(i * (i + 1)) / 2 + j] : values[(j * (j + 1)) / 2 + i]);
}

/** r = exp(γ (ρ − max ρ)) of the candidates in `pool`, ρ standardised among them; 0 elsewhere. */
function relevanceWeights(kernel, rho, pool, candidates) {
  const inside = Array.from(rho.keys()).filter((i) => pool[i]);
  const weights = new Float64Array(rho.length);
  if (kernel.gamma === null) return weights.fill(1);
  const top = inside.reduce((most, i) => Math.max(most, rho[i]), -Infinity);
  const largest = inside.reduce((most, i) => Math.max(most, Math.abs(rho[i])), 0);
  let unit = 1;
  if (kernel.standardized) {
    const farthest = inside.reduce((most, i) => Math.max(most, top - rho[i]), 0) || 1;
    const scaled = inside.map((i) => (rho[i] - top) / farthest);
    const mean = scaled.reduce((sum, v) => sum + v, 0) / scaled.length;
    const square = scaled.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    const deviation = Math.sqrt(square / scaled.length) * farthest;
    if (deviation > 8 * 2 ** -52 * largest) unit = deviation;
  }
  for (const i of inside) {
    weights[i] = candidates[i].zero ? 0 : Math.exp((kernel.gamma * (rho[i] - top)) / unit);
  }
  return weights;
}

/** How much a candidate lowers what is unknown, by the objective. */
function objectiveScores({ objective, positiveOnly, noise }, c, v, u, j) {
  if (objective === "undirected") return nats(v[j], noise);
  if (objective === "entropy") {
    const score = 0.5 * Math.log((v[j] + noise) / (u[j] + noise));
    return positiveOnly && !c.some((row) => row[j] > 0) ? 0 : score;
  }
  let sum = 0;
  for (const row of c) sum += (positiveOnly ? Math.max(row[j], 0) : row[j]) ** 2;
  return sum / (v[j] + noise);
}

/**
 * Pick at most k, whatever they gain.
 *
 * `pool` says which candidates there are, `barred` is a set of those that may not be picked.
 */
function chooseByVectors(inputs, relevance, { k, noise: given, pool, limits, barred = new Set() }) {
  const { kernel, candidates, objective } = inputs, n = relevance.total.length;
  const undirected = objective === "undirected", level = undirected ? relevance.chance : 1;
  inputs.covariance ??= unpackedTriangle(kernel.covariances, Float64Array);
  const k_ = inputs.covariance, targets = kernel.prior.length;
  const r = relevanceWeights(kernel, relevance.alone ? relevance.cosine : relevance.total, pool, candidates);
  let largest = 0;
  for (let i = 0; i < n; i++) if (pool[i]) largest = Math.max(largest, k_(i, i));
  const noise = Math.max(given, 2 ** -48 * largest);
  const single = !kernel.double && !(objective === "entropy" && targets > 1) &&
    noise >= Math.max(1e-5 * largest, 1e-30) && noise <= 1e30;
  const epsilon = single ? 2 ** -23 : 2 ** -52;
  const rule = { objective, positiveOnly: kernel.positive_only, noise };
  const c = kernel.cross.map((row) => Float64Array.from({ length: n }, (_, i) => row[i] * r[i]));
  const v = Float64Array.from({ length: n }, (_, i) => k_(i, i) * r[i] * r[i]);
  const prior = Float64Array.from(v), rows = [], uRows = [];
  let u = v;
  if (objective === "entropy") {
    for (const weights of kernel.whitening) {
      uRows.push(Float64Array.from({ length: n }, (_, i) =>
        c.reduce((sum, row, t) => sum + weights[t] * row[i], 0)));
    }
    u = v.map((value, i) => Math.max(value - uRows.reduce((sum, row) => sum + row[i] ** 2, 0), 0));
  }
  let sigma = [...kernel.prior];
  const total = () => sigma.reduce((sum, value) => sum + value, 0);
  const floor = sigma.map((value) => value * epsilon);
  const gainOf = (i) => {
    if (undirected) return nats(Math.min(level * v[i], 1), noise);
    if (objective === "entropy") return Math.max(0.5 * Math.log((v[i] + noise) / (u[i] + noise)), 0);
    const lowered = c.reduce((sum, row) => sum + row[i] ** 2, 0) / (v[i] + noise) / total();
    return -0.5 * Math.log1p(-Math.min(lowered, 1 - epsilon));
  };
  const gains = () => Array.from({ length: n }, (_, i) => (pool[i] ? gainOf(i) : null));
  const alone = gains(), open = pool.map((inside, i) => inside && !barred.has(i));
  const picks = [], variance = [total()];
  let first = null, left = limits.max_tokens ?? Infinity, ended = false;
  while (picks.length < k) {
    let best = -Infinity, i = -1;
    const scores = new Float64Array(n).fill(-Infinity);
    for (let j = 0; j < n; j++) {
      if (!open[j]) continue;
      const cost = candidates[j].cost;
      if (cost !== null && !(cost <= left + 1e-12 * limits.max_tokens)) continue;
      scores[j] = objectiveScores(rule, c, v, u, j);
      best = Math.max(best, scores[j]);
    }
    if (best === -Infinity) {
      ended = true;
      break;
    }
    const tie = best - 16 * epsilon * Math.sqrt(Math.max(best, 0) * Math.max(first ?? best, 0));
    for (i = 0; !(scores[i] >= tie && open[i]); i++);
    const novelty = prior[i] > 0 ? Math.min(Math.max(v[i] / prior[i], 0), 1) : 0;
    first ??= best;
    const root = Math.sqrt(v[i] + noise), a = c.map((row) => row[i] / root), before = total();
    const gain = gainOf(i);
    const lowered = a.reduce((sum, value) => sum + value * value, 0) / before;
    picks.push({
      position: i, gain, novelty,
      score: undirected ? Math.min(level * v[i], 1) : -Math.expm1(-2 * gain),
    });
    sigma = sigma.map((value, t) => Math.max(value - a[t] * a[t], floor[t]));
    variance.push(total());
    const row = Float64Array.from({ length: n }, (_, j) => {
      let value = k_(i, j) * r[i] * r[j];
      for (const earlier of rows) value -= earlier[i] * earlier[j];
      return value / root;
    });
    if (objective === "entropy") {
      const uRoot = Math.sqrt(u[i] + noise);
      const uRow = Float64Array.from({ length: n }, (_, j) => {
        let value = k_(i, j) * r[i] * r[j];
        for (const earlier of uRows) value -= earlier[i] * earlier[j];
        return value / uRoot;
      });
      uRows.push(uRow);
      u = u.map((value, j) => Math.max(value - uRow[j] ** 2, 0));
    }
    rows.push(row);
    for (let j = 0; j < n; j++) {
      for (let t = 0; t < targets; t++) c[t][j] -= a[t] * row[j];
      v[j] = Math.max(v[j] - row[j] * row[j], 0);
    }
    if (objective === "entropy") u = u.map((value, j) => Math.min(value, v[j]));
    else u = v;
    if (!inputs.replacement) open[i] = false;
    const group = candidates[i].group;
    if (group !== null) for (let j = 0; j < n; j++) if (candidates[j].group === group) open[j] = false;
    left -= candidates[i].cost ?? 0;
  }
  const pickable = new Set();
  for (let i = 0; i < n; i++) if (pool[i]) pickable.add(candidates[i].group ?? `${i} alone`);
  const limited = limits.max_tokens !== null || barred.size > 0;
  const over = limited && pickable.size > (inputs.replacement ? 0 : picks.length);
  const why = over ? (limits.max_tokens === null ? "min_novelty" : "budget") : "exhausted";
  let uncertainty = variance;
  if (undirected) {
    uncertainty = [1];
    for (const pick of picks) uncertainty.push(uncertainty.at(-1) * (1 - pick.score));
  }
  return {
    picks, reason: ended ? why : "k", uncertainty, variance, alone, after: gains,
    noveltyAfter: (i) => (prior[i] > 0 ? Math.min(v[i] / prior[i], 1) : 0),
  };
}
