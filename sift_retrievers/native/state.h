/* The working memory of a call, named as in the reference: c, v, u, sigma, r, rows. */

/* Inner products between candidates are kept for later queries up to this many bytes. */
#define CACHE_BYTES ((size_t)1 << 26)
/* Queries with one pool, whose products with all candidates are computed in one pass. */
#define TOGETHER ((size_t)8)
/* Rows of products that are computed in one pass over the candidates. */
enum { AHEAD = 4 };
/* The lazy rule asks for few products: a row of the cache must be cheap to clear. */
#define LAZY_ROW_BYTES ((size_t)1 << 15)

#define NO_ROW SIZE_MAX

/* What is known of the vectors themselves; of all queries where they share a pool. */
struct cache {
    int shared;
    size_t entries;  /* vectors: N where shared, else at most K */
    REAL *squares;   /* [entries] squared lengths; NaN until computed */
    int partial;     /* rows are filled entry by entry, NaN until computed; else at once */
    size_t capacity; /* rows of products that there is room for */
    size_t used;
    size_t asked;    /* how often a row was wanted */
    size_t *row_of;  /* [entries] number of the row of products with this vector, or NO_ROW */
    REAL *rows;      /* [capacity, entries] inner products */
};

struct state {
    struct cache cache;
    size_t steps; /* picks that can be made at most, by any query */

    /* One query's candidates: those whose id is not -1. All arrays below have K places. */
    size_t count;
    const REAL **x;   /* their vectors */
    size_t *position; /* where they stand among the K */
    size_t *entry;    /* where they stand in the cache */
    REAL *scale;      /* 1 / length; 0 for a zero vector */
    REAL *r;          /* weights; 1 without */
    double *z;        /* relevance, while weights are computed */
    size_t together;  /* queries of one first pass */
    REAL *products;   /* [together, m, count] of that pass; the queries' c */
    REAL *c;          /* [m, count] covariances of targets and candidates */
    REAL *v;          /* variances of the candidates */
    REAL *u;          /* variances if the targets were known; for the entropy */
    REAL *score;
    REAL *shut;       /* 0, or -infinity for a candidate that may not be picked (any more) */
    REAL *prior;      /* k(x_i, .) of the pick i */
    REAL *rows;       /* [steps, count] factor; of the lazy rule [count, steps] */
    REAL *u_rows;     /* [m + steps, count] factor of u; for the entropy */
    size_t *updated;  /* lazy rule: how many picks v, c and the factor take into account */

    REAL *target_scale; /* [m] 1 / length */
    double *sigma;      /* [m] posterior variances of the targets */
    double *floors;     /* [m] sigma > 0 for noise > 0, in rounded arithmetic too */
    double variance;    /* sum of sigma */
    REAL *a;            /* [m], of the lazy rule [m, steps]: what a pick tells of the targets */
    REAL *roots;        /* [steps] lazy rule: sqrt(v + noise) of the picks */
    size_t *picks;      /* [steps] */
    double left;        /* of the budget */
    double first;       /* score of the first pick */
    size_t work;        /* multiplications since the user was asked whether to stop */
    int interrupted;    /* the answer */
};

static void lay_out(struct state *state, const struct sift_problem *problem,
                    struct sift_memory *memory)
{
    size_t count = problem->candidates, m = problem->target_count, steps;
    int lazy = problem->objective == SIFT_UNDIRECTED;
    int entropy = problem->objective == SIFT_ENTROPY;
    struct cache *cache = &state->cache;
    size_t row_bytes, wanted;

    steps = problem->k;
    if (count == 0 || (!problem->replacement && steps > count))
        steps = count;
    state->steps = steps;

    /* With ids, nothing may cost as much as the matrix they point into, unless they name as many
     * rows as it has. */
    cache->shared = problem->pools == 1 && problem->batch > 1 &&
                    (problem->ids == NULL ||
                     (count > 0 && problem->batch >= problem->pool_size / count));
    cache->entries = cache->shared ? problem->pool_size : count;
    row_bytes = cache->entries * sizeof(REAL);
    state->together = 1;
    if (cache->shared && problem->ids == NULL && row_bytes <= CACHE_BYTES / TOGETHER / m)
        state->together = TOGETHER;
    wanted = 0;
    if (cache->shared)
        wanted = lazy && row_bytes > LAZY_ROW_BYTES ? 0 : cache->entries;
    else if (!lazy)
        wanted = steps < count / AHEAD ? AHEAD * steps : count;
    if (row_bytes > 0 && wanted > CACHE_BYTES / row_bytes)
        wanted = CACHE_BYTES / row_bytes;
    cache->capacity = wanted;
    cache->partial = lazy || (cache->shared && problem->ids != NULL);
    cache->squares = sift_take(memory, cache->entries, sizeof(REAL));
    cache->row_of = sift_take(memory, wanted > 0 ? cache->entries : 0, sizeof(size_t));

    state->x = sift_take(memory, count, sizeof(REAL *));
    state->position = sift_take(memory, count, sizeof(size_t));
    state->entry = sift_take(memory, count, sizeof(size_t));
    state->scale = sift_take(memory, count, sizeof(REAL));
    state->r = sift_take(memory, count, sizeof(REAL));
    state->z = sift_take(memory, problem->gamma >= 0 ? count : 0, sizeof(double));
    state->v = sift_take(memory, count, sizeof(REAL));
    state->u = sift_take(memory, entropy ? count : 0, sizeof(REAL));
    state->score = sift_take(memory, count, sizeof(REAL));
    state->shut = sift_take(memory, count, sizeof(REAL));
    state->prior = sift_take(memory, count, sizeof(REAL));
    state->updated = sift_take(memory, lazy ? count : 0, sizeof(size_t));
    state->target_scale = sift_take(memory, m, sizeof(REAL));
    state->sigma = sift_take(memory, m, sizeof(double));
    state->floors = sift_take(memory, m, sizeof(double));
    state->roots = sift_take(memory, lazy ? steps : 0, sizeof(REAL));
    state->picks = sift_take(memory, steps, sizeof(size_t));
    state->a = sift_take_table(memory, m, lazy ? steps : 1, sizeof(REAL));
    state->products = sift_take_table(memory, state->together * m, count, sizeof(REAL));
    /* The large ones last: what is not used of them is never touched. */
    state->u_rows = sift_take_table(memory, entropy ? m + steps : 0, count, sizeof(REAL));
    state->rows = sift_take_table(memory, steps, count, sizeof(REAL));
    cache->rows = sift_take_table(memory, wanted, cache->entries, sizeof(REAL));
}

/* Forget what is known of the vectors. */
static void clear(struct cache *cache)
{
    for (size_t e = 0; e < cache->entries; e++)
        cache->squares[e] = (REAL)NAN;
    if (cache->capacity > 0)
        for (size_t e = 0; e < cache->entries; e++)
            cache->row_of[e] = NO_ROW;
    cache->used = 0;
    cache->asked = 0;
}

/* A row of the cache for the products with a vector, or NULL where there is no room. */
static REAL *cached_row(struct cache *cache, size_t entry)
{
    REAL *row;
    if (cache->capacity == 0)
        return NULL;
    if (cache->row_of[entry] == NO_ROW) {
        if (cache->used == cache->capacity)
            return NULL;
        cache->row_of[entry] = cache->used++;
        row = cache->rows + cache->row_of[entry] * cache->entries;
        for (size_t e = 0; cache->partial && e < cache->entries; e++)
            row[e] = (REAL)NAN;
    }
    return cache->rows + cache->row_of[entry] * cache->entries;
}
