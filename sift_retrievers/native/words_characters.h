/* One text: its characters, what they are, and where its head and its name end. */

#ifndef SIFT_WORDS_CHARACTERS_H
#define SIFT_WORDS_CHARACTERS_H

#include <stddef.h>
#include <stdint.h>

/* What an entry of the table of characters says; characters.py. */
enum { SIFT_GAP, SIFT_WORD, SIFT_DENSE, SIFT_DROPPED, SIFT_KIND = 3, SIFT_SPACE = 4 };

#define SIFT_CODES 0x110000

/* Letters and digits of ASCII in lower case; 0 for all else. */
extern const unsigned char SIFT_LETTERS[256];

/* One text, folded. */
typedef struct {
    const unsigned char *ascii; /* NULL: not in ASCII */
    uint32_t *codes;            /* else its code points, folded */
    uint16_t *letters;          /* those of them that count, in 16 bits, */
    unsigned char *kinds;       /* and what they are, with a gap at the end */
    const unsigned char *table; /* of all code points */
    size_t size;
    size_t head; /* where the head ends */
    size_t name; /* where the name ends; 0: none */
} sift_text;

/* Takes the blanks before the text away, and finds where head and name end. */
void sift_lay_out(sift_text *text);

/* The size of the text without the blanks behind it. */
size_t sift_bare_size(const sift_text *text);

/* What the code points are; those that do not count are left out, so that no gap is left. */
void sift_classify(sift_text *text);

/* How many words and grams begin before `end`; a gram begins at its second character. */
void sift_count_before(const sift_text *text, size_t end, size_t *words, size_t *grams);

#endif
