/* pb_print.h: values as serialized TensorProto, SequenceProto, OptionalProto or MapProto: the files of test data sets.
 */
#ifndef QN_TOOLS_PB_PRINT_H
#define QN_TOOLS_PB_PRINT_H

#include "base/buf.h"

/* Appends the value under a name. LIMIT when the buffer is full or values nest too deep. */
enum qn_status qn_pb_print(const struct qn_value *value, const char *name, struct qn_buf *buf, struct qn_err *err);

#endif
