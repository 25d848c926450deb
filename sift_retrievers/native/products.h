/* Inner products of vectors of REAL; included by select_body.h, once for each kind of code.
 *
 * A sum is kept in four vector registers, so that additions need not wait for one another, and
 * every pair of vectors is summed in the same order by all functions: equal vectors give equal bits
 * wherever they stand.
 */

#if defined(__GNUC__) || defined(__clang__)

typedef REAL LANES __attribute__((vector_size(VECTOR_BYTES)));
enum { WIDTH = VECTOR_BYTES / sizeof(REAL) };

static inline LANES load(const REAL *from)
{
    LANES lanes;
    memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

static inline LANES add_product(LANES sum, LANES a, LANES b)
{
    return sum + a * b;
}

static inline LANES add(LANES a, LANES b)
{
    return a + b;
}

static inline REAL lane(LANES lanes, int number)
{
    return lanes[number];
}

#else

enum { WIDTH = 4 };
typedef struct {
    REAL of[4];
} LANES;

static inline LANES load(const REAL *from)
{
    LANES lanes;
    memcpy(lanes.of, from, sizeof lanes.of);
    return lanes;
}

static inline LANES add_product(LANES sum, LANES a, LANES b)
{
    for (int l = 0; l < WIDTH; l++)
        sum.of[l] += a.of[l] * b.of[l];
    return sum;
}

static inline LANES add(LANES a, LANES b)
{
    for (int l = 0; l < WIDTH; l++)
        a.of[l] += b.of[l];
    return a;
}

static inline REAL lane(LANES lanes, int number)
{
    return lanes.of[number];
}

#endif

/* The sum of four registers and of the products that are left, from `start` on. */
static inline REAL total(const LANES sums[4], const REAL *a, const REAL *b, size_t start,
                         size_t dim)
{
    LANES sum = add(add(sums[0], sums[1]), add(sums[2], sums[3]));
    REAL lanes[WIDTH], result;
    size_t j;
    int width;
    for (; start + WIDTH <= dim; start += WIDTH)
        sum = add_product(sum, load(a + start), load(b + start));
    for (int l = 0; l < WIDTH; l++)
        lanes[l] = lane(sum, l);
    for (width = WIDTH / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            lanes[l] += lanes[l + width];
    result = lanes[0];
    for (j = start; j < dim; j++)
        result += a[j] * b[j];
    return result;
}

/* <a, b> */
static REAL product(const REAL *a, const REAL *b, size_t dim)
{
    LANES sums[4] = {{0}, {0}, {0}, {0}};
    size_t j = 0;
    for (; j + 4 * WIDTH <= dim; j += 4 * WIDTH)
        for (int s = 0; s < 4; s++)
            sums[s] = add_product(sums[s], load(a + j + s * WIDTH), load(b + j + s * WIDTH));
    return total(sums, a, b, j, dim);
}

/* <a, y> and <b, y>: y is read once. */
static void two_products(const REAL *y, const REAL *a, const REAL *b, size_t dim, REAL *of_a,
                         REAL *of_b)
{
    LANES sums_a[4] = {{0}, {0}, {0}, {0}}, sums_b[4] = {{0}, {0}, {0}, {0}};
    size_t j = 0;
    for (; j + 4 * WIDTH <= dim; j += 4 * WIDTH)
        for (int s = 0; s < 4; s++) {
            LANES part = load(y + j + s * WIDTH);
            sums_a[s] = add_product(sums_a[s], load(a + j + s * WIDTH), part);
            sums_b[s] = add_product(sums_b[s], load(b + j + s * WIDTH), part);
        }
    *of_a = total(sums_a, a, y, j, dim);
    *of_b = total(sums_b, b, y, j, dim);
}

/* <x, x> and <x, y>: x is read once. */
static void square_and_product(const REAL *x, const REAL *y, size_t dim, REAL *square, REAL *of_y)
{
    LANES squares[4] = {{0}, {0}, {0}, {0}}, sums[4] = {{0}, {0}, {0}, {0}};
    size_t j = 0;
    for (; j + 4 * WIDTH <= dim; j += 4 * WIDTH)
        for (int s = 0; s < 4; s++) {
            LANES part = load(x + j + s * WIDTH);
            squares[s] = add_product(squares[s], part, part);
            sums[s] = add_product(sums[s], part, load(y + j + s * WIDTH));
        }
    *square = total(squares, x, x, j, dim);
    *of_y = total(sums, x, y, j, dim);
}

/* <x_j, y> of several vectors. */
static void products(const REAL *y, const REAL *const *x, size_t count, size_t dim, REAL *out)
{
    size_t j = 0;
    for (; j + 2 <= count; j += 2)
        two_products(y, x[j], x[j + 1], dim, &out[j], &out[j + 1]);
    if (j < count)
        out[j] = product(x[j], y, dim);
}
