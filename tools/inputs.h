/* inputs.h: where run and bench take a model's inputs from: files by name, a data set folder, or random values. */
#ifndef QN_TOOLS_INPUTS_H
#define QN_TOOLS_INPUTS_H

#include "tools/data.h"
#include "tools/options.h"

struct qn_inputs {
    const char *model; /* to find test_data_set_0 beside it */
    const char *data;  /* folder of a data set; NULL */
    struct qn_texts
        files; /* NAME=FILE, FILE for an only input, FILE.npz with arrays named as inputs; they go before data */
    struct qn_texts shapes; /* NAME=1x3x224x224 */
    bool random;            /* what is still missing is random */
    bool beside;            /* look for test_data_set_0 beside the model first */
    int seed;
};

/* One value per input of the model, in the arena. */
enum qn_status qn_inputs_read(const struct qn_inputs *inputs, const struct qn_session *session, struct qn_arena *arena,
                              struct qn_value *values, struct qn_err *err);

#endif
