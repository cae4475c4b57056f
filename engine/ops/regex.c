/* regex.c: runs compiled regular expressions: after every character of the text the set of instructions that some way
 * through the program has come to. A set is a list with an index into it, so that asking, adding and clearing take
 * constant time. */
#include <string.h>

#include "base/utf8.h"
#include "ops/letter_case.h"
#include "ops/regex_code.h"

enum { NO_CHARACTER = 0x7FFFFFFF };

struct set {
    uint32_t *list, *place; /* list[place[x]] == x for members */
    uint32_t n;
};

struct machine {
    const struct qn_regex *regex;
    struct qn_str text;
    struct set now, next;
    uint32_t *stack;
};

size_t qn_regex_room(const struct qn_regex *regex)
{
    /* Two sets of two lists, and a stack: an instruction is taken from it once, and puts at most two there. */
    return (4 * regex->n_code + 2 * regex->n_code + 2) * sizeof(uint32_t);
}

static bool is_word_byte(struct qn_str text, size_t at)
{
    unsigned char c = at < text.n ? (unsigned char)text.data[at] : 0;

    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool holds(int32_t place, struct qn_str text, size_t at)
{
    bool edge = (at > 0 && is_word_byte(text, at - 1)) != is_word_byte(text, at);

    switch (place) {
    case QN_REGEX_BEGIN_TEXT:
        return at == 0;
    case QN_REGEX_END_TEXT:
        return at == text.n;
    case QN_REGEX_BEGIN_LINE:
        return at == 0 || text.data[at - 1] == '\n';
    case QN_REGEX_END_LINE:
        return at == text.n || text.data[at] == '\n';
    case QN_REGEX_WORD_EDGE:
        return edge;
    default:
        return !edge;
    }
}

static bool add(struct set *set, uint32_t x)
{
    if (set->place[x] < set->n && set->list[set->place[x]] == x)
        return false;
    set->place[x] = set->n;
    set->list[set->n++] = x;
    return true;
}

/* Adds an instruction and all that is reached from it without a character. */
static void reach(const struct machine *m, struct set *set, uint32_t from, size_t at)
{
    size_t n = 0;

    m->stack[n++] = from;
    while (n > 0) {
        uint32_t x = m->stack[--n];
        const struct qn_regex_inst *inst = &m->regex->code[x];

        if (!add(set, x))
            continue;
        if (inst->op == QN_REGEX_JUMP || inst->op == QN_REGEX_SPLIT)
            m->stack[n++] = (uint32_t)((int32_t)x + inst->a);
        if (inst->op == QN_REGEX_SPLIT)
            m->stack[n++] = (uint32_t)((int32_t)x + inst->b);
        if (inst->op == QN_REGEX_ASSERT && holds(inst->a, m->text, at))
            m->stack[n++] = x + 1;
    }
}

static bool is_in_class(const struct qn_regex *regex, int32_t index, uint32_t c)
{
    const struct qn_regex_class *class = &regex->classes[index];
    const struct qn_regex_range *ranges = regex->ranges + class->begin;
    uint32_t low = 0, high = class->n;

    if (c < 128)
        return class->ascii[c / 64] >> c % 64 & 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (c < ranges[middle].first)
            high = middle;
        else if (c > ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

static bool takes(const struct qn_regex *regex, const struct qn_regex_inst *inst, uint32_t c, uint32_t folded)
{
    switch (inst->op) {
    case QN_REGEX_CHAR:
        return (uint32_t)inst->a == c;
    case QN_REGEX_FOLD:
        return (uint32_t)inst->a == folded;
    case QN_REGEX_ANY:
        return c != NO_CHARACTER;
    case QN_REGEX_INLINE:
        return c != '\n' && c != NO_CHARACTER;
    case QN_REGEX_CLASS:
        return is_in_class(regex, inst->a, c);
    default:
        return false;
    }
}

static void make_sets(struct machine *m, uint32_t *room)
{
    size_t n = m->regex->n_code;

    memset(room, 0, 4 * n * sizeof(*room)); /* places need not be right, but they must be there */
    m->now = (struct set){room, room + n, 0};
    m->next = (struct set){room + 2 * n, room + 3 * n, 0};
    m->stack = room + 4 * n;
}

bool qn_regex_matches(const struct qn_regex *regex, struct qn_str text, void *room)
{
    struct machine m = {.regex = regex, .text = text};
    uint32_t last = (uint32_t)regex->n_code - 1;

    make_sets(&m, room);
    reach(&m, &m.now, 0, 0);
    for (size_t at = 0; at < text.n;) {
        size_t n = qn_utf8_length(text.data + at, text.n - at);
        uint32_t c = n ? qn_letter_decode(text.data + at, n) : NO_CHARACTER, folded = n ? qn_letter_fold(c) : c;
        struct set done = m.now;

        at += n ? n : 1;
        m.next.n = 0;
        for (uint32_t i = 0; i < m.now.n; i++)
            if (takes(regex, &regex->code[m.now.list[i]], c, folded))
                reach(&m, &m.next, m.now.list[i] + 1, at);
        if (m.next.n == 0)
            return false;
        m.now = m.next;
        m.next = done;
    }
    return m.now.place[last] < m.now.n && m.now.list[m.now.place[last]] == last;
}
