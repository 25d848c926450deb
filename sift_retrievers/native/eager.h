/* Rules 1 to 4 as the reference states them: every pick updates all candidates. */

/* Rule 1, into `score`: a score or, without costs, an information gain's key. */
static void score_all(const struct sift_problem *problem, struct state *state, size_t b)
{
    size_t count = state->count, m = problem->target_count;
    REAL noise = (REAL)problem->noise;
    REAL *restrict score = state->score;
    const REAL *restrict v = state->v;
    const REAL *restrict shut = state->shut;
    if (problem->objective == SIFT_VARIANCE) {
        for (size_t t = 0; t < m; t++) {
            const REAL *restrict c = state->c + t * count;
            REAL least = problem->positive_only ? (REAL)0 : -(REAL)INFINITY;
            for (size_t j = 0; j < count; j++) {
                REAL counted = c[j] > least ? c[j] : least;
                score[j] = (t == 0 ? (REAL)0 : score[j]) + counted * counted;
            }
        }
        for (size_t j = 0; j < count; j++)
            score[j] /= v[j] + noise;
    } else {
        const REAL *restrict u = state->u;
        for (size_t j = 0; j < count; j++)
            score[j] = (v[j] - u[j]) / (u[j] + noise);
        if (problem->positive_only)
            for (size_t j = 0; j < count; j++) {
                int positive = 0;
                for (size_t t = 0; t < m; t++)
                    positive |= state->c[t * count + j] > 0;
                score[j] = positive ? score[j] : (REAL)0;
            }
        if (problem->per_cost)
            for (size_t j = 0; j < count; j++)
                score[j] = (REAL)(0.5 * log1p((double)score[j]));
    }
    if (problem->per_cost)
        for (size_t j = 0; j < count; j++)
            score[j] /= (REAL)cost_of(problem, state, b, j);
    for (size_t j = 0; j < count; j++)
        score[j] += shut[j];
}

/* Products of all candidates with the pick i and, where the candidates are many, with those that now
 * score next best, which are likely to be picked soon: reading them is then what a pass costs. */
static void fill_rows(const struct sift_problem *problem, struct state *state, size_t i)
{
    size_t wanted = state->count > LARGE_BYTES / sizeof(REAL) / problem->dim ? AHEAD : 1;
    struct cache *cache = &state->cache;
    const REAL *likely[AHEAD];
    REAL *rows[AHEAD];
    size_t number = 0, next = i;
    while (number < wanted && next < state->count) {
        REAL best = -INFINITY;
        REAL *row = cached_row(cache, state->entry[next]);
        if (row == NULL)
            break;
        likely[number] = state->x[next];
        rows[number++] = row;
        next = state->count;
        for (size_t j = 0; number < wanted && j < state->count; j++)
            if (state->score[j] > best && cache->row_of[state->entry[j]] == NO_ROW) {
                best = state->score[j];
                next = j;
            }
    }
    for (size_t j = 0; j < state->count; j++) {
        REAL found[AHEAD];
        products(state->x[j], likely, number, problem->dim, found);
        for (size_t l = 0; l < number; l++)
            rows[l][state->entry[j]] = found[l];
    }
}

/* <x_i, x_j> of all candidates, into `prior`. */
static void products_with(const struct sift_problem *problem, struct state *state, size_t i)
{
    struct cache *cache = &state->cache;
    size_t count = state->count, dim = problem->dim;
    REAL *row = NULL;
    if (cache->capacity > 0) {
        if (cache->row_of[state->entry[i]] == NO_ROW)
            fill_rows(problem, state, i);
        row = cached_row(cache, state->entry[i]);
    }
    if (row == NULL) {
        products(state->x[i], state->x, count, dim, state->prior);
        return;
    }
    for (size_t j = 0; j < count; j++) {
        REAL *known = &row[state->entry[j]];
        if (isnan(*known))
            *known = product(state->x[j], state->x[i], dim);
        state->prior[j] = *known;
    }
}

/* row <- (prior - sum_s rows_s(i) rows_s) / root, of the `known` rows before it. */
static void new_row(const REAL *rows, size_t known, size_t count, const REAL *prior, size_t i,
                    REAL root, REAL *restrict row)
{
    REAL inverse = 1 / root;
    size_t s = 0;
    memcpy(row, prior, count * sizeof(REAL));
    for (; s + 4 <= known; s += 4) {
        const REAL *restrict e0 = rows + s * count, *restrict e1 = e0 + count;
        const REAL *restrict e2 = e1 + count, *restrict e3 = e2 + count;
        REAL w0 = e0[i], w1 = e1[i], w2 = e2[i], w3 = e3[i];
        for (size_t j = 0; j < count; j++)
            row[j] = row[j] - w0 * e0[j] - w1 * e1[j] - w2 * e2[j] - w3 * e3[j];
    }
    for (; s < known; s++) {
        const REAL *restrict e = rows + s * count;
        REAL w = e[i];
        for (size_t j = 0; j < count; j++)
            row[j] -= w * e[j];
    }
    for (size_t j = 0; j < count; j++)
        row[j] *= inverse;
}

static void reduce(REAL *restrict variances, const REAL *restrict row, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        REAL left = variances[j] - row[j] * row[j];
        variances[j] = left > 0 ? left : (REAL)0;
    }
}

/* Rule 4: condition on the pick i, the n-th. `root` is sqrt(v_i + noise), of u `u_root`. */
static void condition(const struct sift_problem *problem, struct state *state, size_t i, size_t n,
                      REAL root, REAL u_root)
{
    size_t count = state->count, m = problem->target_count;
    REAL *prior = state->prior, *row = state->rows + n * count;
    REAL own = state->scale[i];
    products_with(problem, state, i);
    if (normalizes(problem))
        for (size_t j = 0; j < count; j++)
            prior[j] *= state->scale[j] * own;
    of_passages(problem, prior, count);
    own = state->r[i];
    for (size_t j = 0; j < count; j++)
        prior[j] *= state->r[j] * own;

    new_row(state->rows, n, count, prior, i, root, row);
    reduce(state->v, row, count);
    for (size_t t = 0; t < m; t++) {
        REAL *restrict c = state->c + t * count;
        REAL a = state->a[t];
        for (size_t j = 0; j < count; j++)
            c[j] -= a * row[j];
    }
    if (problem->objective == SIFT_ENTROPY) {
        REAL *u_row = state->u_rows + (m + n) * count;
        new_row(state->u_rows, m + n, count, prior, i, u_root, u_row);
        reduce(state->u, u_row, count);
        for (size_t j = 0; j < count; j++)
            state->u[j] = state->u[j] < state->v[j] ? state->u[j] : state->v[j];
    }
}

/* The picks of one query; returns their number. */
static size_t pick_eagerly(const struct sift_problem *problem, struct state *state, size_t b,
                           REAL *gains, REAL *variance)
{
    size_t count = state->count, m = problem->target_count, n;
    for (n = 0; n < state->steps; n++) {
        REAL best, v, root, u_root = 0;
        double before = state->variance, lowered, gain;
        size_t i;
        shut_unaffordable(problem, state, b);
        score_all(problem, state, b);
        best = largest_of(state->score, count);
        if (!(best > -INFINITY))
            break;
        i = first_at_least(state->score, count, least_tie(problem, state, best, n));
        if (i == count)
            break;
        state->picks[n] = i;
        take(problem, state, b, i);

        v = state->v[i];
        root = root_of(v + (REAL)problem->noise);
        for (size_t t = 0; t < m; t++)
            state->a[t] = state->c[t * count + i] / root;
        lowered = lower_sigma(problem, state, state->a, 1);
        if (problem->objective == SIFT_VARIANCE) {
            double share = lowered / before;
            gain = -0.5 * log1p(-(share < 1 - EPSILON ? share : 1 - EPSILON));
        } else {
            REAL u = state->u[i];
            u_root = root_of(u + (REAL)problem->noise);
            gain = 0.5 * log1p((double)(v - u) / ((double)u + problem->noise));
        }
        gains[n] = (REAL)gain;
        variance[n + 1] = (REAL)state->variance;
        if (n + 1 < state->steps) /* nobody looks at the candidates after the last pick */
            condition(problem, state, i, n, root, u_root);
    }
    return n;
}
