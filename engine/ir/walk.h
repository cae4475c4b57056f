/* walk.h: a graph and all its bodies in the order a reader would take: a graph, its nodes in order, after each node its
 * bodies. Without recursion: the path is a list of at most QN_MAX_NESTING + 1 places. */
#ifndef QN_IR_WALK_H
#define QN_IR_WALK_H

#include "ir/graph.h"

enum qn_walk_event {
    QN_WALK_ENTER, /* graph is a graph whose nodes come next */
    QN_WALK_NODE,  /* node is a node of graph; its bodies come next */
    QN_WALK_LEAVE, /* all nodes of graph were seen */
    QN_WALK_END,
    QN_WALK_TOO_DEEP /* bodies nest deeper than allowed; the walk cannot go on */
};

struct qn_walk_place {
    const struct qn_graph *graph;
    const struct qn_node *node; /* the latest node given out; NULL: none yet */
    int body;                   /* bodies of it that were entered */
};

struct qn_walk {
    int depth; /* places on the path; 1 in the outermost graph */
    const struct qn_graph *graph;
    const struct qn_node *node;
    const struct qn_graph *root;
    struct qn_walk_place path[QN_MAX_NESTING + 1];
};

void qn_walk_init(struct qn_walk *walk, const struct qn_graph *root);
/* The next event; walk->graph and walk->node say where. In ENTER of a body, walk->node is its owner. */
enum qn_walk_event qn_walk_next(struct qn_walk *walk);

#endif
