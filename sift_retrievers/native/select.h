/* One call of `select`, checked and without types of Python: what select_body.h solves. */

#ifndef SIFT_SELECT_H
#define SIFT_SELECT_H

#include <stddef.h>
#include <stdint.h>

enum sift_kernel { SIFT_COSINE, SIFT_LINEAR, SIFT_EXPONENTIAL, SIFT_SHARED_NOISE };
enum sift_objective { SIFT_VARIANCE, SIFT_ENTROPY, SIFT_UNDIRECTED };

/* What `_native.select` returns. The outputs mean nothing unless it is SIFT_FINE. */
enum sift_status {
    SIFT_FINE = 0,
    SIFT_NOT_FINITE = 1,  /* a target, or a vector that some query may pick */
    SIFT_ZERO_TARGET = 2,
    SIFT_OUT_OF_RANGE = 3, /* a squared length is too small or too large: scale the vectors first */
    SIFT_BAD_ID = 4,
    SIFT_NO_MEMORY = 5,   /* raised as MemoryError */
    SIFT_INTERRUPTED = 6, /* raised as what the signal's handler raised: KeyboardInterrupt */
};

/* Arrays are C-contiguous; "real" is float or double, and NULL means not given. */
struct sift_problem {
    const void *vectors;   /* real [pools, pool_size, dim] */
    size_t pools;          /* 1, shared by all queries, or `batch` */
    size_t pool_size;      /* N */
    size_t dim;            /* d */
    const int64_t *ids;    /* [batch, candidates] rows of the one pool, -1 for none; NULL: all rows */
    size_t candidates;     /* K */
    const void *targets;   /* real [batch, target_count, dim] */
    size_t batch;          /* B */
    size_t target_count;   /* m */
    enum sift_kernel kernel;
    double sharpness;      /* beta, of the kernels that have one */
    double radius;         /* exponential kernel: distance of the target from the origin */
    double error;          /* shared noise: the part of the noise that near-duplicates share */
    double gamma;          /* of the weights r = exp(gamma (z - max z)); negative: none */
    int standardized;      /* z is the relevance in standard deviations */
    const double *relevance; /* [batch, candidates]; NULL: the cosine to the nearest target */
    double rounding; /* relevances that deviate less than this count as equal: in units of the
                        largest, where relevance was given */
    enum sift_objective objective;
    const void *whitening; /* real [batch, m, m]: rows W with W prior W^T = 1; for the entropy */
    double noise;          /* lambda' */
    int positive_only;
    int replacement;
    const double *costs;   /* [batch, candidates] */
    const double *budget;  /* [batch] */
    const int64_t *groups; /* [batch, candidates] */
    size_t k;
    int64_t *indices;      /* [batch, k] positions among the K candidates; -1 after the end */
    void *gains;           /* real [batch, k] nats; 0 after the end */
    void *variance;        /* real [batch, k + 1] */
    int (*interrupted)(void *caller); /* whether to stop; asked now and then, between picks */
    void *caller;
};

/* By the type of the vectors and the processor: select_body.h, compiled four times. */
int sift_select_float(const struct sift_problem *problem);
int sift_select_double(const struct sift_problem *problem);
int sift_select_float_avx2(const struct sift_problem *problem);
int sift_select_float_avx512(const struct sift_problem *problem);
int sift_select_double_avx2(const struct sift_problem *problem);

#endif
