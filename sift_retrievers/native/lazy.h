/* The undirected objective by exact lazy greedy: a candidate's v only falls, so what it was some
 * picks ago is a bound, and a candidate whose bound lies below the best need not be looked at.
 * Only few products between candidates are computed: about 60 of 1,800 for 10 picks of 200. */

/* k(x_j, x_p) of the candidate j and the pick p. */
static REAL covariance(const struct sift_problem *problem, struct state *state, size_t j, size_t p)
{
    REAL g, *known = NULL, *row;
    row = cached_row(&state->cache, state->entry[p]);
    if (row != NULL)
        known = &row[state->entry[j]];
    if (known != NULL && !isnan(*known))
        g = *known;
    else
        g = product(state->x[j], state->x[p], problem->dim);
    if (known != NULL)
        *known = g;
    if (normalizes(problem))
        g *= state->scale[j] * state->scale[p];
    of_passages(problem, &g, 1);
    return g * (state->r[j] * state->r[p]);
}

/* What is compared: v itself, which the gain rises with. */
static REAL bound_of(const struct state *state, size_t j)
{
    return state->v[j] + state->shut[j];
}

/* Take into account, for the candidate j, the picks before the n-th that v_j does not know of yet,
 * until its bound falls below `enough`. */
static void update(const struct sift_problem *problem, struct state *state, size_t j, size_t n,
                   REAL enough)
{
    REAL *own = state->rows + j * state->steps;
    while (state->updated[j] < n) {
        size_t s = state->updated[j], p = state->picks[s];
        const REAL *of_pick = state->rows + p * state->steps;
        REAL row = covariance(problem, state, j, p), left;
        row -= product(own, of_pick, s);
        row /= state->roots[s];
        own[s] = row;
        left = state->v[j] - row * row;
        state->v[j] = left > 0 ? left : (REAL)0;
        state->updated[j] = s + 1;
        state->score[j] = bound_of(state, j);
        if (state->score[j] < enough)
            return;
    }
}

/* The n-th pick, or `count` for none. */
static size_t pick(const struct sift_problem *problem, struct state *state, size_t n)
{
    size_t count = state->count, j;
    REAL best = largest_of(state->score, count), least = -INFINITY;
    if (!(best > -INFINITY))
        return count;
    j = first_at_least(state->score, count, best);
    update(problem, state, j, n, least);
    best = state->score[j];
    least = least_tie(problem, state, best, n);
    /* Whoever is passed over here lies below the least tie of a candidate that is up to date, and
     * the least tie only rises. */
    for (j = 0; j < count; j++) {
        if (!(state->score[j] >= least) || state->updated[j] == n)
            continue;
        update(problem, state, j, n, least);
        if (state->score[j] > best) {
            best = state->score[j];
            least = least_tie(problem, state, best, n);
        }
    }
    return first_at_least(state->score, count, least);
}

/* The picks of one query; returns their number. */
static size_t pick_lazily(const struct sift_problem *problem, struct state *state, size_t b,
                          REAL *gains, REAL *variance)
{
    size_t count = state->count, m = problem->target_count, steps = state->steps, n;
    shut_unaffordable(problem, state, b);
    for (size_t j = 0; j < count; j++) {
        state->updated[j] = 0;
        state->score[j] = bound_of(state, j);
    }
    for (n = 0; n < steps; n++) {
        size_t i = pick(problem, state, n);
        REAL v, root;
        if (i == count || is_interrupted(problem, state, count + (n + m) * problem->dim))
            break;
        state->picks[n] = i;
        v = state->v[i];
        root = root_of(v + (REAL)problem->noise);
        state->roots[n] = root;
        for (size_t t = 0; t < m; t++) {
            REAL c = state->c[t * count + i], *a = state->a + t * steps;
            for (size_t s = 0; s < n; s++)
                c -= a[s] * state->rows[i * steps + s];
            a[n] = c / root;
        }
        lower_sigma(problem, state, state->a + n, steps);
        gains[n] = (REAL)(0.5 * log1p((double)v / problem->noise));
        variance[n + 1] = (REAL)state->variance;
        take(problem, state, b, i);
        if (problem->budget != NULL || problem->groups != NULL) {
            shut_unaffordable(problem, state, b);
            for (size_t j = 0; j < count; j++)
                state->score[j] += state->shut[j];
        }
        state->score[i] += state->shut[i];
    }
    return n;
}
