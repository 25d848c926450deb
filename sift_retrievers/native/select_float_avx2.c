/* The selection in float, for processors with AVX2 and FMA. */

#include "processor.h"

#if SIFT_AVX2
#define REAL float
#define SELECT sift_select_float_avx2
#define FOR_AVX2
#include "select_body.h"
#endif
