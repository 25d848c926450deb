/* The greedy selection of sift_retrievers/selection's reference, for a batch of queries. Included
 * by one file a type and processor, which defines REAL (float or double) and SELECT, its name. */

#include "real.h"

#include "products.h"

#include "state.h"

#include "covariances.h"

#include "prepare.h"

#include "steps.h"

#include "eager.h"

#include "lazy.h"

static int select_all(const struct sift_problem *problem, struct state *state)
{
    size_t k = problem->k;
    clear(&state->cache);
    state->work = 0;
    state->interrupted = 0;
    for (size_t b = 0; b < problem->batch; b++) {
        int64_t *indices = problem->indices + b * k;
        REAL *gains = (REAL *)problem->gains + b * k;
        REAL *variance = (REAL *)problem->variance + b * (k + 1);
        size_t made;
        int status = prepare(problem, state, b);
        if (status != SIFT_FINE)
            return status;
        if (is_interrupted(problem, state, state->count * problem->dim * problem->target_count))
            return SIFT_INTERRUPTED;
        variance[0] = (REAL)state->variance;
        if (problem->objective == SIFT_UNDIRECTED)
            made = pick_lazily(problem, state, b, gains, variance);
        else
            made = pick_eagerly(problem, state, b, gains, variance);
        if (state->interrupted)
            return SIFT_INTERRUPTED;
        for (size_t n = 0; n < made; n++)
            indices[n] = (int64_t)state->position[state->picks[n]];
        for (size_t n = made; n < k; n++) {
            indices[n] = -1;
            gains[n] = 0;
            variance[n + 1] = variance[n];
        }
    }
    return SIFT_FINE;
}

int SELECT(const struct sift_problem *problem)
{
    struct sift_memory memory = {NULL, 0, 0};
    struct state state;
    void *block;
    int status;
    lay_out(&state, problem, &memory);
    if (memory.failed)
        return SIFT_NO_MEMORY;
    block = malloc(memory.used + SIFT_ALIGNMENT);
    if (block == NULL)
        return SIFT_NO_MEMORY;
    memory.used = 0;
    memory.block = (char *)(((uintptr_t)block + SIFT_ALIGNMENT - 1) / SIFT_ALIGNMENT *
                            SIFT_ALIGNMENT);
    lay_out(&state, problem, &memory);
    status = select_all(problem, &state);
    free(block);
    return status;
}

#if (defined(FOR_AVX2) || defined(FOR_AVX512)) && defined(__clang__)
#pragma clang attribute pop
#endif
