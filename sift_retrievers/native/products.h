/* Inner products of vectors. */

#ifndef SIFT_PRODUCTS_H
#define SIFT_PRODUCTS_H

/* GCC and Clang compile one function for several processors; MSVC does not. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(SIFT_PORTABLE)
#define SIFT_X86 1
#else
#define SIFT_X86 0
#endif

static inline int sift_has_avx2(void)
{
#if SIFT_X86
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

#endif
