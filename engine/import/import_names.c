/* import_names.c: which variable a name means. A body sees the names around it; taking one makes a capture in every
 * body on the way, so that each owner node lists what its bodies read. Constants are shared instead. */
#include <string.h>

#include "import/importer.h"

struct qn_var qn_absent;

const char *qn_name_join(struct qn_arena *arena, const char *prefix, const char *name)
{
    size_t n_prefix = strlen(prefix), n_name = strlen(name);
    char *joined;

    if (n_prefix == 0)
        return qn_arena_strdup(arena, name);
    joined = qn_arena_alloc_raw(arena, n_prefix + n_name + 1);
    if (!joined)
        return NULL;
    memcpy(joined, prefix, n_prefix);
    memcpy(joined + n_prefix, name, n_name + 1);
    return joined;
}

enum qn_status qn_name_define(struct qn_importer *imp, struct qn_frame *frame, const char *name, struct qn_var *var)
{
    const char *key;

    QN_CHECK(!qn_strmap_get(&frame->names, name), imp->err, FORMAT, "value '%s' is defined twice", name);
    key = qn_arena_strdup(&frame->arena, name);
    QN_CHECK_MEM(key, imp->err);
    QN_CHECK(qn_strmap_set(&frame->names, key, var), imp->err, NOMEM, "out of memory");
    return QN_OK;
}

/* ---- Captures ------------------------------------------------------------------------------------------------- */

static bool grow_captures(struct qn_frame *body)
{
    struct qn_graph *graph = body->graph;
    int capacity = body->captures_capacity ? body->captures_capacity * 2 : 4;
    struct qn_var **captures, **outers;

    if (graph->n_captures < body->captures_capacity)
        return true;
    captures = qn_arena_array(graph->arena, (size_t)capacity, sizeof(struct qn_var *));
    outers = qn_arena_array(graph->arena, (size_t)capacity, sizeof(struct qn_var *));
    if (!captures || !outers)
        return false;
    if (graph->n_captures) {
        memcpy(captures, graph->captures, (size_t)graph->n_captures * sizeof(struct qn_var *));
        memcpy(outers, body->outers, (size_t)graph->n_captures * sizeof(struct qn_var *));
    }
    graph->captures = captures;
    body->outers = outers;
    body->captures_capacity = capacity;
    return true;
}

/* The inner variable for an outer one; NULL when out of memory. */
static struct qn_var *capture(struct qn_frame *body, struct qn_var *outer)
{
    struct qn_var *inner;

    if (outer == &qn_absent)
        return outer;
    if (outer->fact.konst && !outer->producer)
        return qn_graph_add_const(body->graph, outer->name, outer->fact.konst);
    if (!grow_captures(body))
        return NULL;
    inner = qn_graph_add_var(body->graph, outer->name);
    if (!inner)
        return NULL;
    inner->fact = outer->fact;
    body->outers[body->graph->n_captures] = outer;
    body->graph->captures[body->graph->n_captures++] = inner;
    return inner;
}

enum qn_status qn_name_find(struct qn_importer *imp, int frame, const char *name, struct qn_var **var)
{
    int at = frame;

    *var = qn_strmap_get(&imp->frames[at].names, name);
    while (!*var && at > 0 && !imp->frames[at].is_call)
        *var = qn_strmap_get(&imp->frames[--at].names, name);
    if (!*var)
        return QN_OK;
    for (at++; at <= frame; at++) {
        *var = capture(&imp->frames[at], *var);
        QN_CHECK_MEM(*var, imp->err);
        QN_TRY(qn_name_define(imp, &imp->frames[at], name, *var));
    }
    return QN_OK;
}
