/* One query before its first pick: its candidates, covariances, variances and weights. */

/* What is wrong with a vector whose squared length is not an ordinary one. */
static int fault_of(const REAL *vector, size_t dim, int zero_allowed)
{
    int zero = 1;
    for (size_t j = 0; j < dim; j++) {
        if (!isfinite(vector[j]))
            return SIFT_NOT_FINITE;
        if (vector[j] != 0)
            zero = 0;
    }
    if (zero)
        return zero_allowed ? SIFT_FINE : SIFT_ZERO_TARGET;
    return SIFT_OUT_OF_RANGE;
}

/* Whether cosines are wanted: of the kernel, or as relevance. */
static int uses_cosines(const struct sift_problem *problem)
{
    return normalizes(problem) || (problem->gamma >= 0 && problem->relevance == NULL);
}

static int is_ordinary(const struct sift_problem *problem, REAL square)
{
    double smallest = uses_cosines(problem) ? SMALLEST_SQUARE : 0;
    double largest = normalizes(problem) ? LARGEST_SQUARE : LARGEST_LINEAR;
    return (double)square > smallest && (double)square < largest;
}

/* Prior variances and lengths of the targets `q` [m, d]. */
static int prepare_targets(const struct sift_problem *problem, struct state *state, const REAL *q)
{
    state->variance = 0;
    for (size_t t = 0; t < problem->target_count; t++) {
        const REAL *target = q + t * problem->dim;
        REAL square = product(target, target, problem->dim);
        if (!is_ordinary(problem, square))
            return fault_of(target, problem->dim, 0);
        state->target_scale[t] = 1 / root_of(square);
        state->sigma[t] = normalizes(problem) ? 1 : (double)square;
        state->floors[t] = state->sigma[t] * EPSILON;
        state->variance += state->sigma[t];
    }
    return SIFT_FINE;
}

/* The candidates of query b: those whose id is not -1. */
static int find_candidates(const struct sift_problem *problem, struct state *state, size_t b)
{
    /* Volatile: another thread may write into the caller's array, so an id is checked and used as
     * it was read, once. */
    const volatile int64_t *ids = problem->ids;
    const REAL *pool = problem->vectors;
    size_t count = 0;
    if (problem->pools > 1)
        pool += b * problem->pool_size * problem->dim;
    for (size_t j = 0; j < problem->candidates; j++) {
        size_t row = j;
        if (ids != NULL) {
            int64_t id = ids[b * problem->candidates + j];
            if (id < -1 || (id >= 0 && (uint64_t)id >= problem->pool_size))
                return SIFT_BAD_ID;
            if (id < 0)
                continue;
            row = (size_t)id;
        }
        state->x[count] = pool + row * problem->dim;
        state->position[count] = j;
        state->entry[count] = state->cache.shared ? row : count;
        count++;
    }
    state->count = count;
    return SIFT_FINE;
}

/* Inner products of the candidates with a number of targets, into `products` [number, count], and
 * squared lengths that are not known yet. Every candidate is read from memory once. */
static void first_pass(struct state *state, const REAL *targets, size_t number, size_t dim)
{
    size_t count = state->count;
    for (size_t j = 0; j < count; j++) {
        const REAL *x = state->x[j];
        REAL *square = &state->cache.squares[state->entry[j]], *out = state->products + j;
        size_t t = 0;
        if (isnan(*square))
            square_and_product(x, targets, dim, square, &out[t++ * count]);
        for (; t + 2 <= number; t += 2) {
            const REAL *q = targets + t * dim;
            two_products(x, q, q + dim, dim, &out[t * count], &out[(t + 1) * count]);
        }
        if (t < number)
            out[t * count] = product(x, targets + t * dim, dim);
    }
}

static int measure_candidates(const struct sift_problem *problem, struct state *state)
{
    for (size_t j = 0; j < state->count; j++) {
        REAL square = state->cache.squares[state->entry[j]];
        if (!is_ordinary(problem, square)) {
            int fault = fault_of(state->x[j], problem->dim, 1);
            if (fault == SIFT_OUT_OF_RANGE && !uses_cosines(problem) &&
                square < (REAL)LARGEST_LINEAR)
                fault = SIFT_FINE;
            if (fault != SIFT_FINE)
                return fault;
        }
        state->scale[j] = square > 0 ? 1 / root_of(square) : (REAL)0;
    }
    return SIFT_FINE;
}

/* The largest cosine to a target, into z. */
static void nearest_cosines(const struct sift_problem *problem, struct state *state)
{
    size_t count = state->count;
    for (size_t t = 0; t < problem->target_count; t++) {
        const REAL *c = state->c + t * count;
        REAL factor = normalizes(problem) ? (REAL)1 : state->target_scale[t];
        for (size_t j = 0; j < count; j++) {
            REAL cosine = normalizes(problem) ? c[j] : c[j] * factor * state->scale[j];
            if (t == 0 || (double)cosine > state->z[j])
                state->z[j] = (double)cosine;
        }
    }
}

/* Standard deviation of the z, or 1 where it is below `rounding`; that is in units of the largest
 * relevance where one was given, and absolute for cosines. Computed in units of the largest
 * deviation, so that no square leaves the range of double. */
static double deviation_of(const struct sift_problem *problem, const double *z, size_t count)
{
    double mean = 0, largest = 0, farthest = 0, squares = 0, deviation, rounding;
    for (size_t j = 0; j < count; j++)
        mean += z[j] / (double)count;
    for (size_t j = 0; j < count; j++) {
        double off = fabs(z[j] - mean), size = fabs(z[j]);
        farthest = off > farthest ? off : farthest;
        largest = size > largest ? size : largest;
    }
    if (!(farthest > 0))
        return 1;
    for (size_t j = 0; j < count; j++) {
        double off = (z[j] - mean) / farthest;
        squares += off * off;
    }
    deviation = farthest * sqrt(squares / (double)count);
    rounding = problem->rounding * (problem->relevance == NULL ? 1 : largest);
    return deviation > rounding ? deviation : 1;
}

/* r = exp(gamma (z - max z)); a zero vector says nothing: 0. */
static void weigh(const struct sift_problem *problem, struct state *state, size_t b)
{
    double largest = -INFINITY, deviation = 1;
    size_t count = state->count;
    double *z = state->z;
    if (problem->relevance == NULL)
        nearest_cosines(problem, state);
    else
        for (size_t j = 0; j < count; j++)
            z[j] = problem->relevance[b * problem->candidates + state->position[j]];
    if (problem->standardized)
        deviation = deviation_of(problem, z, count);
    for (size_t j = 0; j < count; j++)
        largest = z[j] > largest ? z[j] : largest;
    for (size_t j = 0; j < count; j++)
        state->r[j] = state->scale[j] > 0 ? (REAL)exp(problem->gamma * ((z[j] - largest) / deviation)) : (REAL)0;
}

/* u and the rows of its factor that stand for the targets, observed without noise: W c. */
static void condition_on_targets(const struct sift_problem *problem, struct state *state, size_t b)
{
    size_t m = problem->target_count, count = state->count;
    const REAL *whitening = (const REAL *)problem->whitening + b * m * m;
    memcpy(state->u, state->v, count * sizeof(REAL));
    for (size_t s = 0; s < m; s++) {
        REAL *restrict row = state->u_rows + s * count;
        for (size_t j = 0; j < count; j++)
            row[j] = 0;
        for (size_t t = 0; t < m; t++) {
            const REAL *restrict c = state->c + t * count;
            REAL factor = whitening[s * m + t];
            for (size_t j = 0; j < count; j++)
                row[j] += factor * c[j];
        }
        for (size_t j = 0; j < count; j++)
            state->u[j] -= row[j] * row[j];
    }
    for (size_t j = 0; j < count; j++)
        state->u[j] = state->u[j] > 0 ? state->u[j] : (REAL)0;
}

static int prepare(const struct sift_problem *problem, struct state *state, size_t b)
{
    size_t m = problem->target_count, count;
    const REAL *q = (const REAL *)problem->targets + b * m * problem->dim;
    int status = prepare_targets(problem, state, q);
    if (status == SIFT_FINE)
        status = find_candidates(problem, state, b);
    if (status != SIFT_FINE)
        return status;
    count = state->count;
    if (!state->cache.shared)
        clear(&state->cache);
    if (b % state->together == 0) {
        size_t queries = problem->batch - b < state->together ? problem->batch - b : state->together;
        first_pass(state, q, queries * m, problem->dim);
    }
    state->c = state->products + b % state->together * m * count;
    status = measure_candidates(problem, state);
    if (status != SIFT_FINE)
        return status;

    if (normalizes(problem))
        for (size_t t = 0; t < m; t++) {
            REAL *restrict c = state->c + t * count;
            for (size_t j = 0; j < count; j++)
                c[j] *= state->scale[j] * state->target_scale[t];
        }
    if (problem->gamma >= 0)
        weigh(problem, state, b);
    else
        for (size_t j = 0; j < count; j++)
            state->r[j] = 1;
    of_target_and_passages(problem, state->c, m * count);
    for (size_t t = 0; t < m; t++) {
        REAL *restrict c = state->c + t * count;
        for (size_t j = 0; j < count; j++)
            c[j] *= state->r[j];
    }
    {
        REAL of_unit = of_itself(problem, 1), of_zero = of_itself(problem, 0);
        for (size_t j = 0; j < count; j++) {
            REAL square = state->cache.squares[state->entry[j]];
            REAL variance = square > 0 ? of_unit : of_zero;
            if (!normalizes(problem))
                variance = square;
            state->v[j] = variance * state->r[j] * state->r[j];
            state->shut[j] = 0;
        }
    }
    if (problem->objective == SIFT_ENTROPY)
        condition_on_targets(problem, state, b);
    state->left = problem->budget == NULL ? INFINITY : problem->budget[b];
    state->first = 0;
    return SIFT_FINE;
}
