/* Whether the code for processors with AVX2 and FMA, or AVX-512, exists, and whether it may run.
 *
 * GCC and Clang compile functions for a processor that the machine may not have, and say at run
 * time which one it is. With other compilers, and on other processors, the portable code runs.
 */

#ifndef SIFT_PROCESSOR_H
#define SIFT_PROCESSOR_H

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(SIFT_PORTABLE)
#define SIFT_AVX2 1
#else
#define SIFT_AVX2 0
#endif

static inline int sift_has_avx2(void)
{
#if SIFT_AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

/* The same for AVX-512, whose registers are twice as wide. SIFT_NO_AVX512 is for the fuzzer, which
 * attacks each kind of code. */
static inline int sift_has_avx512(void)
{
#if SIFT_AVX2 && !defined(SIFT_NO_AVX512)
    return sift_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

#endif
