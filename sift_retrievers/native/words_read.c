/* Reading: from characters to blocks of terms. The law is sift_retrievers/witnesses/reading.py. */

#include "words_terms.h"

#include <stdlib.h>

/* What an entry of the table of characters says; characters.py. */
enum { GAP, WORD, DENSE, DROPPED, KIND = 3, SPACE = 4 };

#define CODES ((Py_ssize_t)0x110000)
#define MOST_CHARACTERS ((size_t)100000)
#define LONGEST_HEAD ((size_t)80)
#define SHORTEST_NAME ((size_t)4)
#define LONGEST_NAME ((size_t)60)
#define SHORTEST_NAME_WORDS ((size_t)2)
#define EDGE UINT64_C(95)
#define LONG ((size_t)50000) /* characters that are worth letting other threads run */

/* One text, folded and without the blanks before it. */
typedef struct {
    const unsigned char *ascii; /* NULL: not in ASCII */
    uint32_t *codes;            /* else its code points, folded */
    uint16_t *letters;          /* those of them that count, in 16 bits, */
    unsigned char *kinds;       /* and what they are, with a gap at the end */
    const unsigned char *table; /* of all code points */
    size_t size;
    size_t head; /* where the head ends */
    size_t name; /* where the name ends; 0: none */
} reading;

/* What is written while a text is read. */
typedef struct {
    uint64_t *words;
    uint64_t *grams;
    size_t word_count;
    size_t gram_count;
} found_terms;

/* Letters and digits of ASCII in lower case; 0 for all else. */
static const unsigned char LETTERS[256] = {
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

static inline uint32_t code_at(const reading *text, size_t i)
{
    return text->ascii != NULL ? text->ascii[i] : text->codes[i];
}

static inline unsigned char entry_of(const reading *text, uint32_t code)
{
    return code < (uint32_t)CODES ? text->table[code] : 0;
}

static int is_space(const reading *text, size_t i)
{
    uint32_t code = code_at(text, i);
    if (code < 128) /* as Python's str.isspace */
        return code == ' ' || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
    return (entry_of(text, code) & SPACE) != 0;
}

static int is_blank(const reading *text, size_t from)
{
    while (from < text->size && is_space(text, from))
        from++;
    return from == text->size;
}

/* Takes the blanks before the text away, and finds where head and name end. */
static void lay_out(reading *text)
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

/* What the code points are; those that do not count are left out, so that no gap is left. */
static void classify(reading *text)
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
            kind = LETTERS[code] ? WORD : GAP;
        else
            kind = entry_of(text, code) & KIND;
        text->letters[kept] = (uint16_t)(code ^ (code >> 16) * UINT32_C(0x9E37));
        text->kinds[kept] = kind;
        kept += kind != DROPPED;
    }
    if (head >= text->size)
        text->head = kept;
    if (name >= text->size)
        text->name = kept;
    text->size = kept;
    text->kinds[kept] = GAP;
    text->letters[kept] = 0;
}

static inline uint64_t word_hash(uint64_t sum)
{
    return (sum ^ sum >> 31) * MIX2;
}

static inline uint64_t gram_hash(uint64_t four)
{
    uint64_t mixed = four * MIX0;
    return mixed ^ mixed >> 29;
}

/* The rest of a word and its grams, from its second letter on; gives the place behind it.
 * NEXT(i) is the letter at i, 0 where there is none. The word's hash is Σ (c + 1) base^i; a window
 * over four characters, the edges of the word among them, gives its grams. */
#define READ_WORD(i, first, NEXT)                                       \
    do {                                                                \
        uint64_t c = (first), sum = c + 1, power = BASE;                \
        uint64_t window = EDGE << 32 | c << 48;                         \
        (i)++;                                                          \
        if (NEXT(i, c)) {                                               \
            (i)++;                                                      \
            sum += (c + 1) * power;                                     \
            power *= BASE;                                              \
            window = window >> 16 | c << 48;                            \
            while (NEXT(i, c)) {                                        \
                (i)++;                                                  \
                sum += (c + 1) * power;                                 \
                power *= BASE;                                          \
                window = window >> 16 | c << 48;                        \
                *gram++ = gram_hash(window);                            \
            }                                                           \
            *gram++ = gram_hash(window >> 16 | EDGE << 48);             \
        }                                                               \
        *word++ = word_hash(sum);                                       \
    } while (0)

static void read_ascii(const reading *text, found_terms *found)
{
    const unsigned char *ascii = text->ascii;
    size_t size = text->size, i = 0;
    uint64_t *word = found->words, *gram = found->grams;
#define NEXT_ASCII(i, c) ((i) < size && ((c) = LETTERS[ascii[i]]) != 0)
    while (i < size) {
        uint64_t letter = LETTERS[ascii[i]];
        if (letter == 0)
            i++;
        else
            READ_WORD(i, letter, NEXT_ASCII);
    }
    found->word_count = (size_t)(word - found->words);
    found->gram_count = (size_t)(gram - found->grams);
}

static void read_unicode(const reading *text, found_terms *found)
{
    const uint16_t *letters = text->letters;
    const unsigned char *kinds = text->kinds; /* at `size`: a gap */
    size_t size = text->size, i = 0;
    uint64_t *word = found->words, *gram = found->grams;
#define NEXT_LETTER(i, c) (kinds[i] == WORD && ((c) = letters[i], 1))
    while (i < size) {
        if (kinds[i] == WORD) {
            READ_WORD(i, letters[i], NEXT_LETTER);
            continue;
        }
        if (kinds[i] == DENSE) {
            int after = kinds[i + 1] == DENSE, before = i > 0 && kinds[i - 1] == DENSE;
            if (after || !before) {
                uint64_t second = after ? letters[i + 1] : 0;
                uint64_t pair = (((uint64_t)letters[i] << 16) + second + MIX0) * MIX1;
                *word++ = word_hash(pair);
            }
            uint64_t single = (letters[i] + MIX2) * MIX3;
            *gram++ = single ^ single >> 29;
        }
        i++;
    }
    found->word_count = (size_t)(word - found->words);
    found->gram_count = (size_t)(gram - found->grams);
}

/* How many words and grams begin before `end`; a gram begins at its second character. */
static void count_before(const reading *text, size_t end, size_t *words, size_t *grams)
{
    unsigned char before = GAP;
    *words = *grams = 0;
    for (size_t i = 0; i < end && i < text->size; i++) {
        unsigned char kind, after = GAP;
        if (text->ascii != NULL) {
            kind = LETTERS[text->ascii[i]] ? WORD : GAP;
            if (i + 1 < text->size)
                after = LETTERS[text->ascii[i + 1]] ? WORD : GAP;
        } else {
            kind = text->kinds[i];
            after = text->kinds[i + 1];
        }
        if (kind == WORD) {
            *words += before != WORD;
            *grams += after == WORD;
        } else if (kind == DENSE) {
            *words += after == DENSE || before != DENSE;
            *grams += 1;
        }
        before = kind;
    }
}

/* The hash of the text itself, without the blanks around it: the phrase of a text without words. */
static int hash_of_text(const reading *text, const uint32_t *codes, size_t size, uint64_t *hash)
{
    PyObject *bare;
    if (text->ascii != NULL) {
        bare = PyUnicode_FromStringAndSize((const char *)text->ascii, (Py_ssize_t)size);
    } else {
        const uint16_t one = 1;
        int order = *(const unsigned char *)&one ? -1 : 1;
        bare = PyUnicode_DecodeUTF32((const char *)codes, (Py_ssize_t)(4 * size), "surrogatepass",
                                     &order);
    }
    if (bare == NULL)
        return -1;
    Py_hash_t value = PyObject_Hash(bare);
    Py_DECREF(bare);
    *hash = (uint64_t)(int64_t)value;
    return value == -1 && PyErr_Occurred() ? -1 : 0;
}

/* The block of one text that was laid out; NULL with an exception. */
static PyObject *block_of(reading *text, found_terms *found)
{
    size_t bare = text->size;
    while (bare > 0 && is_space(text, bare - 1))
        bare--;
    PyThreadState *waiting = text->size > LONG ? PyEval_SaveThread() : NULL;
    if (text->ascii != NULL) {
        read_ascii(text, found);
    } else {
        classify(text);
        read_unicode(text, found);
    }
    if (waiting != NULL)
        PyEval_RestoreThread(waiting);

    uint64_t counts[COUNTS] = {0}, itself = 0;
    size_t head_words, head_grams, name_words, unused, words = found->word_count;
    count_before(text, text->head, &head_words, &head_grams);
    count_before(text, text->name, &name_words, &unused);
    size_t phrases = words;
    if (words == 0 && bare > 0) {
        if (hash_of_text(text, text->codes, bare, &itself) < 0)
            return NULL;
        phrases = 1;
    }
    counts[AT_WORDS] = words;
    counts[AT_PHRASES] = phrases;
    counts[AT_GRAMS] = found->gram_count;
    counts[AT_HEAD_WORDS] = head_words;
    counts[AT_HEAD_GRAMS] = head_grams;
    if (name_words >= SHORTEST_NAME_WORDS) {
        uint64_t name = found->words[0];
        for (size_t i = 1; i < name_words; i++)
            name = combined(name, found->words[i]);
        counts[AT_NAME] = name;
        counts[AT_NAME_WORDS] = name_words;
    }
    Py_ssize_t size = (Py_ssize_t)(8 * (COUNTS + words + phrases + found->gram_count));
    PyObject *block = PyBytes_FromStringAndSize(NULL, size);
    char *out = block == NULL ? NULL : PyBytes_AsString(block);
    if (out == NULL)
        return block;
    memcpy(out, counts, sizeof counts);
    out += sizeof counts;
    memcpy(out, found->words, 8 * words);
    out += 8 * words;
    for (size_t i = 0; i < words; i++) {
        uint64_t before = i > 0 ? found->words[i - 1] : BEGIN;
        uint64_t after = i + 1 < words ? found->words[i + 1] : END;
        uint64_t phrase = combined(combined(before, found->words[i]), after);
        memcpy(out + 8 * i, &phrase, 8);
    }
    if (words == 0 && phrases > 0)
        memcpy(out, &itself, 8);
    memcpy(out + 8 * phrases, found->grams, 8 * found->gram_count);
    return block;
}

/* The characters of one item: a str of ASCII, or bytes of UTF-32. -1 with an exception. */
static int characters_of(PyObject *item, const char **data, size_t *size, int *ascii)
{
    Py_ssize_t length;
    *ascii = PyUnicode_Check(item);
    if (*ascii) {
        *data = PyUnicode_AsUTF8AndSize(item, &length);
        if (*data == NULL)
            return -1;
        if (length != PyUnicode_GetLength(item)) {
            PyErr_SetString(PyExc_ValueError, "a text that is not in ASCII comes as UTF-32");
            return -1;
        }
    } else {
        char *bytes;
        if (PyBytes_AsStringAndSize(item, &bytes, &length) < 0)
            return -1;
        if (length % 4) {
            PyErr_SetString(PyExc_ValueError, "UTF-32 has four bytes a character");
            return -1;
        }
        *data = bytes;
        length /= 4;
    }
    *size = (size_t)length < MOST_CHARACTERS ? (size_t)length : MOST_CHARACTERS;
    return 0;
}

const char sift_read_terms_doc[] =
    "read_terms(texts, table)\n--\n\n"
    "The blocks of terms, `bytes`, of texts: each a str in ASCII, or folded and in UTF-32, `bytes`\n"
    "in this machine's order. `table`: what each of the 0x110000 code points is.";

PyObject *sift_read_terms(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "read_terms takes texts and a table");
        return NULL;
    }
    PyObject *texts = PySequence_Tuple(arguments[0]), *blocks = NULL;
    if (texts == NULL)
        return NULL;
    Py_buffer table;
    if (PyObject_GetBuffer(arguments[1], &table, PyBUF_SIMPLE) < 0) {
        Py_DECREF(texts);
        return NULL;
    }
    void *memory = NULL;
    size_t most = 0;
    int wide = 0, ascii;
    Py_ssize_t number = PyTuple_Size(texts);
    const char *data;
    if (table.len != CODES) {
        PyErr_SetString(PyExc_ValueError, "the table has one byte for each code point");
        goto done;
    }
    for (Py_ssize_t i = 0; i < number; i++) {
        size_t size;
        if (characters_of(PyTuple_GetItem(texts, i), &data, &size, &ascii) < 0)
            goto done;
        most = size > most ? size : most;
        wide |= !ascii;
    }
    /* No character is more than one word and one gram. */
    memory = PyMem_Malloc((most + 1) * (wide ? 8 + 8 + 4 + 2 + 1 : 8 + 8));
    if (memory == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    found_terms found = {.words = memory};
    found.grams = found.words + most + 1;
    blocks = PyList_New(number);
    for (Py_ssize_t i = 0; blocks != NULL && i < number; i++) {
        reading text = {.table = table.buf};
        if (characters_of(PyTuple_GetItem(texts, i), &data, &text.size, &ascii) == 0) {
            if (ascii) {
                text.ascii = (const unsigned char *)data;
            } else {
                text.codes = (uint32_t *)(found.grams + most + 1);
                text.letters = (uint16_t *)(text.codes + most + 1);
                text.kinds = (unsigned char *)(text.letters + most + 1);
                memcpy(text.codes, data, 4 * text.size);
            }
            lay_out(&text);
            PyObject *block = block_of(&text, &found);
            if (block != NULL && PyList_SetItem(blocks, i, block) == 0)
                continue;
        }
        Py_CLEAR(blocks);
    }
done:
    PyMem_Free(memory);
    PyBuffer_Release(&table);
    Py_DECREF(texts);
    return blocks;
}
