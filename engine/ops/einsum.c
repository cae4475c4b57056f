/* einsum.c: Einsum: sums of products named by letters. Equations may have spaces, both cases, repeated letters
 * (diagonals), an ellipsis per term, and no "->" (then the ellipsis and, sorted, the letters that occur once are the
 * output). As in numpy an axis of size 1 broadcasts, and an ellipsis of inputs that stands for axes must be in the
 * output too. Two float32 operands become one batched matrix product; everything else runs through plain loops, floats
 * in double. */
#include <string.h>

#include "base/checked.h"
#include "ops/move.h"
#include "ops/product.h"

/* A label is a letter (A-Z, a-z in order) or an axis of the ellipsis, counted from its end. */
enum { N_LETTERS = 52, N_LABELS = N_LETTERS + QN_MAX_RANK };

/* One side of a comma: its letters, and where among them the ellipsis stands. */
struct term {
    int n;
    uint8_t letters[QN_MAX_RANK];
    int ellipsis; /* letters before it; -1: none */
};

struct einsum {
    struct qn_str equation;
    struct term *in; /* one for each input */
    struct term out;
};

/* ---- The equation --------------------------------------------------------------------------------------------- */

static int letter_of(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1; }

struct reader {
    struct qn_str text;
    size_t at;
    struct qn_err *err;
};

static bool take(struct reader *r, const char *token)
{
    size_t n = strlen(token);

    while (r->at < r->text.n && r->text.data[r->at] == ' ')
        r->at++;
    if (r->text.n - r->at < n || memcmp(r->text.data + r->at, token, n) != 0)
        return false;
    r->at += n;
    return true;
}

/* Up to what is neither a letter nor an ellipsis. */
static enum qn_status read_term(struct reader *r, struct term *term)
{
    *term = (struct term){.ellipsis = -1};
    for (;;) {
        if (take(r, "...")) {
            QN_CHECK(term->ellipsis < 0, r->err, FORMAT, "a term of the equation has two ellipses");
            term->ellipsis = term->n;
            continue;
        }
        if (r->at == r->text.n || letter_of(r->text.data[r->at]) < 0)
            return QN_OK;
        QN_CHECK(term->n < QN_MAX_RANK, r->err, FORMAT, "a term of the equation has more than %d letters", QN_MAX_RANK);
        term->letters[term->n++] = (uint8_t)letter_of(r->text.data[r->at++]);
    }
}

/* The output that the inputs imply. */
static enum qn_status imply_output(struct einsum *p, int n_in, struct qn_err *err)
{
    int count[N_LETTERS] = {0};

    p->out = (struct term){.ellipsis = -1};
    for (int i = 0; i < n_in; i++) {
        if (p->in[i].ellipsis >= 0)
            p->out.ellipsis = 0;
        for (int k = 0; k < p->in[i].n; k++)
            count[p->in[i].letters[k]]++;
    }
    for (int letter = 0; letter < N_LETTERS; letter++) {
        if (count[letter] != 1)
            continue;
        QN_CHECK(p->out.n < QN_MAX_RANK, err, FORMAT, "the equation's output has more than %d axes", QN_MAX_RANK);
        p->out.letters[p->out.n++] = (uint8_t)letter;
    }
    return QN_OK;
}

static enum qn_status check_output(const struct einsum *p, int n_in, struct qn_err *err)
{
    bool known[N_LETTERS] = {false}, seen[N_LETTERS] = {false};

    for (int i = 0; i < n_in; i++)
        for (int k = 0; k < p->in[i].n; k++)
            known[p->in[i].letters[k]] = true;
    for (int k = 0; k < p->out.n; k++) {
        int letter = p->out.letters[k];
        char c = (char)(letter < 26 ? 'A' + letter : 'a' + letter - 26);

        QN_CHECK(known[letter], err, FORMAT, "the equation's output names '%c', which no input has", c);
        QN_CHECK(!seen[letter], err, FORMAT, "the equation's output names '%c' twice", c);
        seen[letter] = true;
    }
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct einsum *p = params;
    struct reader r = {p->equation, 0, err};
    int n = 0;

    p->in = qn_arena_array(arena, (size_t)node->n_in, sizeof(*p->in));
    QN_CHECK_MEM(p->in, err);
    do {
        QN_CHECK(n < node->n_in, err, FORMAT, "the equation has more terms than the %d inputs", node->n_in);
        QN_TRY(read_term(&r, &p->in[n++]));
    } while (take(&r, ","));
    QN_CHECK(n == node->n_in, err, FORMAT, "the equation has %d terms for %d inputs", n, node->n_in);
    if (take(&r, "->"))
        QN_TRY(read_term(&r, &p->out));
    else
        QN_TRY(imply_output(p, n, err));
    take(&r, "");
    QN_CHECK(r.at == r.text.n, err, FORMAT, "the equation has an unexpected '%c' at position %zu",
             r.text.data[r.at] >= ' ' && r.text.data[r.at] < 127 ? r.text.data[r.at] : '?', r.at);
    return check_output(p, n, err);
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* Axes that the ellipsis of a term stands for. */
static int hidden_axes(const struct term *term, int rank) { return term->ellipsis < 0 ? 0 : rank - term->n; }

/* The label of axis i of a tensor with that many hidden axes. */
static int label_at(const struct term *term, int hidden, int i)
{
    if (term->ellipsis < 0 || i < term->ellipsis)
        return term->letters[i];
    if (i < term->ellipsis + hidden)
        return N_LETTERS + (term->ellipsis + hidden - 1 - i);
    return term->letters[i - hidden];
}

static enum qn_status check_rank(const struct term *term, int rank, int input, struct qn_err *err)
{
    bool fits = term->ellipsis >= 0 ? rank >= term->n : rank == term->n;

    QN_CHECK(fits, err, SHAPE, "the equation gives input %d %d letters%s, it has rank %d", input, term->n,
             term->ellipsis >= 0 ? " and an ellipsis" : "", rank);
    return QN_OK;
}

/* Sizes of labels from one input; 1: not met, or broadcast. */
static enum qn_status merge_sizes(const struct term *term, const struct qn_shape *x, int64_t *sizes, struct qn_err *err)
{
    int hidden = hidden_axes(term, x->rank);

    for (int i = 0; i < x->rank; i++) {
        int label = label_at(term, hidden, i);
        struct qn_shape a = qn_shape_1d(sizes[label]), b = qn_shape_1d(x->dims[i]), both;

        QN_CHECK(qn_shape_broadcast(&a, &b, &both), err, SHAPE, "the equation gives sizes %lld and %lld one name",
                 (long long)sizes[label], (long long)x->dims[i]);
        sizes[label] = both.dims[0];
    }
    return QN_OK;
}

/* Sizes of all labels, and how many axes the ellipsis has: -1 when not known. */
static enum qn_status size_labels(const struct einsum *p, int n_in, const struct qn_shape *const *shapes,
                                  int64_t *sizes, int *hidden, struct qn_err *err)
{
    *hidden = 0;
    for (int label = 0; label < N_LABELS; label++)
        sizes[label] = 1;
    for (int i = 0; i < n_in; i++) {
        if (shapes[i]->rank < 0) {
            /* Its letters may have any size. */
            for (int k = 0; k < p->in[i].n; k++)
                if (sizes[p->in[i].letters[k]] == 1)
                    sizes[p->in[i].letters[k]] = QN_DIM_UNKNOWN;
            if (p->in[i].ellipsis >= 0)
                *hidden = -1;
            continue;
        }
        QN_TRY(check_rank(&p->in[i], shapes[i]->rank, i, err));
        QN_TRY(merge_sizes(&p->in[i], shapes[i], sizes, err));
        if (*hidden >= 0 && hidden_axes(&p->in[i], shapes[i]->rank) > *hidden)
            *hidden = hidden_axes(&p->in[i], shapes[i]->rank);
    }
    QN_CHECK(*hidden <= 0 || p->out.ellipsis >= 0, err, SHAPE,
             "the equation's output lacks the ellipsis of its inputs");
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct einsum *p = params;
    const struct qn_shape **shapes = qn_arena_array(in->arena, (size_t)in->n_in, sizeof(*shapes));
    int64_t sizes[N_LABELS];
    struct qn_shape y;
    int hidden;

    QN_CHECK_MEM(shapes, in->err);
    for (int i = 0; i < in->n_in; i++)
        shapes[i] = &in->in[i]->shape;
    QN_TRY(size_labels(p, in->n_in, shapes, sizes, &hidden, in->err));
    if (p->out.ellipsis < 0)
        hidden = 0;
    QN_CHECK(p->out.n + hidden <= QN_MAX_RANK, in->err, LIMIT, "the output has more than %d axes", QN_MAX_RANK);
    y = (struct qn_shape){.rank = hidden < 0 ? -1 : p->out.n + hidden};
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = sizes[label_at(&p->out, hidden, i)];
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- Loops over labels ---------------------------------------------------------------------------------------- */

/* Labels of size other than 1, those of the output first, in its order. */
struct loops {
    int n_out, n; /* of the output, in all */
    uint8_t label[N_LABELS];
    int64_t size[N_LABELS], out_step[N_LABELS];
};

static void add_label(struct loops *loops, int label, int64_t size, int64_t out_step)
{
    if (size == 1)
        return;
    loops->label[loops->n] = (uint8_t)label;
    loops->size[loops->n] = size;
    loops->out_step[loops->n++] = out_step;
}

/* Shapes passed inference. */
static void make_loops(const struct einsum *p, int n_in, const struct qn_shape *const *shapes, struct loops *loops)
{
    int64_t sizes[N_LABELS], step = 1, steps[QN_MAX_RANK];
    bool in_out[N_LABELS] = {false};
    int hidden, rank;

    *loops = (struct loops){.n = 0};
    if (size_labels(p, n_in, shapes, sizes, &hidden, NULL) != QN_OK)
        return;
    rank = p->out.n + (p->out.ellipsis < 0 ? 0 : hidden);
    for (int i = rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= sizes[label_at(&p->out, hidden, i)];
    }
    for (int i = 0; i < rank; i++) {
        int label = label_at(&p->out, hidden, i);

        in_out[label] = true;
        add_label(loops, label, sizes[label], steps[i]);
    }
    loops->n_out = loops->n;
    for (int label = 0; label < N_LABELS; label++)
        if (!in_out[label])
            add_label(loops, label, sizes[label], 0);
}

/* How far an operand goes with each loop: the sum over axes of that name, 0 where it has none or broadcasts. */
static void find_steps(const struct term *term, const struct qn_shape *x, const struct loops *loops, int64_t *steps)
{
    int hidden = hidden_axes(term, x->rank);
    int64_t by_label[N_LABELS] = {0}, step = 1;

    for (int i = x->rank - 1; i >= 0; i--) {
        if (x->dims[i] != 1)
            by_label[label_at(term, hidden, i)] += step;
        step *= x->dims[i];
    }
    for (int k = 0; k < loops->n; k++)
        steps[k] = by_label[loops->label[k]];
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

struct operand {
    const void *data;
    int64_t at;
    int64_t steps[N_LABELS];
};

/* In the workspace. */
struct walk {
    struct loops loops;
    int n_in;
    struct operand in[];
};

static size_t ref_workspace(const struct qn_site *site)
{
    size_t bytes;

    return qn_mul((size_t)site->n_in, sizeof(struct operand) + sizeof(struct qn_shape) + sizeof(void *), &bytes) &&
                   qn_add(bytes, sizeof(struct walk), &bytes)
               ? bytes
               : SIZE_MAX;
}

static struct walk *make_walk(const struct qn_call *call)
{
    const struct einsum *p = call->params;
    struct walk *walk = call->workspace;
    struct qn_shape *shapes;
    const struct qn_shape **pointers;

    walk->n_in = call->n_in;
    shapes = (struct qn_shape *)(walk->in + walk->n_in);
    pointers = (const struct qn_shape **)(shapes + walk->n_in);
    for (int i = 0; i < walk->n_in; i++) {
        shapes[i] = qn_tensor_shape(qn_in(call, i));
        pointers[i] = &shapes[i];
    }
    make_loops(p, walk->n_in, pointers, &walk->loops);
    for (int i = 0; i < walk->n_in; i++) {
        walk->in[i].data = qn_in(call, i)->data;
        walk->in[i].at = 0;
        find_steps(&p->in[i], &shapes[i], &walk->loops, walk->in[i].steps);
    }
    return walk;
}

/* The next combination of loops [first, end), the last fastest; false after the last one, with everything back at 0. */
static bool advance(struct walk *walk, int first, int end, int64_t *index)
{
    for (int k = end - 1; k >= first; k--) {
        bool carry = ++index[k] == walk->loops.size[k];

        for (int i = 0; i < walk->n_in; i++)
            walk->in[i].at += (carry ? 1 - walk->loops.size[k] : 1) * walk->in[i].steps[k];
        if (!carry)
            return true;
        index[k] = 0;
    }
    return false;
}

static bool is_empty(const struct loops *loops, int first, int end)
{
    for (int k = first; k < end; k++)
        if (loops->size[k] == 0)
            return true;
    return false;
}

/* Products between looks at the deadline: few letters can mean more work than any clock allows. */
enum { POLL_EVERY = 1 << 14 };

#define SUMS(name, type, wide)                                                                                         \
    static enum qn_status sums_##name(const struct qn_call *call, struct walk *walk)                                   \
    {                                                                                                                  \
        const int n_out = walk->loops.n_out, n = walk->loops.n;                                                        \
        const bool nothing = is_empty(&walk->loops, n_out, n);                                                         \
        int64_t index[N_LABELS] = {0};                                                                                 \
        type *y = qn_out(call, 0)->data;                                                                               \
        unsigned n_done = 0;                                                                                           \
                                                                                                                       \
        do {                                                                                                           \
            wide sum = 0;                                                                                              \
                                                                                                                       \
            do {                                                                                                       \
                wide product = 1;                                                                                      \
                                                                                                                       \
                for (int i = 0; i < walk->n_in && !nothing; i++)                                                       \
                    product *= (wide)((const type *)walk->in[i].data)[walk->in[i].at];                                 \
                sum += nothing ? 0 : product;                                                                          \
                if (++n_done % POLL_EVERY == 0)                                                                        \
                    QN_TRY(qn_call_poll(call));                                                                        \
            } while (!nothing && advance(walk, n_out, n, index));                                                      \
            *y++ = (type)sum;                                                                                          \
        } while (advance(walk, 0, n_out, index));                                                                      \
        return QN_OK;                                                                                                  \
    }
SUMS(f32, float, double)
SUMS(f64, double, double)
/* Unsigned arithmetic gives the bits of signed types too, and may wrap. */
SUMS(u8, uint8_t, uint64_t)
SUMS(u16, uint16_t, uint64_t)
SUMS(u32, uint32_t, uint64_t)
SUMS(u64, uint64_t, uint64_t)

static enum qn_status einsum_ref(const struct qn_call *call)
{
    static enum qn_status (*const sums[QN_N_DTYPE])(const struct qn_call *, struct walk *) = {
        [QN_FLOAT] = sums_f32,  [QN_DOUBLE] = sums_f64, [QN_UINT8] = sums_u8,   [QN_INT8] = sums_u8,
        [QN_UINT16] = sums_u16, [QN_INT16] = sums_u16,  [QN_UINT32] = sums_u32, [QN_INT32] = sums_u32,
        [QN_UINT64] = sums_u64, [QN_INT64] = sums_u64,
    };
    struct walk *walk = make_walk(call);

    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    return sums[qn_out(call, 0)->dtype](call, walk);
}

/* ---- Two float32 operands as a matrix product ----------------------------------------------------------------- */

/* What a loop is to the product A B: an axis of the batch, of rows, of columns, or summed over. */
enum role { BATCH, ROW, COLUMN, SUM, N_ROLES };

struct side {
    int64_t steps[N_LABELS];
    bool copy, trans; /* not dense as it is; its two matrix axes are swapped */
};

struct product {
    struct loops loops;
    enum role role[N_LABELS];
    int64_t size[N_ROLES];
    struct side side[2]; /* A and B: inputs 0 and 1, or swapped */
    bool swapped, copy_out;
    bool too_large; /* what is added up cannot be counted */
    struct qn_product product;
};

/* Whether, with loops of the roles nested in this order, each step is the size of all inside. */
static bool is_dense(const struct product *p, const int64_t *steps, enum role a, enum role b, enum role c)
{
    const enum role order[] = {c, b, a};
    int64_t want = 1;

    for (int r = 0; r < 3; r++)
        for (int k = p->loops.n - 1; k >= 0; k--) {
            if (p->role[k] != order[r])
                continue;
            if (steps[k] != want)
                return false;
            want *= p->loops.size[k];
        }
    return true;
}

static void lay_out(struct product *p, struct side *side, enum role outer, enum role inner)
{
    side->trans = false;
    side->copy = !is_dense(p, side->steps, BATCH, outer, inner);
    if (side->copy && is_dense(p, side->steps, BATCH, inner, outer)) {
        side->copy = false;
        side->trans = true;
    }
}

static void set_roles(struct product *p)
{
    for (int r = 0; r < N_ROLES; r++)
        p->size[r] = 1;
    for (int k = 0; k < p->loops.n; k++) {
        bool in_a = p->side[0].steps[k] != 0, in_b = p->side[1].steps[k] != 0;

        p->role[k] = k >= p->loops.n_out ? SUM : in_a && in_b ? BATCH : in_a ? ROW : COLUMN;
        p->too_large |= !qn_mul64(p->size[p->role[k]], p->loops.size[k], &p->size[p->role[k]]);
    }
}

static void swap_sides(struct product *p)
{
    struct side a = p->side[0];

    p->side[0] = p->side[1];
    p->side[1] = a;
    p->swapped = !p->swapped;
    set_roles(p);
}

/* Everything from parameters and the two shapes. */
static void make_product(const struct einsum *einsum, const struct qn_shape *a, const struct qn_shape *b,
                         struct product *p)
{
    const struct qn_shape *const shapes[] = {a, b};

    make_loops(einsum, 2, shapes, &p->loops);
    p->swapped = p->too_large = false;
    for (int i = 0; i < 2; i++)
        find_steps(&einsum->in[i], shapes[i], &p->loops, p->side[i].steps);
    set_roles(p);
    if (!is_dense(p, p->loops.out_step, BATCH, ROW, COLUMN) && is_dense(p, p->loops.out_step, BATCH, COLUMN, ROW))
        swap_sides(p);
    p->copy_out = !is_dense(p, p->loops.out_step, BATCH, ROW, COLUMN);
    lay_out(p, &p->side[0], ROW, SUM);
    lay_out(p, &p->side[1], SUM, COLUMN);
    p->product = (struct qn_product){.m = p->size[ROW],
                                     .n = p->size[COLUMN],
                                     .k = p->size[SUM],
                                     .batch = p->size[BATCH],
                                     .rank = 1,
                                     .dims = {p->size[BATCH]},
                                     .a_step = {1},
                                     .b_step = {1}};
}

static struct qn_gemm describe(const struct product *p)
{
    const struct qn_product *s = &p->product;

    return (struct qn_gemm){.m = s->m,
                            .n = s->n,
                            .k = s->k,
                            .a_trans = p->side[0].trans,
                            .lda = p->side[0].trans ? s->m : s->k,
                            .b_trans = p->side[1].trans,
                            .ldb = p->side[1].trans ? s->k : s->n,
                            .ldc = s->n,
                            .alpha = 1};
}

/* Where the copies of A, B and the result stand in the workspace, and in [3] the product's own. */
static bool place_rooms(const struct product *p, size_t rooms[4])
{
    const struct qn_product *s = &p->product;
    const int64_t outer[] = {s->m, s->k, s->m}, inner[] = {s->k, s->n, s->n};
    const bool wanted[] = {p->side[0].copy, p->side[1].copy, p->copy_out};

    rooms[0] = 0;
    for (int i = 0; i < 3; i++) {
        size_t bytes = 0;

        if (wanted[i] && (!qn_mul((size_t)outer[i], (size_t)inner[i], &bytes) ||
                          !qn_mul(bytes, (size_t)s->batch, &bytes) || !qn_mul(bytes, sizeof(float), &bytes)))
            return false;
        if (!qn_add(bytes, 63, &bytes) || !qn_add(rooms[i], bytes & ~(size_t)63, &rooms[i + 1]))
            return false;
    }
    return true;
}

static const char *accept_product(const struct qn_site *site)
{
    struct product p;
    size_t rooms[4];

    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    if (site->n_in != 2)
        return "not two operands";
    make_product(site->params, &site->in[0]->shape, &site->in[1]->shape, &p);
    return !p.too_large && place_rooms(&p, rooms) ? NULL : "too large";
}

static size_t product_workspace(const struct qn_site *site)
{
    struct product p;
    struct qn_gemm g;
    size_t rooms[4], bytes;

    make_product(site->params, &site->in[0]->shape, &site->in[1]->shape, &p);
    g = describe(&p);
    if (!place_rooms(&p, rooms) || !qn_product_bytes(&p.product, &g, site->threads, &bytes) ||
        !qn_add(bytes, rooms[3], &bytes))
        return SIZE_MAX;
    return bytes;
}

/* Copies between loops with these steps and a dense [batch][outer][inner]. */
static void copy_loops(const struct product *p, const int64_t *steps, enum role outer, enum role inner,
                       const float *src, float *dst, bool to_dense, struct qn_pool *pool)
{
    const enum role order[] = {BATCH, outer, inner};
    int64_t dense = p->size[BATCH] * p->size[outer] * p->size[inner];
    struct qn_move move = {.rank = 0};

    for (int r = 0; r < 3; r++)
        for (int k = 0; k < p->loops.n; k++) {
            if (p->role[k] != order[r])
                continue;
            dense /= p->loops.size[k];
            qn_move_axis(&move, p->loops.size[k], to_dense ? steps[k] : dense, to_dense ? dense : steps[k]);
        }
    qn_move_run(&move, sizeof(float), src, dst, pool);
}

static enum qn_status einsum_product(const struct qn_call *call)
{
    struct qn_shape shapes[] = {qn_tensor_shape(qn_in(call, 0)), qn_tensor_shape(qn_in(call, 1))};
    struct qn_work work = {NULL, call->threads, call->pool};
    char *room = call->workspace;
    struct product p;
    struct qn_gemm g;
    size_t rooms[4];

    make_product(call->params, &shapes[0], &shapes[1], &p);
    if (!place_rooms(&p, rooms) || qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK; /* sizes were checked before */
    g = describe(&p);
    g.a = qn_in(call, p.swapped ? 1 : 0)->data;
    g.b = qn_in(call, p.swapped ? 0 : 1)->data;
    g.c = p.copy_out ? (float *)(void *)(room + rooms[2]) : qn_out(call, 0)->data;
    work.data = room + rooms[3];
    if (p.side[0].copy && p.product.k > 0) {
        copy_loops(&p, p.side[0].steps, ROW, SUM, g.a, (float *)(void *)(room + rooms[0]), true, call->pool);
        g.a = (const float *)(const void *)(room + rooms[0]);
    }
    if (p.side[1].copy && p.product.k > 0) {
        copy_loops(&p, p.side[1].steps, SUM, COLUMN, g.b, (float *)(void *)(room + rooms[1]), true, call->pool);
        g.b = (const float *)(const void *)(room + rooms[1]);
    }
    qn_product_run(&p.product, &g, &work);
    if (p.copy_out)
        copy_loops(&p, p.loops.out_step, ROW, COLUMN, g.c, qn_out(call, 0)->data, false, call->pool);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "einsum_product_f32", .accept = accept_product, .workspace = product_workspace, .run = einsum_product},
    {.name = "einsum_ref", .accept = qn_accept_not_narrow, .workspace = ref_workspace, .run = einsum_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define TYPES (QN_FLOATS_STD | QN_INTS)

const struct qn_op qn_ops_einsum[] = {
    {
        .name = "Einsum",
        .domain = "",
        .since = 12,
        .until = 27,
        .in = QN_FORMALS(QN_VAR("Inputs", 'T', TYPES)),
        .out = QN_FORMALS(QN_OUT("Output", 'T', TYPES)),
        .attrs = QN_ATTRS({.name = "equation",
                           .form = QN_FORM_STRING,
                           .offset = offsetof(struct einsum, equation),
                           .required = true}),
        QN_PARAMS(einsum),
        .parse = parse,
        .infer = infer,
        .kernels = kernels,
        .tolerance = QN_ROUNDING,
    },
    {.name = NULL},
};
