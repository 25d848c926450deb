/* The selection in float, for any processor. */

#define REAL float
#define SELECT sift_select_float
#include "select_body.h"
