/* forms.h: functions that exporters write out in primitive operators, recognised from their last operator. */
#ifndef QN_OPS_FORMS_H
#define QN_OPS_FORMS_H

#include "ops/op.h"

/* A rewrite for Mul and Div (version 7 on): Swish, HardSwish, Mish, Gelu, LayerNormalization in float32 become one
 * node, when nothing else reads what lies between. */
enum qn_status qn_form_rewrite(struct qn_rewrite *rewrite, struct qn_node *node);

#endif
