/* workspace.h: the pool of request memory. The one given back last is taken first, so that a few warm ones serve many
 * connections; what idle ones may keep is bounded. */
#ifndef QN_SERVER_WORKSPACE_H
#define QN_SERVER_WORKSPACE_H

#include "server/http.h"

struct qn_workspaces;

/* max_request: the most bytes one request may take for its input, and again for its answer. max_kept: the most all idle
 * ones may hold. The first n are made now, each with room for a small request. NULL: out of memory. */
struct qn_workspaces *qn_workspaces_create(size_t max_request, size_t max_kept, int n);
void qn_workspaces_destroy(struct qn_workspaces *pool); /* all were given back */
/* With an empty request and answer, room for the header before the answer's body. NULL: out of memory. */
struct qn_workspace *qn_workspace_take(struct qn_workspaces *pool);
void qn_workspace_give(struct qn_workspaces *pool, struct qn_workspace *workspace);

#endif
