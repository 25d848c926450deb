/* The terms of texts as blocks of 64-bit numbers, and the hashes that they are made of.
 *
 * One text is one `bytes` object: eight counts, its words, its phrases, its character 4-grams. Its
 * layout is that of sift_retrievers/witnesses/terms.py, which says what a word, phrase, gram is.
 */

#ifndef SIFT_WORDS_TERMS_H
#define SIFT_WORDS_TERMS_H

#include "native.h"

#include <stdint.h>
#include <string.h>

enum {
    AT_WORDS,
    AT_PHRASES,
    AT_GRAMS,
    AT_HEAD_WORDS,
    AT_HEAD_GRAMS,
    AT_NAME,
    AT_NAME_WORDS,
    COUNTS = 8, /* the last is 0 */
};

/* The constants of terms.py. */
#define MIX0 UINT64_C(0x9E3779B97F4A7C15)
#define MIX1 UINT64_C(0xC2B2AE3D27D4EB4F)
#define MIX2 UINT64_C(0x165667B19E3779F9)
#define MIX3 UINT64_C(0x27D4EB2F165667C5)
#define BASE MIX0
#define BEGIN UINT64_C(0x5851F42D4C957F2D)
#define END UINT64_C(0x14057B7EF767814F)

/* One block, checked: the counts fit its length. The numbers may stand at any address. */
typedef struct {
    const char *words;
    const char *phrases;
    const char *grams;
    size_t word_count;
    size_t phrase_count; /* word_count; of a text without words 0 or 1 */
    size_t gram_count;
    size_t head_words;
    size_t head_grams;
    uint64_t name;
    size_t name_words; /* 0: no name */
} sift_terms;

/* n blocks, held by a tuple of their own. */
typedef struct {
    PyObject *owner;
    sift_terms *each;
    size_t count;
    size_t words; /* of all */
    size_t phrases;
    size_t grams;
} sift_blocks;

/* The block of one `bytes` object; -1 with an exception where it is none. */
int sift_block(PyObject *bytes, sift_terms *block);

/* The blocks of a sequence of `bytes`; -1 with an exception. To be released in any case. */
int sift_blocks_from(PyObject *sequence, sift_blocks *blocks);
void sift_blocks_release(sift_blocks *blocks);

static inline uint64_t number_at(const char *numbers, size_t i)
{
    uint64_t number;
    memcpy(&number, numbers + 8 * i, 8);
    return number;
}

/* The hash of a sequence that goes on: of what was before, and of the next. */
static inline uint64_t combined(uint64_t first, uint64_t second)
{
    uint64_t mixed = (first * MIX1) ^ (second * MIX0);
    return (mixed ^ mixed >> 32) * MIX3;
}

#endif
