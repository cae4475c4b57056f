/* trees.h: decision trees between the attributes of TreeEnsemble operators and the loops that walk them. Three forms:
 * the attributes; a forest, in which every claim of the attributes was checked (tree_build.c); a pack, laid out for
 * walking (tree_pack.c, tree_walk.c). What becomes of the leaves that rows reach is the operators' (tree_ensemble.c).
 */
#ifndef QN_OPS_TREES_H
#define QN_OPS_TREES_H

#include "ops/op.h"

/* ---- Forest --------------------------------------------------------------------------------------------------- */

/* When a branch takes its true side, as bits: x below, equal to, above the threshold, or NaN. */
enum { QN_TREE_BELOW = 1, QN_TREE_EQUAL = 2, QN_TREE_ABOVE = 4, QN_TREE_NAN = 8, QN_TREE_MEMBER = 16 };

/* A comparison with a threshold; with QN_TREE_MEMBER membership in set `set` instead. */
struct qn_tree_branch {
    double threshold;
    uint32_t feature;
    uint32_t set;
    uint8_t when;
    int32_t child[2]; /* of the false and of the true side: a branch when >= 0, else leaf ~child */
};

/* What a leaf says. */
struct qn_tree_vote {
    double weight;
    int64_t target;
};

struct qn_forest {
    int64_t n_targets;
    int64_t n_branches, n_leaves, n_trees;
    struct qn_tree_branch *branches;
    int32_t *roots;     /* as children, in the order of the sums */
    size_t *first_vote; /* [n_leaves + 1]: votes of leaf i are votes[first_vote[i] .. first_vote[i + 1]) */
    struct qn_tree_vote *votes;
    double *members;      /* all sets, one after the other */
    size_t *first_member; /* [n_sets + 1] */
    int64_t width;        /* one more than the highest feature */
    int64_t largest;      /* branches of the largest tree */
    bool shared;          /* some branch has two parents */
};

/* The attributes of versions 1 and 3. Numbers are float lists or tensors of float or double; a tensor without data
 * stands for nothing given. */
struct qn_tree_nodes {
    struct qn_ints tree_ids, node_ids, feature_ids, true_ids, false_ids, missing_true;
    struct qn_strs modes;
    struct qn_tensor values;
    struct qn_ints vote_tree_ids, vote_node_ids, vote_targets;
    struct qn_tensor vote_weights;
};

/* The attributes of version 5. */
struct qn_tree_splits {
    struct qn_ints roots, feature_ids, true_ids, false_ids, true_leafs, false_leafs, missing_true, leaf_targets;
    const struct qn_tensor *modes, *splits, *leaf_weights, *members;
};

/* Both check everything: sizes, that ids are there and targets in range, that every node belongs to one tree, is
 * reached, and by no circle. In versions 1 and 3 a node may have several parents: that is how exporters write that a
 * category is one of a set. FORMAT names tree and node. forest->n_targets is set before. Linear in the nodes; the arena
 * holds scratch beside the forest only during the call. */
enum qn_status qn_forest_of_nodes(struct qn_forest *forest, const struct qn_tree_nodes *nodes, struct qn_arena *arena,
                                  struct qn_err *err);
enum qn_status qn_forest_of_splits(struct qn_forest *forest, const struct qn_tree_splits *splits,
                                   struct qn_arena *arena, struct qn_err *err);

/* The leaf that x reaches in a tree; x has at least forest->width features. The plain walk. */
int64_t qn_forest_leaf(const struct qn_forest *forest, int64_t tree, const double *x);

/* ---- Pack ----------------------------------------------------------------------------------------------------- */

/* From node i a row goes on to i + step, or to the node after that when it takes the second side. A leaf goes on to
 * itself, so that trees of different depth can be walked side by side. Small nodes: the second side is x <= threshold.
 * Everything else is brought to this form: a NaN row value takes the first side by itself, and the second where the
 * node reads a copy of the row with -inf in place of NaN. A leaf reads a slot that is always NaN. Wide nodes: the
 * second side is when the comparison's bit is set in `when`, and has none set in a leaf. */
struct qn_tree_small {
    union {
        float threshold;
        float value;   /* of a leaf in a direct pack */
        uint32_t leaf; /* of a leaf otherwise: its number in the forest */
    };
    uint16_t feature;
    uint16_t step;
};
struct qn_tree_wide {
    union {
        double threshold;
        double value;
        uint64_t leaf;
    };
    uint32_t feature : 28;
    uint32_t when : 4;
    uint32_t step;
};

/* Trees are walked in windows of this many, in each window by rising depth, eight at a time. */
enum { QN_TREE_LANES = 8, QN_TREE_WINDOW = 64 };

struct qn_tree_pack {
    const struct qn_forest *forest;
    const struct qn_tree_small *small; /* one of the two */
    const struct qn_tree_wide *wide;
    const uint32_t *roots;  /* [n_trees] */
    const uint32_t *depths; /* [n_trees] steps to the deepest leaf */
    const uint8_t *order;   /* [n_trees] places within the window, by depth */
    bool direct;            /* every leaf has one vote, and all of one tree name one target */
    const int32_t *targets; /* [n_trees] of a direct pack; NULL when they are all `target` */
    int32_t target;
    int64_t width; /* features read */
    int64_t slots; /* elements of a row as the nodes see it: features, for small nodes NaN, features again */
    double visits; /* steps that one row takes, at most */
};

/* Whether the forest fits the form. Member branches fit neither, nor do shared ones, of which there would be copies
 * without end. */
bool qn_tree_fits_small(const struct qn_forest *forest);
bool qn_tree_fits_wide(const struct qn_forest *forest);
/* direct: allowed, where the forest permits it. */
enum qn_status qn_tree_pack_make(const struct qn_forest *forest, bool wide, bool direct, struct qn_arena *arena,
                                 const struct qn_tree_pack **pack, struct qn_err *err);

/* Makes rows of x, from row `first` on, as the nodes see them: [slots][QN_TREE_LANES] for n <= QN_TREE_LANES rows,
 * missing ones zero; or one row, [slots]. float for small nodes, double for wide ones. */
void qn_tree_rows(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t first, int64_t n, void *rows);
void qn_tree_row(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t i, void *row);
/* The nodes where one row ends in the trees of window w; where the rows of a block end in one tree. */
void qn_tree_walk_window(const struct qn_tree_pack *pack, const void *row, int64_t w, uint32_t ends[QN_TREE_WINDOW]);
void qn_tree_walk_rows(const struct qn_tree_pack *pack, const void *rows, int64_t tree, uint32_t ends[QN_TREE_LANES]);

static inline double qn_tree_value(const struct qn_tree_pack *pack, uint32_t node)
{
    return pack->wide ? pack->wide[node].value : (double)pack->small[node].value;
}
static inline size_t qn_tree_leaf(const struct qn_tree_pack *pack, uint32_t node)
{
    return pack->wide ? (size_t)pack->wide[node].leaf : pack->small[node].leaf;
}

#endif
