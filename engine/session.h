/* session.h: what tools may see of a session beside the public interface: texts about the model, its graph and its
 * plan. */
#ifndef QN_SESSION_H
#define QN_SESSION_H

#include "base/buf.h"
#include "quern.h"

struct qn_model;
struct qn_plan;

/* The imported model: opsets, producer, the graph after the passes. Borrowed. */
const struct qn_model *qn_session_model(const struct qn_session *session);
/* The plan for the declared shapes with unknown dims as 1, or for the given values (NULL: none); released by
 * qn_plan_release(). */
enum qn_status qn_session_acquire_plan(struct qn_session *session, const struct qn_value *inputs, struct qn_plan **plan,
                                       struct qn_err *err);
/* That plan as text: steps, kernels (and why others declined), offsets. */
enum qn_status qn_session_print_plan(struct qn_session *session, const struct qn_value *inputs, struct qn_buf *buf,
                                     struct qn_err *err);

#endif
