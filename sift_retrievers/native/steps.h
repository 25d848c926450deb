/* What the eager and the lazy rule share: ties, what a pick leaves of sigma, who is shut out. */

/* Multiplications between two questions whether to stop: some hundredths of a second. */
#define WORK_BETWEEN ((size_t)1 << 27)

/* Whether the user wants to stop; `work` is about what was multiplied since the last call. */
static int is_interrupted(const struct sift_problem *problem, struct state *state, size_t work)
{
    state->work += work < WORK_BETWEEN ? work : WORK_BETWEEN;
    if (state->work >= WORK_BETWEEN) {
        state->work = 0;
        if (problem->interrupted(problem->caller))
            state->interrupted = 1;
    }
    return state->interrupted;
}

/* Scores within this multiple of EPSILON times sqrt(best * first) are ties. */
#define TIES 16

/* Information gains are compared as gain = 1/2 log(1 + key / unit), which needs no logarithm. */
static int compares_keys(const struct sift_problem *problem)
{
    return problem->objective != SIFT_VARIANCE;
}

static double key_unit(const struct sift_problem *problem)
{
    return problem->objective == SIFT_UNDIRECTED ? problem->noise : 1;
}

/* From the best score, or key, of pick n: the least one that ties with it (rule 2). */
static REAL least_tie(const struct sift_problem *problem, struct state *state, REAL best, size_t n)
{
    int keys = compares_keys(problem);
    double unit = key_unit(problem), score = (double)best, least;
    if (keys)
        score = 0.5 * log1p(score / unit);
    if (n == 0)
        state->first = score;
    least = score - TIES * EPSILON * sqrt(score * state->first);
    if (keys)
        least = unit * expm1(2 * least);
    return (REAL)least < best ? (REAL)least : best;
}

/* What the covariances a = c_i / sqrt(p) of the pick take off sigma; returns their sum. */
static double lower_sigma(const struct sift_problem *problem, struct state *state, const REAL *a,
                          size_t stride)
{
    double lowered = 0;
    state->variance = 0;
    for (size_t t = 0; t < problem->target_count; t++) {
        double of_target = (double)a[t * stride] * (double)a[t * stride];
        double sigma = state->sigma[t] - of_target;
        state->sigma[t] = sigma > state->floors[t] ? sigma : state->floors[t];
        lowered += of_target;
        state->variance += state->sigma[t];
    }
    return lowered;
}

static double cost_of(const struct sift_problem *problem, const struct state *state, size_t b,
                      size_t j)
{
    return problem->costs[b * problem->candidates + state->position[j]];
}

/* Rule 3: shut out what costs more than is left. What is left only falls, so this is for good.
 * Ten costs of 0.1 fit a budget of 1, though their sum in double is larger. */
static void shut_unaffordable(const struct sift_problem *problem, struct state *state, size_t b)
{
    double limit;
    if (problem->budget == NULL)
        return;
    limit = state->left + 1e-12 * problem->budget[b];
    for (size_t j = 0; j < state->count; j++)
        if (!(cost_of(problem, state, b, j) <= limit))
            state->shut[j] = -INFINITY;
}

/* Pay for the pick i, and shut it out with its group. */
static void take(const struct sift_problem *problem, struct state *state, size_t b, size_t i)
{
    if (problem->budget != NULL)
        state->left -= cost_of(problem, state, b, i);
    if (problem->groups != NULL) {
        const int64_t *groups = problem->groups + b * problem->candidates;
        int64_t group = groups[state->position[i]];
        for (size_t j = 0; j < state->count; j++)
            if (groups[state->position[j]] == group)
                state->shut[j] = -INFINITY;
    }
    if (!problem->replacement)
        state->shut[i] = -INFINITY;
}

static REAL largest_of(const REAL *values, size_t count)
{
    REAL largest[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}; /* need not wait for another */
    size_t j = 0;
    for (; j + 4 <= count; j += 4)
        for (int l = 0; l < 4; l++)
            largest[l] = values[j + l] > largest[l] ? values[j + l] : largest[l];
    for (; j < count; j++)
        largest[0] = values[j] > largest[0] ? values[j] : largest[0];
    for (int l = 1; l < 4; l++)
        largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
    return largest[0];
}

static size_t first_at_least(const REAL *values, size_t count, REAL least)
{
    size_t j = 0;
    while (j < count && !(values[j] >= least))
        j++;
    return j;
}
