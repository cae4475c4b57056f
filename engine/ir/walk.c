/* walk.c: the walk of walk.h, a small state machine over a path of places. Used by the dump and by verify; does not
 * alter what it walks. */
#include "ir/walk.h"

void qn_walk_init(struct qn_walk *walk, const struct qn_graph *root)
{
    walk->depth = 0;
    walk->graph = NULL;
    walk->node = NULL;
    walk->root = root;
}

static enum qn_walk_event enter(struct qn_walk *walk, const struct qn_graph *graph)
{
    if (walk->depth == QN_MAX_NESTING + 1)
        return QN_WALK_TOO_DEEP;
    walk->path[walk->depth++] = (struct qn_walk_place){.graph = graph};
    walk->graph = graph;
    return QN_WALK_ENTER;
}

static enum qn_walk_event leave(struct qn_walk *walk)
{
    walk->graph = walk->path[walk->depth - 1].graph;
    walk->node = NULL;
    walk->depth--;
    return QN_WALK_LEAVE;
}

enum qn_walk_event qn_walk_next(struct qn_walk *walk)
{
    struct qn_walk_place *place;
    const struct qn_node *next;

    if (walk->root) {
        const struct qn_graph *root = walk->root;

        walk->root = NULL;
        return enter(walk, root);
    }
    if (walk->depth == 0)
        return QN_WALK_END;
    place = &walk->path[walk->depth - 1];
    walk->graph = place->graph;
    if (place->node && place->body < place->node->n_bodies) {
        walk->node = place->node;
        return enter(walk, place->node->bodies[place->body++].graph);
    }
    next = place->node ? place->node->next : place->graph->first;
    if (!next)
        return leave(walk);
    place->node = next;
    place->body = 0;
    walk->node = next;
    return QN_WALK_NODE;
}
