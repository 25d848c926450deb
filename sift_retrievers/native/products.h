/* Inner products of vectors of REAL; included by select_body.h.
 *
 * A sum is kept in several vector registers, so that additions need not wait for one another. Every
 * function sums in one order, whatever stands beside: equal vectors give equal bits.
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

/* The sum of the lanes, and of the products that are left from `start` on. */
static inline REAL total(LANES sum, const REAL *a, const REAL *b, size_t start, size_t dim)
{
    REAL lanes[WIDTH], result;
    for (; start + WIDTH <= dim; start += WIDTH)
        sum = add_product(sum, load(a + start), load(b + start));
    for (int l = 0; l < WIDTH; l++)
        lanes[l] = lane(sum, l);
    for (int width = WIDTH / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            lanes[l] += lanes[l + width];
    result = lanes[0];
    for (; start < dim; start++)
        result += a[start] * b[start];
    return result;
}

static inline LANES sum_of(const LANES sums[4])
{
    return add(add(sums[0], sums[1]), add(sums[2], sums[3]));
}

/* <a, b> */
static REAL product(const REAL *a, const REAL *b, size_t dim)
{
    LANES sums[4] = {{0}, {0}, {0}, {0}};
    size_t j = 0;
    for (; j + 4 * WIDTH <= dim; j += 4 * WIDTH)
        for (int s = 0; s < 4; s++)
            sums[s] = add_product(sums[s], load(a + j + s * WIDTH), load(b + j + s * WIDTH));
    return total(sum_of(sums), a, b, j, dim);
}

/* <x, y> and <x, z>, summed as `product` does: x is read once. */
static void two_products(const REAL *x, const REAL *y, const REAL *z, size_t dim, REAL *of_y,
                         REAL *of_z)
{
    LANES sums_y[4] = {{0}, {0}, {0}, {0}}, sums_z[4] = {{0}, {0}, {0}, {0}};
    size_t j = 0;
    for (; j + 4 * WIDTH <= dim; j += 4 * WIDTH)
        for (int s = 0; s < 4; s++) {
            LANES part = load(x + j + s * WIDTH);
            sums_y[s] = add_product(sums_y[s], part, load(y + j + s * WIDTH));
            sums_z[s] = add_product(sums_z[s], part, load(z + j + s * WIDTH));
        }
    *of_y = total(sum_of(sums_y), x, y, j, dim);
    *of_z = total(sum_of(sums_z), x, z, j, dim);
}

/* <x, x> and <x, y>, summed as `product` does: x is read once. */
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
    *square = total(sum_of(squares), x, x, j, dim);
    *of_y = total(sum_of(sums), x, y, j, dim);
}

/* <a, x>, <a, y>, <b, x>, <b, y>: what is loaded is used twice, so that the processor multiplies
 * rather than loads. The order of summing is another than that of `product`. */
static void four_products(const REAL *a, const REAL *b, const REAL *x, const REAL *y, size_t dim,
                          REAL out[4])
{
    LANES ax[2] = {{0}, {0}}, ay[2] = {{0}, {0}}, bx[2] = {{0}, {0}}, by[2] = {{0}, {0}};
    size_t j = 0;
    for (; j + 2 * WIDTH <= dim; j += 2 * WIDTH)
        for (int s = 0; s < 2; s++) {
            size_t at = j + s * WIDTH;
            LANES of_a = load(a + at), of_b = load(b + at), of_x = load(x + at);
            LANES of_y = load(y + at);
            ax[s] = add_product(ax[s], of_a, of_x);
            ay[s] = add_product(ay[s], of_a, of_y);
            bx[s] = add_product(bx[s], of_b, of_x);
            by[s] = add_product(by[s], of_b, of_y);
        }
    out[0] = total(add(ax[0], ax[1]), a, x, j, dim);
    out[1] = total(add(ay[0], ay[1]), a, y, j, dim);
    out[2] = total(add(bx[0], bx[1]), b, x, j, dim);
    out[3] = total(add(by[0], by[1]), b, y, j, dim);
}
