/* The kernels' formulas as functions of inner products g; of unit vectors, except for the linear
 * kernel. The same formulas, for arrays of numpy and torch, are in sift_retrievers/kernels. */

static int normalizes(const struct sift_problem *problem)
{
    return problem->kernel != SIFT_LINEAR;
}

/* g <- k(x, y) of passages */
static void of_passages(const struct sift_problem *problem, REAL *g, size_t count)
{
    REAL sharpness = (REAL)problem->sharpness, error = (REAL)problem->error;
    if (problem->kernel == SIFT_EXPONENTIAL)
        for (size_t j = 0; j < count; j++)
            g[j] = exp_of(sharpness * (g[j] - 1));
    else if (problem->kernel == SIFT_SHARED_NOISE)
        for (size_t j = 0; j < count; j++)
            g[j] += error * exp_of(sharpness * (g[j] - 1));
}

/* g <- k(x*, x) of a target and passages */
static void of_target_and_passages(const struct sift_problem *problem, REAL *g, size_t count)
{
    if (problem->kernel == SIFT_EXPONENTIAL) {
        double radius = problem->radius;
        REAL slope = (REAL)(problem->sharpness * radius);
        REAL offset = (REAL)(0.5 * problem->sharpness * (1 + radius * radius));
        for (size_t j = 0; j < count; j++)
            g[j] = exp_of(slope * g[j] - offset);
    }
}

/* k(x, x) of a passage from its squared length */
static REAL of_itself(const struct sift_problem *problem, REAL square)
{
    REAL g = square;
    if (normalizes(problem))
        g = square > 0 ? (REAL)1 : (REAL)0;
    of_passages(problem, &g, 1);
    return g;
}
