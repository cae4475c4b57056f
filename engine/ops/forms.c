/* forms.c: functions written out in primitive operators; see forms.h. Exporters for versions that lack an operator
 * spell it: x * Sigmoid(x), 0.5 * x * (1 + Erf(x / sqrt 2)), (x - mean) / Sqrt(variance + epsilon) * scale + bias.
 * Matching goes backwards from the last operator, through values that are read once. A product is taken as a whole:
 * its factors in any order and grouping, its constants multiplied together. */
#include "ops/forms.h"

#include <math.h>
#include <string.h>

#include "ops/fuse.h"
#include "tensor/convert.h"

enum { MAX_FACTORS = 8, MAX_DEAD = 16 };

/* ---- Looking back --------------------------------------------------------------------------------------------- */

static bool is_op(const struct qn_node *node, const char *name)
{
    return node && node->op->domain[0] == '\0' && strcmp(node->op->name, name) == 0;
}

/* The node that made the value; NULL when it is another operator's, or read by others too. */
static struct qn_node *maker(const struct qn_var *value, const char *name)
{
    return value && value->n_uses == 1 && is_op(value->producer, name) ? value->producer : NULL;
}

/* A float32 constant of one element, of no more axes than values of the form have. */
static bool is_number(const struct qn_var *value, int rank, double *number)
{
    const struct qn_tensor *konst = value ? value->fact.konst : NULL;

    if (!konst || konst->dtype != QN_FLOAT || konst->rank > (rank < 0 ? 0 : rank) || qn_tensor_count(konst) != 1)
        return false;
    *number = qn_tensor_double(konst, 0);
    return true;
}

/* Models in float16 have the constants of their forms rounded to it. */
static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fabs(b) || a == (double)qn_half_to_float(qn_float_to_half((float)b));
}

/* What is added to the constant in this sum; NULL when it is no such sum. */
static struct qn_var *added_to(const struct qn_node *sum, int rank, double constant)
{
    double number;

    for (int i = 0; sum && sum->n_in == 2 && i < 2; i++)
        if (is_number(sum->in[i], rank, &number) && near(number, constant))
            return sum->in[1 - i];
    return NULL;
}

/* ---- Products ------------------------------------------------------------------------------------------------- */

struct product {
    double number; /* of all constants */
    int n;
    struct qn_var *factors[MAX_FACTORS]; /* the others */
};

/* The place of the first factor that is itself a product: Mul, Div by a constant, Pow by 2 or 3. */
static int find_nested(const struct product *p, int from, int rank)
{
    for (int i = from; i < p->n; i++) {
        const struct qn_var *value = p->factors[i];
        double number;

        if (maker(value, "Mul"))
            return i;
        if ((maker(value, "Div") || maker(value, "Pow")) && is_number(value->producer->in[1], rank, &number))
            return i;
    }
    return p->n;
}

static bool put_factor(struct product *p, struct qn_var *value, int rank)
{
    double number;

    if (is_number(value, rank, &number)) {
        p->number *= number;
        return true;
    }
    if (!value || p->n == MAX_FACTORS)
        return false;
    p->factors[p->n++] = value;
    return true;
}

/* Puts the factors of a node in the place of its result. False when they are too many, or it is no product. */
static bool open_node(struct product *p, const struct qn_node *node, int rank)
{
    double number;

    if (is_op(node, "Mul"))
        return put_factor(p, node->in[0], rank) && put_factor(p, node->in[1], rank);
    if (!(is_op(node, "Div") || is_op(node, "Pow")) || !is_number(node->in[1], rank, &number))
        return false;
    if (is_op(node, "Div")) {
        p->number /= number;
        return put_factor(p, node->in[0], rank);
    }
    if (number != 2 && number != 3)
        return false;
    for (int i = 0; i < (int)number; i++)
        if (!put_factor(p, node->in[0], rank))
            return false;
    return true;
}

/* False when it is no product of at most MAX_FACTORS. */
static bool read_product(struct product *p, const struct qn_node *node, int rank)
{
    int i = 0;

    *p = (struct product){.number = 1};
    if (!open_node(p, node, rank))
        return false;
    while ((i = find_nested(p, i, rank)) < p->n) {
        const struct qn_node *nested = p->factors[i]->producer;

        p->factors[i] = p->factors[--p->n];
        if (!open_node(p, nested, rank))
            return false;
    }
    return true;
}

/* Whether the value is number times x to the power n. */
static bool is_power(struct qn_var *value, const struct qn_var *x, int n, int rank, double *number)
{
    struct product p = {.number = 1, .n = 1, .factors = {value}};

    if (value != x && value && value->producer && (value->n_uses != 1 || !read_product(&p, value->producer, rank)))
        return false;
    for (int i = 0; i < p.n; i++)
        if (p.factors[i] != x)
            return false;
    *number = p.number;
    return p.n == n;
}

/* ---- Activations ---------------------------------------------------------------------------------------------- */

/* x * other * number as an operator. */
struct form {
    const char *op;
    struct qn_attr_value attr;
    size_t n_attrs;
};

static struct qn_attr_value float_attr(const char *name, double value)
{
    return (struct qn_attr_value){.name = name, .kind = QN_ATTR_FLOAT, .f = (float)value};
}

static bool is_swish(const struct qn_var *x, struct qn_var *other, double number, struct form *form)
{
    const struct qn_node *sigmoid = maker(other, "Sigmoid");
    double alpha;

    if (!sigmoid || !near(number, 1) || !is_power(sigmoid->in[0], x, 1, x->fact.shape.rank, &alpha))
        return false;
    *form = (struct form){"Swish", float_attr("alpha", alpha), 1};
    return true;
}

static bool is_mish(const struct qn_var *x, struct qn_var *other, double number, struct form *form)
{
    const struct qn_node *tanh = maker(other, "Tanh"), *softplus = tanh ? maker(tanh->in[0], "Softplus") : NULL;

    *form = (struct form){.op = "Mish"};
    return softplus && near(number, 1) && softplus->in[0] == x;
}

/* By HardSigmoid, or by Clip(x + 3, 0, 6) / 6. */
static bool is_hard_swish(const struct qn_var *x, struct qn_var *other, double number, struct form *form)
{
    const struct qn_node *maker_of = other->n_uses == 1 ? other->producer : NULL;
    struct qn_act act;

    *form = (struct form){.op = "HardSwish"};
    if (!maker_of || !maker_of->op->activation || !maker_of->op->activation(maker_of, &act))
        return false;
    if (act.kind == QN_ACT_HARDSIGMOID)
        return maker_of->in[0] == x && near(number, 1) && near((double)act.a, 1 / 6.0) && act.b == 0.5f;
    return act.kind == QN_ACT_CLIP && act.a == 0 && act.b == 6 && near(number, 1 / 6.0) &&
           added_to(maker(maker_of->in[0], "Add"), x->fact.shape.rank, 3) == x;
}

/* sqrt(2 / pi) * (x + 0.044715 x^3) */
static bool is_gelu_tanh_argument(struct qn_var *value, const struct qn_var *x)
{
    const int rank = x->fact.shape.rank;
    const struct qn_node *sum;
    struct product p;
    double number;

    if (value->n_uses != 1 || !value->producer || !read_product(&p, value->producer, rank) || p.n != 1 ||
        !near(p.number, 0.7978845608028654))
        return false;
    sum = maker(p.factors[0], "Add");
    for (int i = 0; sum && i < 2; i++)
        if (sum->in[i] == x && is_power(sum->in[1 - i], x, 3, rank, &number) && near(number, 0.044715))
            return true;
    return false;
}

static bool is_gelu(const struct qn_var *x, struct qn_var *other, double number, struct form *form)
{
    const int rank = x->fact.shape.rank;
    struct qn_var *value = added_to(maker(other, "Add"), rank, 1);
    const struct qn_node *erf = maker(value, "Erf"), *tanh = maker(value, "Tanh");
    double scale;

    *form = (struct form){.op = "Gelu"};
    if (!near(number, 0.5))
        return false;
    if (erf)
        return is_power(erf->in[0], x, 1, rank, &scale) &&
               (near(scale, 0.7071067811865476) || near(1 / scale, 1.4142135623730951));
    form->attr = (struct qn_attr_value){.name = "approximate", .kind = QN_ATTR_STRING, .s = {"tanh", 4}};
    form->n_attrs = 1;
    return tanh && is_gelu_tanh_argument(tanh->in[0], x);
}

static bool is_activation(const struct product *p, struct qn_var **x, struct form *form)
{
    static bool (*const matchers[])(const struct qn_var *, struct qn_var *, double,
                                    struct form *) = {is_swish, is_mish, is_hard_swish, is_gelu};

    for (int i = 0; p->n == 2 && i < 2; i++) {
        *x = p->factors[i];
        for (size_t m = 0; m < sizeof(matchers) / sizeof(matchers[0]); m++)
            if (matchers[m](*x, p->factors[1 - i], p->number, form))
                return true;
    }
    return false;
}

/* ---- Putting one node in the place of many -------------------------------------------------------------------- */

/* Removes the node and what only it read, unless that is more than a form has. */
static void remove_dead(struct qn_graph *graph, struct qn_node *last)
{
    struct qn_node *dead[MAX_DEAD] = {last};
    int n = 1;

    while (n > 0) {
        struct qn_node *node = dead[--n];
        struct qn_var *ins[2] = {node->in[0], node->n_in > 1 ? node->in[1] : NULL};

        qn_patch_remove_node(graph, node);
        for (int i = 0; i < 2; i++)
            if (ins[i] && ins[i]->n_uses == 0 && ins[i]->producer && ins[i]->producer->n_out == 1 && n < MAX_DEAD &&
                (n == 0 || dead[n - 1] != ins[i]->producer))
                dead[n++] = ins[i]->producer;
    }
}

static enum qn_status become(struct qn_rewrite *rewrite, struct qn_node *last, const char *op,
                             struct qn_var *const *ins, int n_ins, const struct qn_attr_value *attrs, size_t n_attrs)
{
    struct qn_node *node = qn_op_make_node(rewrite->graph, last, "", op, QN_NEWEST_OPSET, last->name, ins, n_ins,
                                           &(struct qn_var *){NULL}, 1, attrs, n_attrs, rewrite->err);

    if (!node)
        return rewrite->err && rewrite->err->status != QN_OK ? rewrite->err->status : QN_NOMEM;
    qn_patch_take_output(node, 0, last->out[0]);
    remove_dead(rewrite->graph, last);
    rewrite->changed = true;
    return QN_OK;
}

/* ---- Layer normalisation -------------------------------------------------------------------------------------- */

/* What is averaged over the last axis, which stays as a dim of 1. */
static struct qn_var *mean_of(const struct qn_var *mean)
{
    const struct qn_node *node = mean && is_op(mean->producer, "ReduceMean") ? mean->producer : NULL;
    const struct qn_tensor *axes = node && node->n_in > 1 && node->in[1] ? node->in[1]->fact.konst : NULL;
    int rank = node ? node->in[0]->fact.shape.rank : -1;

    if (!axes || rank < 1 || mean->fact.shape.rank != rank || qn_tensor_count(axes) != 1)
        return NULL;
    return qn_tensor_int(axes, 0) == -1 || qn_tensor_int(axes, 0) == rank - 1 ? node->in[0] : NULL;
}

/* (x - mean) / Sqrt(mean of (x - mean)^2 + epsilon): x. */
static struct qn_var *normalised(const struct qn_node *div, double *epsilon)
{
    const struct qn_var *centred = div->in[0];
    const struct qn_node *sub = is_op(centred->producer, "Sub") ? centred->producer : NULL;
    const struct qn_node *root = maker(div->in[1], "Sqrt"), *sum = root ? maker(root->in[0], "Add") : NULL;
    struct qn_var *square = NULL;
    double one;

    for (int i = 0; sum && i < 2 && !square; i++)
        if (is_number(sum->in[i], div->in[0]->fact.shape.rank, epsilon))
            square = mean_of(sum->in[1 - i]);
    if (!sub || !square || *epsilon < 0 || !is_power(square, centred, 2, centred->fact.shape.rank, &one) || one != 1)
        return NULL;
    /* Read by the division and by its square, as one operand or as both. */
    if (centred->n_uses != (is_op(square->producer, "Mul") ? 3 : 2) || mean_of(sub->in[1]) != sub->in[0])
        return NULL;
    return sub->in[0];
}

/* The constant of one element for each of the last axis by which the only reader of value changes it. */
static struct qn_var *factor_of(const struct qn_node *next, const char *op, const struct qn_var *value)
{
    const struct qn_shape *shape = &value->fact.shape;

    for (int i = 0; is_op(next, op) && i < 2; i++) {
        const struct qn_tensor *konst = next->in[i]->fact.konst;

        if (next->in[1 - i] == value && konst && konst->dtype == QN_FLOAT && konst->rank == 1 &&
            konst->dims[0] == shape->dims[shape->rank - 1])
            return next->in[i];
    }
    return NULL;
}

static enum qn_status layer_norm(struct qn_rewrite *rewrite, struct qn_node *div)
{
    double epsilon = 0;
    struct qn_var *x = normalised(div, &epsilon), *ins[3] = {x};
    struct qn_node *mul = x ? qn_fuse_next(rewrite, div) : NULL, *add;
    struct qn_attr_value attr = float_attr("epsilon", epsilon);

    if (!mul || !(ins[1] = factor_of(mul, "Mul", div->out[0])))
        return QN_OK;
    add = qn_fuse_next(rewrite, mul);
    ins[2] = add ? factor_of(add, "Add", mul->out[0]) : NULL;
    return become(rewrite, ins[2] ? add : mul, "LayerNormalization", ins, ins[2] ? 3 : 2, &attr, 1);
}

enum qn_status qn_form_rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    const struct qn_var *out = node->out[0];
    struct product p;
    struct qn_var *x;
    struct form form;

    if (!out || out->fact.dtype != QN_FLOAT || node->n_in != 2 || !(is_op(node, "Mul") || is_op(node, "Div")))
        return QN_OK;
    if (is_op(node, "Div") && !node->in[1]->fact.konst)
        return layer_norm(rewrite, node);
    if (!read_product(&p, node, out->fact.shape.rank) || !is_activation(&p, &x, &form) ||
        x->fact.shape.rank != out->fact.shape.rank)
        return QN_OK;
    return become(rewrite, node, form.op, &x, 1, &form.attr, form.n_attrs);
}
