/* What differs between float and double, and the compiler's leave to use AVX2: the beginning of
 * each of the four compilations of select_body.h. REAL is float or double. */

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "select.h"

#if defined(FOR_AVX2)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define VECTOR_BYTES 32
#elif defined(FOR_AVX512)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx2,fma")
#endif
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 16
#endif

/* Squared lengths in which no digit is lost, nor in their products with one another: below, they
 * are rounded to the smallest numbers that there are; above, they overflow. */
#define IS_FLOAT (sizeof(REAL) == sizeof(float))
#define EPSILON (IS_FLOAT ? (double)FLT_EPSILON : DBL_EPSILON)
#define SMALLEST_SQUARE (IS_FLOAT ? 1e-30 : 1e-280)
#define LARGEST_SQUARE (IS_FLOAT ? 1e36 : 1e300)
/* The linear kernel squares covariances, which are as large as squared lengths. */
#define LARGEST_LINEAR (IS_FLOAT ? 1e18 : 1e150)

static inline REAL root_of(REAL x)
{
    return IS_FLOAT ? (REAL)sqrtf((float)x) : (REAL)sqrt((double)x);
}

static inline REAL exp_of(REAL x)
{
    return IS_FLOAT ? (REAL)expf((float)x) : (REAL)exp((double)x);
}
