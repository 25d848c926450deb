/* All working memory of a call as one block, carved into arrays.
 *
 * The carving is written once and run twice: first without a block, which adds up the sizes, then
 * with it. An array larger than the address space makes `failed`, never a small block.
 */

#ifndef SIFT_MEMORY_H
#define SIFT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct sift_memory {
    char *block; /* NULL while the sizes are added up */
    size_t used;
    int failed;
};

#define SIFT_ALIGNMENT ((size_t)64)

static inline void *sift_take(struct sift_memory *memory, size_t count, size_t size)
{
    size_t limit = (size_t)PTRDIFF_MAX - SIFT_ALIGNMENT;
    size_t bytes;
    void *array;
    if (count != 0 && size > limit / count) {
        memory->failed = 1;
        return NULL;
    }
    bytes = (count * size + SIFT_ALIGNMENT - 1) / SIFT_ALIGNMENT * SIFT_ALIGNMENT;
    if (bytes > limit - memory->used) {
        memory->failed = 1;
        return NULL;
    }
    array = memory->block == NULL ? NULL : memory->block + memory->used;
    memory->used += bytes;
    return array;
}

/* An array of `rows` times `columns` values. */
static inline void *sift_take_table(struct sift_memory *memory, size_t rows, size_t columns,
                                    size_t size)
{
    if (columns != 0 && rows > SIZE_MAX / columns) {
        memory->failed = 1;
        return NULL;
    }
    return sift_take(memory, rows * columns, size);
}

#endif
