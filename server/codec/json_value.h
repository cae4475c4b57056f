/* json_value.h: tensors, sequences, optionals and maps as JSON text. A tensor is nested by its shape, a sequence an
 * array, an absent optional null, a map an object whose keys are strings also where the model has integers. */
#ifndef QN_CODEC_JSON_VALUE_H
#define QN_CODEC_JSON_VALUE_H

#include "base/buf.h"
#include "server/codec/json_print.h"

/* UNSUPPORTED for a type that JSON cannot carry, LIMIT when the buffer is full; name is for the message. */
enum qn_status qn_json_put_value(struct qn_buf *out, const struct qn_value *value, enum qn_nan_mode nan,
                                 const char *name, struct qn_err *err);
/* The elements [first, first + n) of a tensor, separated by commas, without brackets. */
enum qn_status qn_json_put_elements(struct qn_buf *out, const struct qn_tensor *tensor, size_t first, size_t n,
                                    enum qn_nan_mode nan, const char *name, struct qn_err *err);

#endif
