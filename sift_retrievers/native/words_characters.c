/* One text: its characters, what they are, and where its head and its name end. */

#include "words_characters.h"

#include <string.h>

#define LONGEST_HEAD ((size_t)80)
#define SHORTEST_NAME ((size_t)4)
#define LONGEST_NAME ((size_t)60)

const unsigned char SIFT_LETTERS[256] = {
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
    ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',
    ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',
    ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
    ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
    ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f',
    ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm',
    ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static inline uint32_t code_at(const sift_text *text, size_t i)
{
    return text->ascii != NULL ? text->ascii[i] : text->codes[i];
}

static inline unsigned char entry_of(const sift_text *text, uint32_t code)
{
    return code < SIFT_CODES ? text->table[code] : 0;
}

static int is_space(const sift_text *text, size_t i)
{
    uint32_t code = code_at(text, i);
    if (code < 128) /* as Python's str.isspace */
        return code == ' ' || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
    return (entry_of(text, code) & SIFT_SPACE) != 0;
}

static int is_blank(const sift_text *text, size_t from)
{
    while (from < text->size && is_space(text, from))
        from++;
    return from == text->size;
}

void sift_lay_out(sift_text *text)
{
    size_t blanks = 0;
    while (blanks < text->size && is_space(text, blanks))
        blanks++;
    if (text->ascii != NULL)
        text->ascii += blanks;
    else
        text->codes += blanks;
    text->size -= blanks;
    size_t line = text->size;
    if (text->ascii != NULL) {
        const unsigned char *end = memchr(text->ascii, '\n', text->size);
        line = end != NULL ? (size_t)(end - text->ascii) : text->size;
    } else {
        for (line = 0; line < text->size && text->codes[line] != '\n'; line++)
            ;
    }
    text->head = line < LONGEST_HEAD ? line : LONGEST_HEAD;
    text->name = 0;
    if (line == text->size || is_blank(text, line + 1))
        return;
    size_t end = 0;
    while (end < line && code_at(text, end) != '(')
        end++;
    while (end > 0 && is_space(text, end - 1))
        end--;
    if (end >= SHORTEST_NAME && end <= LONGEST_NAME)
        text->name = end;
}

void sift_classify(sift_text *text)
{
    size_t kept = 0, head = text->head, name = text->name;
    for (size_t i = 0; i < text->size; i++) {
        if (i == head)
            text->head = kept;
        if (i == name)
            text->name = kept;
        uint32_t code = text->codes[i];
        unsigned char kind;
        if (code < 128)
            kind = SIFT_LETTERS[code] ? SIFT_WORD : SIFT_GAP;
        else
            kind = entry_of(text, code) & SIFT_KIND;
        text->letters[kept] = (uint16_t)(code ^ (code >> 16) * UINT32_C(0x9E37));
        text->kinds[kept] = kind;
        kept += kind != SIFT_DROPPED;
    }
    if (head >= text->size)
        text->head = kept;
    if (name >= text->size)
        text->name = kept;
    text->size = kept;
    text->kinds[kept] = SIFT_GAP;
    text->letters[kept] = 0;
}

void sift_count_before(const sift_text *text, size_t end, size_t *words, size_t *grams)
{
    unsigned char before = SIFT_GAP;
    *words = *grams = 0;
    for (size_t i = 0; i < end && i < text->size; i++) {
        unsigned char kind, after = SIFT_GAP;
        if (text->ascii != NULL) {
            kind = SIFT_LETTERS[text->ascii[i]] ? SIFT_WORD : SIFT_GAP;
            if (i + 1 < text->size)
                after = SIFT_LETTERS[text->ascii[i + 1]] ? SIFT_WORD : SIFT_GAP;
        } else {
            kind = text->kinds[i];
            after = text->kinds[i + 1];
        }
        if (kind == SIFT_WORD) {
            *words += before != SIFT_WORD;
            *grams += after == SIFT_WORD;
        } else if (kind == SIFT_DENSE) {
            *words += after == SIFT_DENSE || before != SIFT_DENSE;
            *grams += 1;
        }
        before = kind;
    }
}

size_t sift_bare_size(const sift_text *text)
{
    size_t size = text->size;
    while (size > 0 && is_space(text, size - 1))
        size--;
    return size;
}
