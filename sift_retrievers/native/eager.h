/* Rules 1 to 4 as the reference states them: every pick updates all candidates. */

/* Rule 1, into `score`: a score or an information gain's key. */
static void score_all(const struct sift_problem *problem, struct state *state)
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
    }
    for (size_t j = 0; j < count; j++)
        score[j] += shut[j];
}

/* Rows of products with several vectors: rows[l] = <likely[l], .>. `likely` and `rows` have an even
 * number of places; the last two are the same where there is an odd number of vectors. */
static void fill_rows(struct state *state, size_t dim, const REAL *const *likely, REAL *const *rows,
                      size_t number)
{
    size_t count = state->count;
    for (size_t j = 0; j < count; j += 2) {
        size_t next = j + 1 < count ? j + 1 : j;
        for (size_t l = 0; l < number; l += 2) {
            REAL found[4];
            four_products(state->x[j], state->x[next], likely[l], likely[l + 1], dim, found);
            rows[l][state->entry[j]] = found[0];
            rows[l + 1][state->entry[j]] = found[1];
            rows[l][state->entry[next]] = found[2];
            rows[l + 1][state->entry[next]] = found[3];
        }
    }
}

/* The row of products with the pick i, computed now, and rows with those that now score next best:
 * they are likely to be picked soon, and four rows in one pass cost little more than two passes.
 * Where the guesses turn out to be wrong, fewer are made, and no more than `needed`, the rows that
 * are still to come. NULL where there is no room. */
static REAL *look_ahead(const struct sift_problem *problem, struct state *state, size_t i,
                        size_t needed)
{
    struct cache *cache = &state->cache;
    const REAL *likely[AHEAD];
    REAL *rows[AHEAD];
    size_t wanted = cache->used <= 2 * cache->asked ? AHEAD : 2, number = 0, next = i;
    wanted = needed < wanted ? needed : wanted;
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
    if (number == 0)
        return NULL;
    if (number % 2 == 1) {
        likely[number] = likely[number - 1];
        rows[number] = rows[number - 1];
        number++;
    }
    fill_rows(state, problem->dim, likely, rows, number);
    return rows[0];
}

/* <x_i, x_j> of all candidates and the n-th pick i, into `prior`. */
static void products_with(const struct sift_problem *problem, struct state *state, size_t i,
                          size_t n)
{
    struct cache *cache = &state->cache;
    size_t count = state->count, dim = problem->dim;
    REAL *row = NULL;
    if (cache->capacity > 0) {
        if (cache->row_of[state->entry[i]] != NO_ROW)
            row = cached_row(cache, state->entry[i]);
        else
            row = look_ahead(problem, state, i, state->steps - 1 - n);
        cache->asked++;
    }
    if (row == NULL) { /* no room: `prior` itself is the row, where it has a place for each entry */
        if (cache->shared)
            for (size_t j = 0; j < count; j++)
                state->prior[j] = product(state->x[j], state->x[i], dim);
        else
            fill_rows(state, dim, (const REAL *[]){state->x[i], state->x[i]},
                      (REAL *[]){state->prior, state->prior}, 2);
        return;
    }
    for (size_t j = 0; j < count; j++) {
        REAL *known = &row[state->entry[j]];
        if (cache->partial && isnan(*known)) {
            REAL found[4];
            four_products(state->x[j], state->x[j], state->x[i], state->x[i], dim, found);
            *known = found[0];
        }
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
    products_with(problem, state, i, n);
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
        score_all(problem, state);
        best = largest_of(state->score, count);
        if (!(best > -INFINITY))
            break;
        i = first_at_least(state->score, count, least_tie(problem, state, best, n));
        if (i == count || is_interrupted(problem, state, count * (problem->dim + n + m)))
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
