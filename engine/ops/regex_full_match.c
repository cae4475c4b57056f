/* regex_full_match.c: RegexFullMatch: which strings a regular expression matches from end to end. The expressions are
 * in regex.h, where what is not covered is said too. */
#include "base/checked.h"
#include "ops/ml.h"
#include "ops/regex.h"

struct full_match {
    struct qn_str pattern;
    const struct qn_regex *regex;
};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct full_match *p = params;

    (void)node;
    return qn_regex_compile(p->pattern, arena, &p->regex, err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out(in, 0, QN_BOOL, &qn_infer_in(in, 0)->shape);
}

struct job {
    const struct full_match *p;
    const struct qn_tensor *x;
    bool *y;
    char *rooms;
};

static size_t room_of(const struct full_match *p) { return qn_round_up(qn_regex_room(p->regex), 64); }

static size_t workspace(const struct qn_site *site)
{
    size_t bytes;

    return qn_mul(room_of(site->params), (size_t)site->threads, &bytes) ? bytes : SIZE_MAX;
}

static void match_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(qn_tensor_count(j->x), 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        j->y[i] = qn_regex_matches(j->p->regex, ((const struct qn_str *)j->x->data)[i],
                                   j->rooms + (size_t)part * room_of(j->p));
}

static enum qn_status regex_full_match_ref(const struct qn_call *call)
{
    struct job j = {call->params, qn_in(call, 0), qn_out(call, 0)->data, call->workspace};
    int64_t n = qn_tensor_count(j.x);
    double bytes = 0;
    int parts;

    for (int64_t i = 0; i < n; i++)
        bytes += (double)((const struct qn_str *)j.x->data)[i].n;
    parts = n ? qn_ml_parts(call->pool, n, 64 * (bytes / (double)n + 4)) : 1;
    qn_pool_run(call->pool, parts < call->threads ? parts : call->threads, match_part, &j);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "regex_full_match_ref", .workspace = workspace, .run = regex_full_match_ref}, {.name = NULL}};

const struct qn_op qn_ops_regex_full_match[] = {
    {.domain = "",
     .name = "RegexFullMatch",
     .since = 20,
     .until = QN_NEWEST_OPSET,
     .in = QN_FORMALS(QN_IN("X", '1', QN_BIT(STRING))),
     .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(BOOL))),
     .attrs = QN_ATTRS(QN_STRING_ATTR(full_match, pattern, "")),
     QN_PARAMS(full_match),
     .parse = parse,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT},
    {.name = NULL},
};
