/* choose.c: which kernel runs a node, and the accept functions that many descriptors share. */
#include "ops/op.h"

static qn_dtypes types_of(const struct qn_site *site)
{
    qn_dtypes types = 0;

    for (int i = 0; i < site->n_in; i++)
        if (site->in[i])
            types |= (qn_dtypes)1 << site->in[i]->dtype;
    for (int i = 0; i < site->n_out; i++)
        if (site->out[i])
            types |= (qn_dtypes)1 << site->out[i]->dtype;
    return types;
}

const char *qn_accept_f32(const struct qn_site *site)
{
    return site->in[0] && site->in[0]->dtype == QN_FLOAT ? NULL : "not float32";
}

const char *qn_accept_not_narrow(const struct qn_site *site)
{
    return types_of(site) & QN_NARROW ? "a type narrower than float32" : NULL;
}

const char *qn_accept_whole_bytes(const struct qn_site *site)
{
    return types_of(site) & QN_SUB_BYTE ? "a type narrower than a byte" : NULL;
}

const struct qn_kernel *qn_op_choose(const struct qn_op *op, const struct qn_site *site, bool reference,
                                     struct qn_buf *reasons)
{
    const struct qn_kernel *chosen = NULL;

    if (!op->kernels)
        return NULL;
    for (const struct qn_kernel *kernel = op->kernels; kernel->name; kernel++) {
        const char *reason = kernel->accept ? kernel->accept(site) : NULL;

        if (!reason && !reference)
            return kernel;
        if (!reason)
            chosen = kernel;
        else if (reasons)
            qn_buf_printf(reasons, "%s%s: %s", reasons->n ? "; " : "", kernel->name, reason);
    }
    return chosen;
}

bool qn_op_foldable(const struct qn_node *node)
{
    if ((node->op->flags & (QN_RANDOM | QN_NO_FOLD)) || node->n_bodies)
        return false;
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] && !node->in[i]->fact.konst)
            return false;
    return true;
}
