/* build.h: making and freeing one plan; private to the plan layer. */
#ifndef QN_PLAN_BUILD_H
#define QN_PLAN_BUILD_H

#include "plan/plan.h"

enum qn_status qn_plan_build(struct qn_program *program, const struct qn_fact *inputs, struct qn_plan **plan,
                             struct qn_err *err);
void qn_plan_free(struct qn_plan *plan);

#endif
