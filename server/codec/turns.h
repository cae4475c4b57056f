/* turns.h: models that take one example at a time, asked for several. The runs' outputs are kept and joined to
 * sequences, so that an encoder sees one value per output however many runs there were. */
#ifndef QN_CODEC_TURNS_H
#define QN_CODEC_TURNS_H

#include "server/codec/codec.h"

/* After decode set input 0 to the first of x->n_runs examples, one after the other in memory: sets x->stride. LIMIT
 * when examples do not begin on byte boundaries. */
enum qn_status qn_turns_measure(struct qn_exchange *x, struct qn_err *err);

/* Points input 0 at the next example. */
void qn_turns_advance(struct qn_exchange *x);

/* One sequence per output, with room for the runs, in the scratch; NULL when out of memory. */
struct qn_value *qn_turns_begin(const struct qn_exchange *x);

/* Copies what a run gave to joined, as item number run of each sequence. A tensor loses its first dim where that is 1,
 * a sequence of one becomes its item: what is left belongs to the one example. */
enum qn_status qn_turns_keep(const struct qn_exchange *x, struct qn_value *joined, size_t run,
                             const struct qn_value *outputs, struct qn_err *err);

#endif
