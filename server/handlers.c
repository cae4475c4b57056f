/* handlers.c: what the routes do. Probes, and the way of an inference: acquire the model, decode, wait for a context,
 * run, encode, release. */
#include <string.h>

#include "base/cpu.h"
#include "server/codec/turns.h"
#include "server/route.h"

/* ---- probes ---- */

static void answer_json(struct qn_workspace *w, const char *text)
{
    w->answer.status = 200;
    w->answer.content_type = "application/json";
    qn_buf_puts(w->answer.body, text);
}

void qn_handle_live(struct qn_server *server, struct qn_workspace *w)
{
    (void)server;
    answer_json(w, "{\"live\":true}");
}

void qn_handle_ready(struct qn_server *server, struct qn_workspace *w)
{
    if (atomic_load(&server->is_ready))
        answer_json(w, "{\"ready\":true}");
    else
        qn_refuse(w, QN_PROBLEM_DRAINING, "the server is about to end");
}

/* ---- inference ---- */

/* One request and all it holds. */
struct inference {
    struct qn_server *server;
    struct qn_workspace *w;
    struct qn_model *model;
    struct qn_lane *lane;
    struct qn_exchange exchange;
    struct qn_value *outputs; /* of the latest run */
    struct qn_control control;
    enum qn_status status; /* of the latest run */
    struct qn_err err;
};

static void run_here(void *arg)
{
    struct inference *i = arg;

    i->status = qn_run(i->lane->context, i->exchange.inputs, i->outputs, &i->control, &i->err);
}

static enum qn_status run_once(struct inference *i)
{
    memset(i->outputs, 0, i->model->signature.n_outputs * sizeof(*i->outputs));
    qn_stack_call(i->lane->stack, run_here, i);
    return i->status;
}

/* Examples one by one; the outputs become sequences. */
static enum qn_status run_turns(struct inference *i)
{
    struct qn_value *joined = qn_turns_begin(&i->exchange);

    QN_CHECK_MEM(joined, &i->err);
    for (size_t run = 0; run < i->exchange.n_runs; run++) {
        if (run > 0)
            qn_turns_advance(&i->exchange);
        QN_TRY(run_once(i));
        QN_TRY(qn_turns_keep(&i->exchange, joined, run, i->outputs, &i->err));
    }
    i->outputs = joined;
    return QN_OK;
}

/* The outputs live in the context, so it is held until they are encoded. */
static enum qn_status run_and_encode(struct inference *i, int64_t started_ns)
{
    struct qn_request *request = &i->w->request;
    int64_t run_ns;
    enum qn_status status = i->exchange.turns ? run_turns(i) : run_once(i);

    run_ns = qn_now_ns();
    request->infer_ns = run_ns - started_ns;
    if (status == QN_OK)
        status = request->route->codec->encode(&i->exchange, i->outputs, i->w->answer.body, &i->err);
    request->write_ns = qn_now_ns() - run_ns;
    return status;
}

static enum qn_status infer(struct inference *i)
{
    struct qn_request *request = &i->w->request;
    int64_t parsed_ns;
    int64_t acquired_ns;
    int64_t begin_ns = qn_now_ns();
    enum qn_status status;

    QN_TRY(request->route->codec->decode(&i->exchange, &i->err));
    i->outputs = qn_scratch_array(&i->w->scratch, i->model->signature.n_outputs, sizeof(*i->outputs));
    QN_CHECK_MEM(i->outputs, &i->err);
    parsed_ns = qn_now_ns();
    request->parse_ns = parsed_ns - begin_ns;
    status = qn_queue_acquire(i->model->queue, i->control.deadline_ns, i->control.cancel, &i->lane, &i->err);
    acquired_ns = qn_now_ns();
    request->queue_ns = acquired_ns - parsed_ns;
    if (status != QN_OK)
        return status;
    status = run_and_encode(i, acquired_ns);
    qn_queue_release(i->model->queue, i->lane, request->infer_ns);
    return status;
}

void qn_handle_infer(struct qn_server *server, struct qn_workspace *w)
{
    struct inference i = {.server = server, .w = w};
    enum qn_status status;

    i.model = qn_repo_acquire(server->repo, w->request.model, w->request.version);
    if (i.model == NULL) {
        qn_refuse(w, QN_PROBLEM_MODEL_NOT_FOUND, "the model was taken away");
        return;
    }
    i.control =
        (struct qn_control){w->request.started_ns + server->config->timeout_ms * INT64_C(1000000), w->request.cancel};
    i.exchange = (struct qn_exchange){
        .model = &i.model->signature,
        .scratch = &w->scratch,
        .body = w->request.body,
        .n_body = w->request.n_body,
        .max_batch = (size_t)server->config->max_batch,
        .nan = server->nan,
    };
    status = infer(&i);
    if (status == QN_OK) {
        w->answer.status = 200;
        w->answer.content_type = w->request.route->codec->content_type;
    } else if (status == QN_CANCELLED && !atomic_load(&server->is_ready)) {
        qn_refuse(w, QN_PROBLEM_DRAINING, "the server ends before the run does");
    } else {
        i.err.status = status;
        qn_refuse_status(w, &i.err);
    }
    qn_repo_release(i.model);
}
