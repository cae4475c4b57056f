/* json_tensor.h: one tensor out of JSON, flat or nested, written straight into its memory while the text is read once.
 * The nesting found is reported as a shape; whether it is the right one is for the caller, who knows the model's input.
 */
#ifndef QN_CODEC_JSON_TENSOR_H
#define QN_CODEC_JSON_TENSOR_H

#include "server/codec/json_scan.h"
#include "server/scratch.h"

struct qn_json_tensor {
    /* in */
    const char *name; /* of the input, for messages */
    enum qn_dtype dtype;
    size_t max;      /* the most elements that can be right; more are counted, not stored. SIZE_MAX: any number */
    bool non_finite; /* accept the tokens NaN, Infinity, -Infinity */
    /* out */
    void *data; /* from the scratch; strings are struct qn_str into the text */
    size_t n;   /* elements in the text */
    int rank;   /* of the nesting; 0 for a value without brackets */
    int64_t dims[QN_MAX_RANK];
};

/* FORMAT for malformed JSON, a value of the wrong kind or out of range, arrays of unequal length; the element is named
 * by its indices. UNSUPPORTED for a type that JSON cannot carry. */
enum qn_status qn_json_read_tensor(struct qn_json *json, struct qn_scratch *scratch, struct qn_json_tensor *tensor);

#endif
