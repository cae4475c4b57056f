/* codec.h: what a wire format is to the rest of the server. A codec turns a request body into a model's input values
 * and the output values into an answer body. Each format is one file with one struct qn_codec; routes name it in their
 * row.
 *
 * A codec never sees sockets, threads or sessions. Everything it allocates lives in the exchange's scratch, and input
 * values may point into the body, which stays in place until the answer is made. */
#ifndef QN_CODEC_CODEC_H
#define QN_CODEC_CODEC_H

#include "base/buf.h"
#include "server/codec/json_print.h"
#include "server/scratch.h"

/* What a model takes and gives, borrowed from its session. */
struct qn_signature {
    const struct qn_io *const *inputs;
    const struct qn_io *const *outputs;
    size_t n_inputs;
    size_t n_outputs;
};

/* One request on its way: filled by the caller, completed by decode. */
struct qn_exchange {
    const struct qn_signature *model;
    struct qn_scratch *scratch;
    char *body; /* n_body bytes, then 64 readable bytes of zero; decoding may change it */
    size_t n_body;
    size_t max_batch;     /* the most examples of one request */
    enum qn_nan_mode nan; /* how the answer writes NaN and infinities */

    struct qn_value *inputs; /* one per model input */
    size_t n_runs;           /* 1, or one per example when the model takes one at a time; 0 for no example */
    bool turns;              /* the examples of input 0 are run one by one, also when there is just one */
    size_t stride;           /* bytes from one example of input 0 to the next, then */
    int form;                /* the codec's own note, from decode to encode */
};

struct qn_codec {
    const char *name;         /* "predict" */
    const char *content_type; /* of the answer */
    enum qn_status (*decode)(struct qn_exchange *exchange, struct qn_err *err);
    /* outputs: one per model output; after turns, each a sequence of the runs' values. Appends to out. */
    enum qn_status (*encode)(const struct qn_exchange *exchange, const struct qn_value *outputs, struct qn_buf *out,
                             struct qn_err *err);
};

extern const struct qn_codec qn_codec_predict;

#endif
