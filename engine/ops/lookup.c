/* lookup.c: from domain, name and opset to a descriptor. The tables are generated from the folder's file names; they
 * are small enough that a hash over all rows is built once per process. */
#include <pthread.h>
#include <string.h>

#include "base/strmap.h"
#include "ops/op.h"

enum { MAX_ROWS = 4096, N_BUCKETS = 1024 };

/* Rows of one domain and name stand together in their table, in rising order of `since`. */
static const struct qn_op *bucket_rows[MAX_ROWS];
static short bucket_next[MAX_ROWS];
static short buckets[N_BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t bucket_of(const char *domain, const char *name)
{
    return qn_hash_bytes(name, strlen(name), strlen(domain)) % N_BUCKETS;
}

static void build(void)
{
    short n = 0;

    memset(buckets, -1, sizeof(buckets));
    for (const struct qn_op *const *table = qn_ops_tables; *table; table++) {
        for (const struct qn_op *op = *table; op->name && n < MAX_ROWS; op++, n++) {
            size_t b = bucket_of(op->domain, op->name);

            bucket_rows[n] = op;
            bucket_next[n] = buckets[b];
            buckets[b] = n;
        }
    }
}

static int64_t newest_of(const char *domain)
{
    if (strcmp(domain, "") == 0)
        return QN_NEWEST_OPSET;
    if (strcmp(domain, "ai.onnx.ml") == 0)
        return QN_NEWEST_ML;
    return 1;
}

enum qn_status qn_op_find(const char *domain, const char *name, int64_t opset, bool allow_newer,
                          const struct qn_op **op, struct qn_err *err)
{
    const struct qn_op *best = NULL;
    bool known = false;

    *op = NULL;
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    if (allow_newer && opset > newest_of(domain))
        opset = newest_of(domain);
    pthread_once(&once, build);
    for (short i = buckets[bucket_of(domain, name)]; i >= 0; i = bucket_next[i]) {
        const struct qn_op *row = bucket_rows[i];

        if (strcmp(row->name, name) != 0 || strcmp(row->domain, domain) != 0)
            continue;
        known = true;
        if (row->since <= opset && (!best || row->since > best->since))
            best = row;
    }
    const char *shown = *domain ? domain : "ai.onnx";
    QN_CHECK(known, err, UNSUPPORTED, "operator %s:%s is not known", shown, name);
    QN_CHECK(best, err, UNSUPPORTED, "operator %s:%s does not exist in opset %lld", shown, name, (long long)opset);
    QN_CHECK(opset <= best->until || opset > newest_of(domain), err, UNSUPPORTED,
             "operator %s:%s was dropped after opset %d, the model is of opset %lld", shown, name, best->until,
             (long long)opset);
    QN_CHECK(opset <= best->until, err, UNSUPPORTED,
             "operator %s:%s of opset %lld is newer than the newest opset known, %d", shown, name, (long long)opset,
             (int)newest_of(domain));
    *op = best;
    return QN_OK;
}
