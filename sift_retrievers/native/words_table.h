/* A set of 64-bit numbers, each with the position at which it was added. */

#ifndef SIFT_WORDS_TABLE_H
#define SIFT_WORDS_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *numbers; /* in the order in which they were added */
    size_t count;
    uint32_t *slots; /* 0: free, else the position of a number, plus 1 */
    size_t mask;
    int shift;
    uint64_t seed; /* odd, of this process: nobody can choose numbers that meet in one slot */
    size_t room;
    int sparse; /* slots for each number, at least */
} sift_table;

#define SIFT_NOT_FOUND SIZE_MAX

/* An empty table with room for some numbers; `sparse` slots for each: the more, the fewer
 * comparisons with others. -1 where there is no memory. To be freed in any case. */
int sift_table_make(sift_table *table, size_t room, int sparse, uint64_t seed);
void sift_table_free(sift_table *table);

/* The position of a number, which is added where it is new; SIFT_NOT_FOUND without memory. */
size_t sift_table_add(sift_table *table, uint64_t number);

/* A seed of this process; needs the GIL. */
uint64_t sift_seed(void);

/* The position of a number, or SIFT_NOT_FOUND. */
static inline size_t sift_table_find(const sift_table *table, uint64_t number)
{
    size_t slot = (size_t)(number * table->seed >> table->shift);
    uint32_t at;
    while ((at = table->slots[slot]) != 0) {
        if (table->numbers[at - 1] == number)
            return at - 1;
        slot = (slot + 1) & table->mask;
    }
    return SIFT_NOT_FOUND;
}

#endif
