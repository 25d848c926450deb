/* The selection in float, for processors with AVX-512. */

#include "processor.h"

#if SIFT_AVX2
#define REAL float
#define SELECT sift_select_float_avx512
#define FOR_AVX512
#include "select_body.h"
#endif
