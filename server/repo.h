/* repo.h: the models being served. A path is one model file, or a folder with NAME.onnx, NAME/model.onnx or
 * NAME/VERSION/model.onnx. Every model is loaded, given its contexts and run once before it counts; requests hold a
 * reference for as long as they use it. */
#ifndef QN_SERVER_REPO_H
#define QN_SERVER_REPO_H

#include <stdatomic.h>

#include "server/codec/codec.h"
#include "server/queue.h"

struct qn_model {
    const char *name;
    int64_t version;
    struct qn_session *session;
    struct qn_signature signature;
    struct qn_queue *queue;
    size_t max_body; /* longest request body that makes sense for it */
    int n_contexts;
    int64_t load_ns;
    _Atomic int n_users;
};

struct qn_repo_options {
    const char *path; /* file or folder; NULL: bytes */
    const char *name; /* of a file's model; NULL: the file's stem */
    const void *bytes;
    size_t n_bytes;
    int threads;       /* compute threads */
    int max_waiting;   /* requests waiting per model */
    size_t max_memory; /* for all models */
    size_t max_batch;
    size_t max_body; /* 0: from each model */
};

struct qn_repo;

/* Fails with the first model that cannot be loaded, or when there is none. */
enum qn_status qn_repo_open(const struct qn_repo_options *options, struct qn_repo **repo, struct qn_err *err);
void qn_repo_close(struct qn_repo *repo); /* no model is in use */

size_t qn_repo_n_models(const struct qn_repo *repo);
/* Ordered by name and version; borrowed. */
const struct qn_model *qn_repo_model(const struct qn_repo *repo, size_t index);

/* By name and version; data NULL: the only model, the latest version. NULL when there is no such model, or there are
 * several and no name. */
struct qn_model *qn_repo_acquire(struct qn_repo *repo, struct qn_str name, struct qn_str version);
void qn_repo_release(struct qn_model *model);

#endif
