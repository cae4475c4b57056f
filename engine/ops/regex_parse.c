/* regex_parse.c: compiles regular expressions in one pass from left to right. What is read becomes program at once: a
 * repetition is put around the piece of program that the last atom has become, an alternative before the next. Open
 * groups are a stack; nothing here recurses. Sizes are bounded: a pattern that says too much is refused, not tried. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ops/letter_case.h"
#include "ops/regex_code.h"

enum { MAX_CODE = 1 << 16, MAX_RANGES = 1 << 18, MAX_DEPTH = 1000, MAX_REPEAT = 1000, LAST_LETTER = 0x10FFFF };

enum flag { FOLD = 1, LINES = 2, DOT_ALL = 4, LAZY = 8 };

struct frame {
    size_t group, alternative; /* where program of the group, and of its last alternative, begins */
    int32_t jumps;             /* the last of a chain of jumps to the end of the group; -1: none */
    unsigned flags;            /* outside the group */
};

/* A letter and what it folds to. */
struct cased {
    uint32_t letter, fold;
};

struct parser {
    struct qn_str pattern;
    size_t at;
    unsigned flags;
    int64_t atom;  /* where program of what a repetition would repeat begins; -1: nothing */
    bool repeated; /* it has been repeated already */
    struct qn_buf code, classes, ranges, frames;
    struct qn_buf item, list;         /* ranges of a part of a class, and of the class that is read */
    struct qn_buf by_letter, by_fold; /* struct cased, in either order; made when needed */
    struct qn_err *err;
};

/* ---- Growing arrays ------------------------------------------------------------------------------------------- */

#define COUNT(buf, type)     ((buf).n / sizeof(struct type))
#define ITEMS(buf, type)     ((struct type *)(void *)(buf).data)
#define FAIL(p, status, ...) return qn_err_set((p)->err, QN_##status, __VA_ARGS__)

static enum qn_status push(struct parser *p, struct qn_buf *buf, const void *item, size_t size)
{
    if (qn_buf_append(buf, item, size))
        return QN_OK;
    if (buf->n + size > buf->max)
        FAIL(p, LIMIT, "the pattern is too large");
    FAIL(p, NOMEM, "out of memory");
}

static size_t here(const struct parser *p) { return COUNT(p->code, qn_regex_inst); }
static struct qn_regex_inst *code_at(const struct parser *p, size_t i) { return &ITEMS(p->code, qn_regex_inst)[i]; }

static enum qn_status emit(struct parser *p, enum qn_regex_op op, int64_t a, int64_t b)
{
    struct qn_regex_inst inst = {op, (int32_t)a, (int32_t)b};

    return push(p, &p->code, &inst, sizeof(inst));
}

/* Before instruction `at`, which moves on with all that follow. */
static enum qn_status insert(struct parser *p, size_t at, enum qn_regex_op op, int64_t a, int64_t b)
{
    size_t n = here(p);

    QN_TRY(emit(p, op, a, b));
    memmove(code_at(p, at + 1), code_at(p, at), (n - at) * sizeof(struct qn_regex_inst));
    *code_at(p, at) = (struct qn_regex_inst){op, (int32_t)a, (int32_t)b};
    return QN_OK;
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static bool ended(const struct parser *p) { return p->at >= p->pattern.n; }
static bool looking_at(const struct parser *p, const char *text)
{
    size_t n = strlen(text);

    return p->pattern.n - p->at >= n && memcmp(p->pattern.data + p->at, text, n) == 0;
}
static bool take(struct parser *p, const char *text)
{
    if (!looking_at(p, text))
        return false;
    p->at += strlen(text);
    return true;
}

static enum qn_status take_letter(struct parser *p, uint32_t *letter)
{
    size_t n = qn_utf8_length(p->pattern.data + p->at, p->pattern.n - p->at);

    *letter = 0;
    if (n == 0)
        FAIL(p, FORMAT, "the pattern %s at byte %zu", ended(p) ? "ends" : "is not UTF-8", p->at);
    *letter = qn_letter_decode(p->pattern.data + p->at, n);
    p->at += n;
    return QN_OK;
}

static int digit_at(const struct parser *p, int base)
{
    char c = ended(p) ? 'x' : p->pattern.data[p->at];
    int d = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : 99;

    return d < base ? d : -1;
}

/* A number of at most max_digits digits and at most LAST_LETTER; -1 when there is none. */
static int64_t take_number(struct parser *p, int base, int max_digits)
{
    int64_t number = 0;
    int n = 0;

    for (int d; n < max_digits && (d = digit_at(p, base)) >= 0; n++, p->at++)
        number = number * base + d > LAST_LETTER + 1 ? LAST_LETTER + 1 : number * base + d;
    return n > 0 ? number : -1;
}

/* What stands behind a backslash for one letter. */
static enum qn_status take_escape(struct parser *p, uint32_t *letter)
{
    static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    size_t begin = p->at;
    int64_t number = -1;
    uint32_t c;

    *letter = 0;
    QN_TRY(take_letter(p, &c));
    *letter = c;
    if (c < 128 && c != 0 && strchr(names, (int)c)) {
        *letter = (uint32_t)values[strchr(names, (int)c) - names];
        return QN_OK;
    }
    if (c < 128 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
        return QN_OK;
    if (c == 'x' && take(p, "{")) {
        number = take_number(p, 16, 9);
        number = take(p, "}") ? number : -1;
    } else if (c == 'x') {
        number = digit_at(p, 16) >= 0 ? take_number(p, 16, 2) : -1;
        number = p->at - begin == 3 ? number : -1;
    } else if (c == '0' || (c >= '1' && c <= '7' && digit_at(p, 8) >= 0)) {
        p->at--;
        number = take_number(p, 8, 3);
    }
    if (number < 0 || number > LAST_LETTER)
        FAIL(p, FORMAT, "the escape at byte %zu of the pattern is not known", begin - 1);
    *letter = (uint32_t)number;
    return QN_OK;
}

/* ---- Classes -------------------------------------------------------------------------------------------------- */

static enum qn_status push_range(struct parser *p, struct qn_buf *list, uint32_t first, uint32_t last)
{
    return push(p, list, &(struct qn_regex_range){first, last}, sizeof(struct qn_regex_range));
}

static int by_first(const void *a, const void *b)
{
    const struct qn_regex_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Rising, and apart from each other. */
static void tidy(struct qn_buf *list)
{
    struct qn_regex_range *v = ITEMS(*list, qn_regex_range);
    size_t n = COUNT(*list, qn_regex_range), kept = 0;

    if (n > 1)
        qsort(v, n, sizeof(*v), by_first);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && v[i].first <= v[kept - 1].last + 1)
            v[kept - 1].last = v[i].last > v[kept - 1].last ? v[i].last : v[kept - 1].last;
        else
            v[kept++] = v[i];
    }
    list->n = kept * sizeof(*v);
}

/* Appends to `to` what a list holds, or what it does not. */
static enum qn_status append_ranges(struct parser *p, struct qn_buf *to, struct qn_buf *list, bool negated)
{
    uint32_t free_from = 0;

    tidy(list);
    for (size_t i = 0; i < COUNT(*list, qn_regex_range); i++) {
        struct qn_regex_range range = ITEMS(*list, qn_regex_range)[i];

        if (!negated)
            QN_TRY(push_range(p, to, range.first, range.last));
        else if (range.first > free_from)
            QN_TRY(push_range(p, to, free_from, range.first - 1));
        free_from = range.last + 1;
    }
    if (negated && free_from <= LAST_LETTER)
        QN_TRY(push_range(p, to, free_from, LAST_LETTER));
    return QN_OK;
}

static int by_letter(const void *a, const void *b)
{
    const struct cased *x = a, *y = b;

    return (x->letter > y->letter) - (x->letter < y->letter);
}

static int by_fold(const void *a, const void *b)
{
    const struct cased *x = a, *y = b;

    return x->fold != y->fold ? (x->fold > y->fold) - (x->fold < y->fold) : by_letter(a, b);
}

/* All letters that differ from another in case only, found by trying. */
static enum qn_status list_cased(struct parser *p)
{
    enum { LAST_CASED = 0x1FFFF };

    if (p->by_letter.n > 0)
        return QN_OK;
    for (uint32_t c = 0; c <= LAST_CASED; c++) {
        struct cased cased = {c, qn_letter_fold(c)}, folded = {cased.fold, cased.fold};

        if (cased.fold == c)
            continue;
        QN_TRY(push(p, &p->by_letter, &cased, sizeof(cased)));
        QN_TRY(push(p, &p->by_letter, &folded, sizeof(folded)));
    }
    QN_TRY(push(p, &p->by_fold, p->by_letter.data, p->by_letter.n));
    qsort(p->by_letter.data, COUNT(p->by_letter, cased), sizeof(struct cased), by_letter);
    qsort(p->by_fold.data, COUNT(p->by_fold, cased), sizeof(struct cased), by_fold);
    return QN_OK;
}

/* The place of the first entry that does not come before the key. */
static size_t lower_bound(const struct qn_buf *list, const struct cased *key,
                          int (*compare)(const void *, const void *))
{
    size_t low = 0, high = COUNT(*list, cased);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&ITEMS(*list, cased)[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A range and, where case does not count, the other cases of its letters. */
static enum qn_status add_range(struct parser *p, struct qn_buf *list, uint32_t first, uint32_t last)
{
    QN_TRY(push_range(p, list, first, last));
    if (!(p->flags & FOLD))
        return QN_OK;
    QN_TRY(list_cased(p));
    for (size_t i = lower_bound(&p->by_letter, &(struct cased){first, 0}, by_letter); i < COUNT(p->by_letter, cased);
         i++) {
        const struct cased *cased = &ITEMS(p->by_letter, cased)[i];

        if (cased->letter > last)
            break;
        for (size_t k = lower_bound(&p->by_fold, &(struct cased){0, cased->fold}, by_fold);
             k < COUNT(p->by_fold, cased) && ITEMS(p->by_fold, cased)[k].fold == cased->fold; k++) {
            uint32_t other = ITEMS(p->by_fold, cased)[k].letter;

            if (other < first || other > last)
                QN_TRY(push_range(p, list, other, other));
        }
    }
    return QN_OK;
}

/* Pairs of first and last. */
static const struct named {
    const char *name, *ranges;
} named_classes[] = {
    {"alnum", "09AZaz"},  {"alpha", "AZaz"},    {"blank", "\t\t  "},   {"digit", "09"},     {"graph", "!~"},
    {"lower", "az"},      {"print", " ~"},      {"punct", "!/:@[`{~"}, {"space", "\t\r  "}, {"upper", "AZ"},
    {"word", "09AZ__az"}, {"xdigit", "09AFaf"}, {"d", "09"},           {"s", "\t\n\f\r  "}, {"w", "09AZ__az"},
};

static enum qn_status add_pairs(struct parser *p, struct qn_buf *list, const char *pairs, bool negated)
{
    p->item.n = 0;
    for (; *pairs; pairs += 2)
        QN_TRY(add_range(p, &p->item, (uint32_t)pairs[0], (uint32_t)pairs[1]));
    return append_ranges(p, list, &p->item, negated);
}

/* cntrl and ascii have a zero among them. */
static enum qn_status add_low(struct parser *p, struct qn_buf *list, bool ascii, bool negated)
{
    p->item.n = 0;
    QN_TRY(add_range(p, &p->item, 0, ascii ? 127 : 31));
    QN_TRY(add_range(p, &p->item, 127, 127));
    return append_ranges(p, list, &p->item, negated);
}

/* \d, \W ...; *taken is false when it is something else. */
static enum qn_status take_perl_class(struct parser *p, struct qn_buf *list, bool *taken)
{
    static const char letters[] = "dswDSW";
    const char *found =
        p->pattern.n - p->at >= 2 && p->pattern.data[p->at] == '\\' && p->pattern.data[p->at + 1] != '\0'
            ? strchr(letters, p->pattern.data[p->at + 1])
            : NULL;

    *taken = found != NULL;
    if (looking_at(p, "\\p") || looking_at(p, "\\P"))
        FAIL(p, UNSUPPORTED, "Unicode properties (at byte %zu of the pattern) are not covered", p->at);
    if (!found)
        return QN_OK;
    p->at += 2;
    for (size_t i = 0; i < sizeof(named_classes) / sizeof(named_classes[0]); i++)
        if (named_classes[i].name[1] == '\0' && (named_classes[i].name[0] | 32) == (*found | 32))
            return add_pairs(p, list, named_classes[i].ranges, *found < 'a');
    return QN_OK;
}

/* [:alpha:] and [:^alpha:] inside a class. */
static enum qn_status take_named_class(struct parser *p, struct qn_buf *list, bool *taken)
{
    size_t begin = p->at, n;
    const char *name;
    bool negated;

    *taken = false;
    if (!take(p, "[:"))
        return QN_OK;
    for (n = p->at; n < p->pattern.n && p->pattern.data[n] != ':' && p->pattern.data[n] != ']'; n++)
        ;
    if (n + 1 >= p->pattern.n || memcmp(p->pattern.data + n, ":]", 2) != 0) {
        p->at = begin;
        return QN_OK;
    }
    negated = take(p, "^");
    name = p->pattern.data + p->at;
    n -= p->at;
    p->at += n + 2;
    *taken = true;
    if (n == 5 && (memcmp(name, "ascii", n) == 0 || memcmp(name, "cntrl", n) == 0))
        return add_low(p, list, name[0] == 'a', negated);
    for (size_t i = 0; i < sizeof(named_classes) / sizeof(named_classes[0]); i++)
        if (n > 1 && strlen(named_classes[i].name) == n && memcmp(named_classes[i].name, name, n) == 0)
            return add_pairs(p, list, named_classes[i].ranges, negated);
    FAIL(p, FORMAT, "the class at byte %zu of the pattern has an unknown name", begin);
}

/* One letter of a class, as it stands or escaped. */
static enum qn_status take_class_letter(struct parser *p, uint32_t *letter)
{
    return take(p, "\\") ? take_escape(p, letter) : take_letter(p, letter);
}

static enum qn_status take_class_range(struct parser *p, struct qn_buf *list)
{
    size_t begin = p->at;
    uint32_t first, last;

    QN_TRY(take_class_letter(p, &first));
    last = first;
    if (looking_at(p, "-") && p->pattern.n - p->at >= 2 && p->pattern.data[p->at + 1] != ']') {
        p->at++;
        QN_TRY(take_class_letter(p, &last));
    }
    if (last < first)
        FAIL(p, FORMAT, "the range at byte %zu of the pattern runs backwards", begin);
    return add_range(p, list, first, last);
}

/* The class that `list` holds, as an instruction. */
static enum qn_status emit_class(struct parser *p, struct qn_buf *list, bool negated)
{
    struct qn_regex_class class = {.begin = (uint32_t)COUNT(p->ranges, qn_regex_range)};

    QN_TRY(append_ranges(p, &p->ranges, list, negated));
    class.n = (uint32_t)COUNT(p->ranges, qn_regex_range) - class.begin;
    for (uint32_t i = 0; i < class.n; i++) {
        const struct qn_regex_range *range = &ITEMS(p->ranges, qn_regex_range)[class.begin + i];

        for (uint32_t c = range->first; c <= range->last && c < 128; c++)
            class.ascii[c / 64] |= (uint64_t)1 << c % 64;
    }
    QN_TRY(push(p, &p->classes, &class, sizeof(class)));
    return emit(p, QN_REGEX_CLASS, (int64_t)COUNT(p->classes, qn_regex_class) - 1, 0);
}

/* Behind the opening bracket. */
static enum qn_status take_class(struct parser *p)
{
    size_t begin = p->at;
    bool negated = take(p, "^"), first = true, taken;

    p->list.n = 0;
    while (first || !looking_at(p, "]")) {
        if (ended(p))
            FAIL(p, FORMAT, "the class at byte %zu of the pattern has no end", begin - 1);
        first = false;
        QN_TRY(take_named_class(p, &p->list, &taken));
        if (!taken)
            QN_TRY(take_perl_class(p, &p->list, &taken));
        if (!taken)
            QN_TRY(take_class_range(p, &p->list));
    }
    p->at++;
    return emit_class(p, &p->list, negated);
}

/* ---- Repetition ----------------------------------------------------------------------------------------------- */

static enum qn_status copy_code(struct parser *p, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct qn_regex_inst inst = *code_at(p, from + i);

        QN_TRY(push(p, &p->code, &inst, sizeof(inst)));
    }
    return QN_OK;
}

/* What stands from s to the end of the program, again and again. */
static enum qn_status repeat_star(struct parser *p, size_t s)
{
    int64_t n = (int64_t)(here(p) - s);

    QN_TRY(insert(p, s, QN_REGEX_SPLIT, 1, n + 2));
    return emit(p, QN_REGEX_JUMP, -(n + 1), 0);
}

/* x{low,high}: copies of x, those past `low` optional; high -1: without end. */
static enum qn_status repeat_times(struct parser *p, size_t s, int64_t low, int64_t high)
{
    size_t n = here(p) - s;

    if (high == 0) {
        p->code.n = s * sizeof(struct qn_regex_inst);
        return QN_OK;
    }
    if (low == 0 && high < 0)
        return repeat_star(p, s);
    if (low == 0) {
        QN_TRY(insert(p, s, QN_REGEX_SPLIT, 1, (int64_t)n + 1));
        for (int64_t i = 1; i < high; i++)
            QN_TRY(copy_code(p, s, n + 1));
        return QN_OK;
    }
    for (int64_t i = 1; i < low; i++)
        QN_TRY(copy_code(p, s, n));
    if (high < 0)
        return emit(p, QN_REGEX_SPLIT, -(int64_t)n, 1);
    for (int64_t i = low; i < high; i++) {
        QN_TRY(emit(p, QN_REGEX_SPLIT, 1, (int64_t)n + 1));
        QN_TRY(copy_code(p, s, n));
    }
    return QN_OK;
}

/* Digits without a leading zero; -1 when there are none. */
static int64_t take_count(struct parser *p)
{
    if (digit_at(p, 10) == 0 && p->pattern.n - p->at >= 2 && p->pattern.data[p->at + 1] >= '0' &&
        p->pattern.data[p->at + 1] <= '9')
        return -1;
    return take_number(p, 10, 8);
}

/* {n}, {n,}, {n,m}; *taken is false when the brace stands for itself. */
static enum qn_status take_counts(struct parser *p, int64_t *low, int64_t *high, bool *taken)
{
    size_t begin = p->at;

    *taken = false;
    p->at++;
    *low = *high = take_count(p);
    if (*low >= 0 && take(p, ",")) {
        *high = -1;
        if (!looking_at(p, "}"))
            *high = take_count(p), *low = *high < 0 ? -1 : *low;
    }
    if (*low < 0 || !take(p, "}")) {
        p->at = begin;
        return QN_OK;
    }
    *taken = true;
    if (*low > MAX_REPEAT || *high > MAX_REPEAT || (*high >= 0 && *high < *low))
        FAIL(p, FORMAT, "the repetition at byte %zu of the pattern is not within 0..%d or runs backwards", begin,
             MAX_REPEAT);
    return QN_OK;
}

/* *, +, ? and {...} with an optional ? behind; *taken is false for anything else. */
static enum qn_status take_repetition(struct parser *p, bool *taken)
{
    size_t begin = p->at;
    int64_t low = looking_at(p, "+"), high = looking_at(p, "?") ? 1 : -1;

    *taken = looking_at(p, "*") || looking_at(p, "+") || looking_at(p, "?");
    if (looking_at(p, "{"))
        QN_TRY(take_counts(p, &low, &high, taken));
    else
        p->at += *taken;
    if (!*taken)
        return QN_OK;
    take(p, "?"); /* lazy or not: it is the whole text that matches */
    if (p->repeated)
        FAIL(p, FORMAT, "a repetition is repeated at byte %zu of the pattern", begin);
    if (p->atom < 0)
        FAIL(p, FORMAT, "nothing stands before the repetition at byte %zu of the pattern", begin);
    p->repeated = true;
    return repeat_times(p, (size_t)p->atom, low, high);
}

/* ---- Groups and alternatives ---------------------------------------------------------------------------------- */

static struct frame *top(const struct parser *p) { return &ITEMS(p->frames, frame)[COUNT(p->frames, frame) - 1]; }

static enum qn_status open_group(struct parser *p, unsigned flags)
{
    struct frame frame = {here(p), here(p), -1, p->flags};

    QN_TRY(push(p, &p->frames, &frame, sizeof(frame)));
    p->flags = flags;
    p->atom = -1;
    p->repeated = false;
    return QN_OK;
}

/* The alternative that ends here gets a way around it, and a jump to the end of the group. */
static enum qn_status next_alternative(struct parser *p)
{
    struct frame *frame = top(p);
    size_t s = frame->alternative;

    QN_TRY(insert(p, s, QN_REGEX_SPLIT, 1, (int64_t)(here(p) - s) + 2));
    QN_TRY(emit(p, QN_REGEX_JUMP, frame->jumps, 0));
    frame->jumps = (int32_t)here(p) - 1;
    frame->alternative = here(p);
    p->atom = -1;
    p->repeated = false;
    return QN_OK;
}

static void close_group(struct parser *p)
{
    struct frame *frame = top(p);

    for (int32_t at = frame->jumps; at >= 0;) {
        struct qn_regex_inst *jump = code_at(p, (size_t)at);
        int32_t before = jump->a;

        jump->a = (int32_t)here(p) - at;
        at = before;
    }
    p->flags = frame->flags;
    p->atom = (int64_t)frame->group;
    p->repeated = false;
    p->frames.n -= sizeof(*frame);
}

/* The name of a group, behind its opening angle. */
static enum qn_status take_name(struct parser *p)
{
    size_t begin = p->at;

    while (!ended(p) && p->pattern.data[p->at] != '>') {
        unsigned char c = (unsigned char)p->pattern.data[p->at++];

        if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') && c != '_' && c < 128)
            FAIL(p, FORMAT, "the group at byte %zu of the pattern has a bad name", begin);
    }
    if (p->at == begin || !take(p, ">"))
        FAIL(p, FORMAT, "the group at byte %zu of the pattern has a bad name", begin);
    return open_group(p, p->flags);
}

/* (?i), (?i-m:...) and (?:...), behind the question mark. */
static enum qn_status take_flags(struct parser *p)
{
    static const char letters[] = "imsU";
    unsigned flags = p->flags;
    bool negated = false;
    size_t begin = p->at;

    for (; !ended(p); p->at++) {
        char c = p->pattern.data[p->at];
        const char *found = c ? strchr(letters, c) : NULL;

        if (c == ':' || c == ')')
            break;
        if (c == '-' && !negated)
            negated = true;
        else if (found)
            flags = negated ? flags & ~(1u << (found - letters)) : flags | 1u << (found - letters);
        else
            FAIL(p, FORMAT, "the group at byte %zu of the pattern is of a kind that is not known", begin - 2);
    }
    if (take(p, ":"))
        return open_group(p, flags);
    if (!take(p, ")"))
        FAIL(p, FORMAT, "the group at byte %zu of the pattern has no end", begin - 2);
    p->flags = flags;
    p->repeated = false;
    return QN_OK;
}

/* Behind the opening parenthesis. */
static enum qn_status take_group(struct parser *p)
{
    if (COUNT(p->frames, frame) > MAX_DEPTH)
        FAIL(p, LIMIT, "groups nest deeper than %d", MAX_DEPTH);
    if (take(p, "?P<"))
        return take_name(p);
    if (looking_at(p, "?<") && !looking_at(p, "?<=") && !looking_at(p, "?<!")) {
        p->at += 2;
        return take_name(p);
    }
    return take(p, "?") ? take_flags(p) : open_group(p, p->flags);
}

/* ---- Atoms ---------------------------------------------------------------------------------------------------- */

static enum qn_status emit_letter(struct parser *p, uint32_t letter)
{
    bool fold = (p->flags & FOLD) != 0;

    return emit(p, fold ? QN_REGEX_FOLD : QN_REGEX_CHAR, fold ? qn_letter_fold(letter) : letter, 0);
}

static enum qn_status begin_atom(struct parser *p)
{
    p->atom = (int64_t)here(p);
    p->repeated = false;
    return QN_OK;
}

/* \Q...\E, behind the Q: each letter is an atom. */
static enum qn_status take_quoted(struct parser *p)
{
    while (!ended(p) && !take(p, "\\E")) {
        uint32_t letter;

        QN_TRY(take_letter(p, &letter));
        QN_TRY(begin_atom(p));
        QN_TRY(emit_letter(p, letter));
    }
    return QN_OK;
}

static enum qn_status take_backslash(struct parser *p)
{
    static const struct {
        const char *text;
        enum qn_regex_place place;
    } places[] = {{"\\A", QN_REGEX_BEGIN_TEXT},
                  {"\\z", QN_REGEX_END_TEXT},
                  {"\\b", QN_REGEX_WORD_EDGE},
                  {"\\B", QN_REGEX_NO_WORD_EDGE}};
    uint32_t letter;
    bool taken;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (take(p, places[i].text))
            return emit(p, QN_REGEX_ASSERT, places[i].place, 0);
    if (looking_at(p, "\\C"))
        FAIL(p, UNSUPPORTED, "single bytes (at byte %zu of the pattern) are not covered", p->at);
    p->list.n = 0;
    QN_TRY(take_perl_class(p, &p->list, &taken));
    if (taken)
        return emit_class(p, &p->list, false);
    p->at++;
    QN_TRY(take_escape(p, &letter));
    return emit_letter(p, letter);
}

static enum qn_status take_atom(struct parser *p)
{
    uint32_t letter;

    QN_TRY(begin_atom(p));
    if (take(p, "["))
        return take_class(p);
    if (take(p, "."))
        return emit(p, p->flags & DOT_ALL ? QN_REGEX_ANY : QN_REGEX_INLINE, 0, 0);
    if (take(p, "^"))
        return emit(p, QN_REGEX_ASSERT, p->flags & LINES ? QN_REGEX_BEGIN_LINE : QN_REGEX_BEGIN_TEXT, 0);
    if (take(p, "$"))
        return emit(p, QN_REGEX_ASSERT, p->flags & LINES ? QN_REGEX_END_LINE : QN_REGEX_END_TEXT, 0);
    if (looking_at(p, "\\"))
        return take_backslash(p);
    QN_TRY(take_letter(p, &letter));
    return emit_letter(p, letter);
}

static enum qn_status take_one(struct parser *p)
{
    bool taken;

    QN_TRY(take_repetition(p, &taken));
    if (taken)
        return QN_OK;
    if (take(p, "("))
        return take_group(p);
    if (take(p, "|"))
        return next_alternative(p);
    if (take(p, "\\Q"))
        return take_quoted(p);
    if (!looking_at(p, ")"))
        return take_atom(p);
    if (COUNT(p->frames, frame) == 1)
        FAIL(p, FORMAT, "the parenthesis at byte %zu of the pattern closes nothing", p->at);
    p->at++;
    close_group(p);
    return QN_OK;
}

static enum qn_status parse(struct parser *p)
{
    QN_TRY(open_group(p, 0));
    while (!ended(p))
        QN_TRY(take_one(p));
    if (COUNT(p->frames, frame) > 1)
        FAIL(p, FORMAT, "a group of the pattern has no end");
    close_group(p);
    return emit(p, QN_REGEX_MATCH, 0, 0);
}

/* ---- The result ----------------------------------------------------------------------------------------------- */

static enum qn_status keep(const struct parser *p, struct qn_arena *arena, const struct qn_regex **regex)
{
    struct qn_regex *made = qn_arena_alloc(arena, sizeof(*made));

    QN_CHECK_MEM(made, p->err);
    made->n_code = here(p);
    made->code = qn_arena_memdup(arena, p->code.data, p->code.n);
    made->classes = qn_arena_memdup(arena, p->classes.n ? p->classes.data : "", p->classes.n);
    made->ranges = qn_arena_memdup(arena, p->ranges.n ? p->ranges.data : "", p->ranges.n);
    QN_CHECK(made->code && made->classes && made->ranges, p->err, NOMEM, "out of memory");
    *regex = made;
    return QN_OK;
}

enum qn_status qn_regex_compile(struct qn_str pattern, struct qn_arena *arena, const struct qn_regex **regex,
                                struct qn_err *err)
{
    struct parser p = {.pattern = pattern, .err = err};
    struct qn_buf *bufs[] = {&p.code, &p.classes, &p.ranges, &p.frames, &p.item, &p.list, &p.by_letter, &p.by_fold};
    enum qn_status status;

    *regex = NULL;
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        qn_buf_init(bufs[i], MAX_RANGES * sizeof(struct qn_regex_range));
    p.code.max = MAX_CODE * sizeof(struct qn_regex_inst);
    status = parse(&p);
    if (status == QN_OK)
        status = keep(&p, arena, regex);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        qn_buf_deinit(bufs[i]);
    return status;
}
