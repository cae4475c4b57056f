/* import_order.c: the order in which a graph's nodes are imported. The format wants them sorted; when they are, that is
 * the order. When they are not, Kahn's algorithm sorts them, keeping to the file's order where it can. What a node's
 * bodies read counts as read by the node. */
#include <string.h>

#include "import/importer.h"

enum {
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_GRAPH = 6,
    ATTRIBUTE_GRAPHS = 11,
    GRAPH_NODE = 1,
    GRAPH_OUTPUT = 12,
    VALUE_NAME = 1
};

struct edge {
    size_t to;
    struct edge *next;
};

/* Tables of one sort, in the scratch arena. */
struct order {
    struct qn_importer *imp;
    struct qn_frame *frame;
    struct qn_strmap producers; /* output name -> index of the node plus one */
    size_t *n_waiting;          /* per node: producers not yet placed */
    struct edge **readers;      /* per node */
    size_t *sorted;
    bool unsorted;     /* a node reads a name that a later node makes */
    bool unsorted_own; /* in its own inputs, not in a body */
    bool failed;       /* out of memory */
};

static const char *node_name(const struct qn_frame *frame, size_t i)
{
    const QnOnnx__NodeProto *proto = frame->nodes[i].proto;

    return proto->name && *proto->name ? proto->name : proto->op_type ? proto->op_type : "";
}

static enum qn_status find_producers(struct order *o)
{
    struct qn_importer *imp = o->imp;

    for (size_t i = 0; i < o->frame->n_nodes; i++) {
        const QnOnnx__NodeProto *proto = o->frame->nodes[i].proto;

        for (size_t k = 0; k < proto->n_output; k++) {
            size_t other;

            if (!proto->output[k][0])
                continue;
            other = (size_t)(uintptr_t)qn_strmap_get(&o->producers, proto->output[k]);
            QN_CHECK(!other, imp->err, FORMAT, "value '%s' is made by node '%s' and by node '%s'", proto->output[k],
                     node_name(o->frame, other - 1), node_name(o->frame, i));
            QN_CHECK(!qn_strmap_get(&o->frame->names, proto->output[k]), imp->err, FORMAT,
                     "value '%s', made by node '%s', is an input or initializer already", proto->output[k],
                     node_name(o->frame, i));
            QN_CHECK(qn_strmap_set(&o->producers, proto->output[k], (void *)(uintptr_t)(i + 1)), imp->err, NOMEM,
                     "out of memory");
        }
    }
    return QN_OK;
}

/* Node i reads a name, itself or in a body. */
static void read_name(struct order *o, size_t i, const char *name, bool own)
{
    size_t producer = (size_t)(uintptr_t)qn_strmap_get(&o->producers, name);
    struct edge *edge;

    if (producer == 0 || (!own && producer - 1 == i))
        return;
    producer--;
    if (producer >= i)
        o->unsorted = true;
    if (producer >= i && own)
        o->unsorted_own = true;
    edge = qn_arena_alloc(&o->imp->scratch, sizeof(*edge));
    if (!edge) {
        o->failed = true;
        return;
    }
    *edge = (struct edge){i, o->readers[producer]};
    o->readers[producer] = edge;
    o->n_waiting[i]++;
}

/* ---- Names read in bodies ------------------------------------------------------------------------------------- */

/* Messages on the way down from a node: attribute, graph, node, attribute ... */
enum inside { IN_NODE, IN_ATTRIBUTE, IN_GRAPH, IN_OUTPUT };

struct body_walk {
    int depth;
    struct {
        enum inside inside;
        struct qn_wire wire;
    } level[QN_MAX_MESSAGE_DEPTH];
};

static void down(struct body_walk *walk, enum inside inside, struct qn_slice message)
{
    if (walk->depth == QN_MAX_MESSAGE_DEPTH)
        return;
    walk->level[walk->depth].inside = inside;
    walk->level[walk->depth++].wire = qn_wire_open(message);
}

static void read_bytes(struct order *o, size_t i, struct qn_slice name)
{
    char *text = qn_arena_strndup(&o->imp->scratch, (const char *)name.data, name.n);

    if (text)
        read_name(o, i, text, false);
    else
        o->failed = true;
}

static void walk_field(struct order *o, size_t i, struct body_walk *walk, const struct qn_wire_field *field)
{
    enum inside inside = walk->level[walk->depth - 1].inside;

    if (field->type != QN_WIRE_BYTES)
        return;
    if (inside == IN_NODE && field->number == NODE_ATTRIBUTE)
        down(walk, IN_ATTRIBUTE, field->bytes);
    else if (inside == IN_NODE && field->number == NODE_INPUT && walk->depth > 1)
        read_bytes(o, i, field->bytes);
    else if (inside == IN_ATTRIBUTE && (field->number == ATTRIBUTE_GRAPH || field->number == ATTRIBUTE_GRAPHS))
        down(walk, IN_GRAPH, field->bytes);
    else if (inside == IN_GRAPH && field->number == GRAPH_NODE)
        down(walk, IN_NODE, field->bytes);
    else if (inside == IN_GRAPH && field->number == GRAPH_OUTPUT)
        down(walk, IN_OUTPUT, field->bytes);
    else if (inside == IN_OUTPUT && field->number == VALUE_NAME)
        read_bytes(o, i, field->bytes);
}

/* Names that the bodies define themselves are taken along: one that is also made here by another node would be a case
 * of shadowing, which the format forbids; the worst is an order stricter than needed. */
static void read_bodies(struct order *o, size_t i)
{
    struct body_walk walk = {.depth = 0};
    struct qn_wire_field field;

    down(&walk, IN_NODE, o->frame->nodes[i].message);
    while (walk.depth > 0 && !o->failed) {
        if (qn_wire_more(&walk.level[walk.depth - 1].wire, &field))
            walk_field(o, i, &walk, &field);
        else
            walk.depth--;
    }
}

/* ---- Sorting -------------------------------------------------------------------------------------------------- */

/* Places ready nodes one after the other; gives how many could be placed. */
static size_t place_all(struct order *o)
{
    size_t n_placed = 0, n_read = 0;

    for (size_t i = 0; i < o->frame->n_nodes; i++)
        if (o->n_waiting[i] == 0)
            o->sorted[n_placed++] = i;
    for (; n_read < n_placed; n_read++)
        for (const struct edge *edge = o->readers[o->sorted[n_read]]; edge; edge = edge->next)
            if (--o->n_waiting[edge->to] == 0)
                o->sorted[n_placed++] = edge->to;
    return n_placed;
}

static enum qn_status sort(struct order *o)
{
    size_t n = o->frame->n_nodes, i = 0;

    o->sorted = qn_arena_array(&o->frame->arena, n, sizeof(*o->sorted));
    QN_CHECK_MEM(o->sorted, o->imp->err);
    if (place_all(o) == n) {
        o->frame->order = o->sorted;
        return QN_OK;
    }
    if (!o->unsorted_own)
        return QN_OK;
    while (i < n && o->n_waiting[i] == 0)
        i++;
    QN_FAIL(o->imp->err, FORMAT, "nodes depend on each other in a circle, node '%s' among them or behind it",
            i < n ? node_name(o->frame, i) : "");
}

enum qn_status qn_import_order(struct qn_importer *imp, struct qn_frame *frame)
{
    struct qn_arena_mark mark = qn_arena_mark(&imp->scratch);
    struct order o = {.imp = imp, .frame = frame};

    qn_strmap_init(&o.producers, &imp->scratch);
    o.n_waiting = qn_arena_array(&imp->scratch, frame->n_nodes, sizeof(*o.n_waiting));
    o.readers = qn_arena_array(&imp->scratch, frame->n_nodes, sizeof(struct edge *));
    QN_CHECK(o.n_waiting && o.readers, imp->err, NOMEM, "out of memory");
    QN_TRY(find_producers(&o));
    for (size_t i = 0; i < frame->n_nodes; i++) {
        const QnOnnx__NodeProto *proto = frame->nodes[i].proto;

        for (size_t k = 0; k < proto->n_input; k++)
            read_name(&o, i, proto->input[k], true);
        read_bodies(&o, i);
    }
    QN_CHECK(!o.failed, imp->err, NOMEM, "out of memory");
    if (o.unsorted)
        QN_TRY(sort(&o));
    qn_arena_rewind(&imp->scratch, mark);
    return QN_OK;
}
