/* Open addressing, by the upper bits of a product with a secret odd number. */

#include "words_table.h"

#include "native.h"

#include <stdlib.h>
#include <string.h>

#define MOST_NUMBERS ((size_t)1 << 30)
#define MOST_SPARSE 18 /* bits: beyond a megabyte of slots it is twice the numbers that there are */

/* Slots for `room` numbers, which takes those that are there along. */
static int resize(sift_table *table, size_t room)
{
    if (room > MOST_NUMBERS)
        return -1;
    int bits = 6;
    while (((size_t)1 << bits) < 2 * room ||
           (((size_t)1 << bits) < room * (size_t)table->sparse && bits < MOST_SPARSE))
        bits++;
    uint32_t *slots = calloc((size_t)1 << bits, sizeof *slots);
    uint64_t *numbers = realloc(table->numbers, (room + 1) * sizeof *numbers);
    if (numbers != NULL)
        table->numbers = numbers;
    if (slots == NULL || numbers == NULL) {
        free(slots);
        return -1;
    }
    free(table->slots);
    table->slots = slots;
    table->mask = ((size_t)1 << bits) - 1;
    table->shift = 64 - bits;
    table->room = room;
    for (size_t i = 0; i < table->count; i++) {
        size_t slot = (size_t)(numbers[i] * table->seed >> table->shift);
        while (slots[slot] != 0)
            slot = (slot + 1) & table->mask;
        slots[slot] = (uint32_t)(i + 1);
    }
    return 0;
}

int sift_table_make(sift_table *table, size_t room, int sparse, uint64_t seed)
{
    memset(table, 0, sizeof *table);
    table->seed = seed | 1;
    table->sparse = sparse;
    return resize(table, room);
}

void sift_table_free(sift_table *table)
{
    free(table->slots);
    free(table->numbers);
    table->slots = NULL;
    table->numbers = NULL;
}

size_t sift_table_add(sift_table *table, uint64_t number)
{
    size_t found = sift_table_find(table, number);
    if (found != SIFT_NOT_FOUND)
        return found;
    if (table->count == table->room && resize(table, 2 * table->room + 16) < 0)
        return SIFT_NOT_FOUND;
    size_t slot = (size_t)(number * table->seed >> table->shift);
    while (table->slots[slot] != 0)
        slot = (slot + 1) & table->mask;
    table->numbers[table->count] = number;
    table->slots[slot] = (uint32_t)++table->count;
    return table->count - 1;
}

uint64_t sift_seed(void)
{
    /* Python's hash of a string differs from process to process. */
    PyObject *text = PyUnicode_FromString("sift_retrievers");
    Py_hash_t hash = text == NULL ? 0 : PyObject_Hash(text);
    if (text == NULL)
        PyErr_Clear();
    Py_XDECREF(text);
    /* Both halves are random, and the product uses all bits. */
    uint64_t seed = (uint64_t)(int64_t)hash;
    return (seed ^ seed << 32) | 1;
}
