/* outputs.h: a model's outputs as files of a folder. */
#ifndef QN_TOOLS_OUTPUTS_H
#define QN_TOOLS_OUTPUTS_H

#include "quern.h"

/* Writes DIR/<name>.npy (or .pb, .json) for each output, or DIR/outputs.npz with all of them; makes the folder. Each
 * file appears whole or not at all. Signs that have a meaning in paths become '_' in names. */
enum qn_status qn_outputs_write(const char *folder, const char *format, const struct qn_session *session,
                                const struct qn_value *outputs, struct qn_err *err);

#endif
