/* packs.c: packed weights. A pack is keyed by what prepare may depend on: the kernel, the node's parameters and the
 * constants it reads; so plans for other shapes, contexts and equal nodes find it again. */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

enum { MAX_KEY_INPUTS = 16 };

struct pack {
    struct pack *next;
    const struct qn_kernel *kernel;
    const void *params;
    enum qn_cpu_level cpu;
    int n_in;
    const void *in[MAX_KEY_INPUTS]; /* data of constants, NULL for others */
    const void *packed;
    struct qn_arena arena;
};

enum { N_BUCKETS = 256 };

struct qn_packs {
    const struct qn_plan_options *options;
    pthread_mutex_t lock;
    size_t bytes;
    struct pack *buckets[N_BUCKETS];
};

enum qn_status qn_packs_create(struct qn_packs **packs, const struct qn_plan_options *options, struct qn_err *err)
{
    *packs = calloc(1, sizeof(**packs));
    QN_CHECK_MEM(*packs, err);
    (*packs)->options = options;
    pthread_mutex_init(&(*packs)->lock, NULL);
    return QN_OK;
}

static void destroy_pack(struct pack *pack)
{
    qn_arena_deinit(&pack->arena);
    free(pack);
}

void qn_packs_destroy(struct qn_packs *packs)
{
    if (!packs)
        return;
    for (int i = 0; i < N_BUCKETS; i++) {
        while (packs->buckets[i]) {
            struct pack *pack = packs->buckets[i];

            packs->buckets[i] = pack->next;
            destroy_pack(pack);
        }
    }
    pthread_mutex_destroy(&packs->lock);
    free(packs);
}

size_t qn_packs_bytes(struct qn_packs *packs)
{
    size_t bytes;

    pthread_mutex_lock(&packs->lock);
    bytes = packs->bytes;
    pthread_mutex_unlock(&packs->lock);
    return bytes;
}

static struct pack key_of(const struct qn_kernel *kernel, const struct qn_site *site)
{
    struct pack key;

    memset(&key, 0, sizeof(key));
    key.kernel = kernel;
    key.params = site->params;
    key.cpu = site->cpu;
    key.n_in = site->n_in;
    for (int i = 0; i < site->n_in && i < MAX_KEY_INPUTS; i++)
        key.in[i] = site->in[i] && site->in[i]->konst ? site->in[i]->konst->data : NULL;
    return key;
}

static bool same_key(const struct pack *a, const struct pack *b)
{
    return a->kernel == b->kernel && a->params == b->params && a->cpu == b->cpu && a->n_in == b->n_in &&
           memcmp(a->in, b->in, sizeof(a->in)) == 0;
}

static size_t bucket_of(const struct pack *key)
{
    uint64_t hash = qn_hash_bytes(key->in, sizeof(key->in), (uintptr_t)key->kernel);

    return (hash ^ (uintptr_t)key->params >> 4) % N_BUCKETS;
}

/* A pack holds what most kernels go on with; the constants it was made from are read again only if another step does.
 */
static void tell(const struct qn_packs *packs, const struct qn_site *site)
{
    const struct qn_plan_options *options = packs->options;

    for (int i = 0; options->packed_fn && i < site->n_in; i++) {
        const struct qn_tensor *konst = site->in[i] ? site->in[i]->konst : NULL;

        if (konst)
            options->packed_fn(options->packed_arg, konst->data, qn_tensor_bytes(konst));
    }
}

/* With the lock held. */
static enum qn_status add(struct qn_packs *packs, const struct pack *key, const struct qn_site *site,
                          struct pack **added, struct qn_err *err)
{
    struct pack *pack = malloc(sizeof(*pack));
    enum qn_status status;

    QN_CHECK_MEM(pack, err);
    *pack = *key;
    qn_arena_init(&pack->arena, packs->options->max_memory - packs->bytes);
    status = key->kernel->prepare(site, &pack->arena, &pack->packed, err);
    if (status != QN_OK) {
        destroy_pack(pack);
        return status;
    }
    tell(packs, site);
    packs->bytes += pack->arena.used;
    pack->next = packs->buckets[bucket_of(key)];
    packs->buckets[bucket_of(key)] = pack;
    *added = pack;
    return QN_OK;
}

enum qn_status qn_packs_get(struct qn_packs *packs, const struct qn_kernel *kernel, const struct qn_site *site,
                            bool shared, struct qn_arena *arena, const void **packed, struct qn_err *err)
{
    struct pack key = key_of(kernel, site), *pack;
    enum qn_status status = QN_OK;

    *packed = NULL;
    if (!shared || site->n_in > MAX_KEY_INPUTS)
        return kernel->prepare(site, arena, packed, err);
    pthread_mutex_lock(&packs->lock);
    for (pack = packs->buckets[bucket_of(&key)]; pack && !same_key(pack, &key); pack = pack->next)
        ;
    if (!pack)
        status = add(packs, &key, site, &pack, err);
    if (status == QN_OK)
        *packed = pack->packed;
    pthread_mutex_unlock(&packs->lock);
    return status;
}
