/* workspace.c: the pool of request memory; see workspace.h. */
#include "server/workspace.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_BYTES = 64 * 1024, /* what a workspace may always keep */
    FIRST_SCRATCH = 6144,    /* what a small request takes, so that it finds it there */
    FIRST_OUT = 3072
};

struct qn_workspaces {
    pthread_mutex_t lock;
    struct qn_workspace *idle;
    size_t kept; /* bytes the idle ones hold */
    size_t max_kept;
    size_t max_request;
};

static void destroy(struct qn_workspace *workspace)
{
    qn_scratch_deinit(&workspace->scratch);
    qn_buf_deinit(&workspace->out);
    free(workspace);
}

/* Its pages are taken here, by writing to them, not when a request comes. */
static struct qn_workspace *create(const struct qn_workspaces *pool)
{
    struct qn_workspace *workspace = calloc(1, sizeof(*workspace));
    char *out;

    if (workspace == NULL)
        return NULL;
    qn_scratch_init(&workspace->scratch, pool->max_request);
    qn_buf_init(&workspace->out, pool->max_request);
    out = qn_buf_reserve(&workspace->out, FIRST_OUT);
    if (out == NULL || !qn_scratch_prepare(&workspace->scratch, FIRST_SCRATCH)) {
        destroy(workspace);
        return NULL;
    }
    memset(out, 0, FIRST_OUT);
    return workspace;
}

struct qn_workspaces *qn_workspaces_create(size_t max_request, size_t max_kept, int n)
{
    struct qn_workspaces *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return NULL;
    pool->max_request = max_request;
    pool->max_kept = max_kept;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        struct qn_workspace *workspace = create(pool);

        if (workspace == NULL) {
            qn_workspaces_destroy(pool);
            return NULL;
        }
        qn_workspace_give(pool, workspace);
    }
    return pool;
}

void qn_workspaces_destroy(struct qn_workspaces *pool)
{
    if (pool == NULL)
        return;
    while (pool->idle != NULL) {
        struct qn_workspace *next = pool->idle->next;

        destroy(pool->idle);
        pool->idle = next;
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static size_t held(const struct qn_workspace *workspace)
{
    return qn_scratch_held(&workspace->scratch) + workspace->out.capacity;
}

/* Everything but the bulk of the strings, which is written before it is read. */
static void clear(struct qn_workspace *workspace)
{
    memset(&workspace->request, 0, sizeof(workspace->request));
    memset(&workspace->answer, 0, offsetof(struct qn_answer, headers));
    workspace->answer.body = &workspace->out;
    workspace->answer.body_at = QN_HEAD_BYTES;
}

struct qn_workspace *qn_workspace_take(struct qn_workspaces *pool)
{
    struct qn_workspace *workspace;

    pthread_mutex_lock(&pool->lock);
    workspace = pool->idle;
    if (workspace != NULL) {
        pool->idle = workspace->next;
        pool->kept -= held(workspace);
    }
    pthread_mutex_unlock(&pool->lock);
    if (workspace == NULL)
        workspace = create(pool);
    if (workspace == NULL)
        return NULL;
    clear(workspace);
    if (qn_buf_reserve(&workspace->out, QN_HEAD_BYTES) == NULL) {
        destroy(workspace);
        return NULL;
    }
    workspace->out.n = QN_HEAD_BYTES;
    return workspace;
}

void qn_workspace_give(struct qn_workspaces *pool, struct qn_workspace *workspace)
{
    size_t room;
    size_t n_out = workspace->out.capacity;

    qn_buf_clear(&workspace->out);
    pthread_mutex_lock(&pool->lock);
    room = pool->max_kept > pool->kept ? pool->max_kept - pool->kept : 0;
    pthread_mutex_unlock(&pool->lock);
    if (n_out > SMALL_BYTES && n_out > room / 2)
        qn_buf_deinit(&workspace->out);
    qn_scratch_reset(&workspace->scratch, room / 2 > SMALL_BYTES ? room / 2 : SMALL_BYTES);
    pthread_mutex_lock(&pool->lock);
    workspace->next = pool->idle;
    pool->idle = workspace;
    pool->kept += held(workspace);
    pthread_mutex_unlock(&pool->lock);
}
