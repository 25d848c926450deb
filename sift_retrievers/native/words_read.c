/* Reading: from characters to blocks of terms. The law is
 * sift_retrievers/witnesses/array_reading.py. */

#include "words_characters.h"
#include "words_terms.h"

#define MOST_CHARACTERS ((size_t)100000)
#define SHORTEST_NAME_WORDS ((size_t)2)
#define EDGE UINT64_C(95) /* stands for whatever is before or after a word */
#define LONG_TEXT ((size_t)50000) /* characters that are worth letting other threads run */

/* What is written while a text is read. */
typedef struct {
    uint64_t *words;
    uint64_t *grams;
    size_t word_count;
    size_t gram_count;
} found_terms;

static inline uint64_t word_hash(uint64_t sum)
{
    return (sum ^ sum >> 31) * MIX2;
}

static inline uint64_t gram_hash(uint64_t four)
{
    uint64_t mixed = four * MIX0;
    return mixed ^ mixed >> 29;
}

/* Reads the word whose first letter stands at i, and its grams; moves i behind it. NEXT(i, c) puts
 * the letter at i into c, and is false where there is none. The word's hash is Σ (c + 1) base^i; a
 * window over four characters, the edges of the word among them, gives its grams. */
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

static void read_ascii(const sift_text *text, found_terms *found)
{
    const unsigned char *ascii = text->ascii;
    size_t size = text->size, i = 0;
    uint64_t *word = found->words, *gram = found->grams;
#define NEXT_ASCII(i, c) ((i) < size && ((c) = SIFT_LETTERS[ascii[i]]) != 0)
    while (i < size) {
        uint64_t letter = SIFT_LETTERS[ascii[i]];
        if (letter == 0)
            i++;
        else
            READ_WORD(i, letter, NEXT_ASCII);
    }
    found->word_count = (size_t)(word - found->words);
    found->gram_count = (size_t)(gram - found->grams);
}

static void read_unicode(const sift_text *text, found_terms *found)
{
    const uint16_t *letters = text->letters;
    const unsigned char *kinds = text->kinds; /* at `size`: a gap */
    size_t size = text->size, i = 0;
    uint64_t *word = found->words, *gram = found->grams;
#define NEXT_LETTER(i, c) (kinds[i] == SIFT_WORD && ((c) = letters[i], 1))
    while (i < size) {
        if (kinds[i] == SIFT_WORD) {
            READ_WORD(i, letters[i], NEXT_LETTER);
            continue;
        }
        if (kinds[i] == SIFT_DENSE) {
            int after = kinds[i + 1] == SIFT_DENSE, before = i > 0 && kinds[i - 1] == SIFT_DENSE;
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

/* The hash of the text itself, without the blanks around it: the phrase of a text without words. */
static int hash_of_text(const sift_text *text, const uint32_t *codes, size_t size, uint64_t *hash)
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
static PyObject *block_of(sift_text *text, found_terms *found)
{
    size_t bare = sift_bare_size(text);
    PyThreadState *waiting = text->size > LONG_TEXT ? PyEval_SaveThread() : NULL;
    if (text->ascii != NULL) {
        read_ascii(text, found);
    } else {
        sift_classify(text);
        read_unicode(text, found);
    }
    if (waiting != NULL)
        PyEval_RestoreThread(waiting);

    uint64_t counts[COUNTS] = {0}, itself = 0;
    size_t head_words, head_grams, name_words, unused, words = found->word_count;
    sift_count_before(text, text->head, &head_words, &head_grams);
    sift_count_before(text, text->name, &name_words, &unused);
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
    if (table.len != SIFT_CODES) {
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
        sift_text text = {.table = table.buf};
        if (characters_of(PyTuple_GetItem(texts, i), &data, &text.size, &ascii) == 0) {
            if (ascii) {
                text.ascii = (const unsigned char *)data;
            } else {
                text.codes = (uint32_t *)(found.grams + most + 1);
                text.letters = (uint16_t *)(text.codes + most + 1);
                text.kinds = (unsigned char *)(text.letters + most + 1);
                memcpy(text.codes, data, 4 * text.size);
            }
            sift_lay_out(&text);
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
