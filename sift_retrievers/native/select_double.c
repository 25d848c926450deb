/* The selection in double, for any processor. */

#define REAL double
#define SELECT sift_select_double
#include "select_body.h"
