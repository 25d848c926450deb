/* The selection in double, for processors with AVX2 and FMA. */

#include "processor.h"

#if SIFT_AVX2
#define REAL double
#define SELECT sift_select_double_avx2
#define FOR_AVX2
#include "select_body.h"
#endif
