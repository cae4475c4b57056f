/* bodies.h: frames of the bodies of control-flow nodes, kept from run to run; private to the run layer. */
#ifndef QN_RUN_BODIES_H
#define QN_RUN_BODIES_H

#include "run/frame.h"

/* The body service of struct qn_services; self is the frame of the calling node. */
enum qn_status qn_run_body(void *self, const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                           struct qn_value *outs, size_t n_outs);
void qn_body_frames_destroy(struct qn_body_frames *bodies);
size_t qn_body_frames_bytes(const struct qn_body_frames *bodies);

#endif
