/* dropout.c: Dropout. In inference a copy, with a mask of ones. In training (is_test 0 before version 7, training_mode
 * from version 12 on) each element is dropped with probability `ratio`, and the others are scaled by 1 / (1 - ratio).
 * The standard leaves the generator open; with a seed this is the Mersenne Twister (Matsumoto and Nishimura, 1998) read
 * as NumPy reads it, one 53-bit fraction per element in order, which is what the standard's own cases were made with.
 */
#include <string.h>

#include "ops/op.h"

#define NO_SEED INT64_MIN

struct dropout {
    float ratio;          /* before version 12, and the default */
    bool trains, is_test; /* before version 7: trains unless is_test */
    int64_t seed;
    enum qn_dtype mask; /* UNDEFINED: the data's type */
};

static bool may_be_one(const struct qn_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (qn_dim_known(shape->dims[i]) && shape->dims[i] != 1)
            return false;
    return true;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct dropout *p = params;
    char text[QN_SHAPE_TEXT];

    for (int i = 1; i < in->n_in; i++)
        QN_CHECK(!in->in[i] || may_be_one(&in->in[i]->shape), in->err, SHAPE, "%s must be one value, not of shape %s",
                 i == 1 ? "ratio" : "training_mode", qn_shape_text(&in->in[i]->shape, text));
    QN_TRY(qn_infer_same(in, params));
    return qn_infer_out(in, 1, p->mask != QN_UNDEFINED ? p->mask : in->in[0]->dtype, &in->in[0]->shape);
}

/* ---- Random numbers ------------------------------------------------------------------------------------------- */

enum { N_WORDS = 624, SHIFT = 397 };

struct twister {
    uint32_t words[N_WORDS];
    int at;
};

static void seed_twister(struct twister *t, uint32_t seed)
{
    for (int i = 0; i < N_WORDS; i++) {
        t->words[i] = seed;
        seed = 1812433253u * (seed ^ seed >> 30) + (uint32_t)i + 1;
    }
    t->at = N_WORDS;
}

static void turn(struct twister *t)
{
    for (int i = 0; i < N_WORDS; i++) {
        uint32_t joined = (t->words[i] & 0x80000000u) | (t->words[(i + 1) % N_WORDS] & 0x7fffffffu);

        t->words[i] = t->words[(i + SHIFT) % N_WORDS] ^ joined >> 1 ^ (joined & 1 ? 0x9908b0dfu : 0);
    }
    t->at = 0;
}

static uint32_t next_word(struct twister *t)
{
    uint32_t y;

    if (t->at == N_WORDS)
        turn(t);
    y = t->words[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* In [0, 1). */
static double next_fraction(struct twister *t)
{
    uint32_t high = next_word(t) >> 5, low = next_word(t) >> 6;

    return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* ---- Kernel --------------------------------------------------------------------------------------------------- */

static bool is_training(const struct qn_call *call)
{
    const struct dropout *p = call->params;
    const struct qn_tensor *mode = qn_in(call, 2);

    return mode ? qn_tensor_int(mode, 0) != 0 : p->trains && !p->is_test;
}

static double ratio_of(const struct qn_call *call)
{
    const struct qn_tensor *ratio = qn_in(call, 1);

    return ratio ? qn_tensor_double(ratio, 0) : (double)((const struct dropout *)call->params)->ratio;
}

static void fill_mask(struct qn_tensor *mask)
{
    if (mask && mask->dtype == QN_BOOL)
        memset(mask->data, 1, qn_tensor_bytes(mask));
    else if (mask)
        for (int64_t i = 0, n = qn_tensor_count(mask); i < n; i++)
            qn_tensor_set_int(mask, i, 1);
}

static void drop(const struct qn_call *call, double ratio)
{
    const struct dropout *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0), *mask = qn_out(call, 1);
    double scale = 1 / (1 - ratio);
    struct twister twister;

    seed_twister(&twister,
                 (uint32_t)(p->seed != NO_SEED ? (uint64_t)p->seed : call->services->random(call->services->self)));
    for (int64_t i = 0, n = qn_tensor_count(x); i < n; i++) {
        bool keep = next_fraction(&twister) >= ratio;

        qn_tensor_set_double(y, i, keep ? qn_tensor_double(x, i) * scale : 0);
        if (mask)
            qn_tensor_set_int(mask, i, keep);
    }
}

static enum qn_status dropout_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    double ratio = ratio_of(call);

    if (is_training(call)) {
        QN_CHECK(ratio >= 0 && ratio < 1, call->err, RANGE, "ratio %g is outside [0, 1)", ratio);
        if (ratio > 0) {
            drop(call, ratio);
            return QN_OK;
        }
    }
    if (y->data != x->data && qn_tensor_bytes(x) > 0)
        memcpy(y->data, x->data, qn_tensor_bytes(x));
    fill_mask(qn_out(call, 1));
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "dropout_ref", .accept = NULL, .run = dropout_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COMMON(first, last)                                                                                            \
    .name = "Dropout", .domain = "", .since = (first), .until = (last), .infer = infer, .kernels = kernels,            \
    .inplace = QN_INPLACE(0)

#define OLD_ROW(first, last, mask_group, mask_types, attr_list, ...)                                                   \
    {                                                                                                                  \
        COMMON(first, last),                                                                                           \
            .in = QN_FORMALS(QN_IN("data", 'T', QN_FLOATS_STD)),                                                       \
            .out = QN_FORMALS(QN_OUT("output", 'T', QN_FLOATS_STD), QN_OPT("mask", mask_group, mask_types)),           \
            .attrs = attr_list, __VA_ARGS__                                                                            \
    }
#define NEW_ROW(first, last, types, ratio_types)                                                                       \
    {                                                                                                                  \
        COMMON(first, last),                                                                                           \
            .in = QN_FORMALS(QN_IN("data", 'T', types), QN_OPT("ratio", '1', ratio_types),                             \
                             QN_OPT("training_mode", '2', QN_BIT(BOOL))),                                              \
            .out = QN_FORMALS(QN_OUT("output", 'T', types), QN_OPT("mask", '2', QN_BIT(BOOL))),                        \
            .attrs = QN_ATTRS(QN_INT_ATTR(dropout, seed, (double)NO_SEED)), .flags = QN_RANDOM,                        \
            .tolerance = QN_RANDOMLY, QN_PRESET(dropout, .ratio = 0.5f, .mask = QN_BOOL)                               \
    }
#define RATIO             QN_FLOAT_ATTR(dropout, ratio, 0.5)
#define IS_TEST           QN_BOOL_ATTR(dropout, is_test, 0)
#define COPIES(mask_type) .tolerance = QN_EXACT, QN_PRESET(dropout, .mask = (mask_type))
#define TRAINS            .flags = QN_RANDOM, .tolerance = QN_RANDOMLY, TRAINING_PARAMS
#define TRAINING_PARAMS   QN_PRESET(dropout, .trains = true, .seed = NO_SEED)

const struct qn_op qn_ops_dropout[] = {
    OLD_ROW(1, 5, 'T', QN_FLOATS_STD, QN_ATTRS(RATIO, IS_TEST, QN_IGNORED_ATTR("consumed_inputs")), TRAINS),
    OLD_ROW(6, 6, 'T', QN_FLOATS_STD, QN_ATTRS(RATIO, IS_TEST), TRAINS),
    OLD_ROW(7, 9, 'T', QN_FLOATS_STD, QN_ATTRS(RATIO), COPIES(QN_UNDEFINED)),
    OLD_ROW(10, 11, '1', QN_BIT(BOOL), QN_ATTRS(RATIO), COPIES(QN_BOOL)),
    NEW_ROW(12, 12, QN_FLOATS_STD, QN_FLOATS_STD),
    NEW_ROW(13, 21, QN_FLOATS, QN_FLOATS_STD),
    NEW_ROW(22, 27, QN_FLOATS | QN_FLOAT8S, QN_FLOATS | QN_FLOAT8S),
    {.name = NULL},
};
