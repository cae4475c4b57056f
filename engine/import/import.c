/* import.c: a model from its bytes: map, pre-scan, what the model says of itself, functions, graph. The parts are in
 * files of their own; this one owns the order of things and what is released at the end. */
#include "import/import.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "import/importer.h"

enum { MODEL_GRAPH = 7, OLDEST_IR = 3, NEWEST_IR = 13 };

/* Bytes of functions that calls may expand to, besides a multiple of the file. */
static const size_t base_expansion = (size_t)1 << 26;

/* ---- What a file that is no model may be ------------------------------------------------------------------------ */

static const struct {
    size_t at;
    const char *bytes;
    const char *what;
} magics[] = {
    {0, "PK\003\004", "a zip archive, such as PyTorch writes"},
    {0, "\037\213", "gzip-compressed data"},
    {0, "version https://git-lfs", "a pointer of Git LFS, not the file itself"},
    {0, "GGUF", "a GGUF file, such as llama.cpp reads"},
    {4, "ORTM", "a model in onnxruntime's own format"},
    {4, "TFL3", "a TensorFlow Lite model"},
    {0, "\211HDF", "an HDF5 file, such as Keras writes"},
    {0, "\223NUMPY", "a NumPy array"},
    {0, "\200\002", "a Python pickle"},
    {0, "\200\003", "a Python pickle"},
    {0, "\200\004", "a Python pickle"},
    {0, "\200\005", "a Python pickle"},
    {8, "{\"", "a safetensors file"},
};

/* The beginning of JSON, HTML, source text and so on: no byte that is not printable. */
static bool is_text(const unsigned char *bytes, size_t n)
{
    size_t looked_at = n < 64 ? n : 64;

    for (size_t i = 0; i < looked_at; i++)
        if ((bytes[i] < ' ' || bytes[i] > '~') && !strchr("\t\n\r", bytes[i]))
            return false;
    return true;
}

static const char *guess(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        size_t length = strlen(magics[i].bytes);

        if (n >= magics[i].at + length && memcmp(bytes + magics[i].at, magics[i].bytes, length) == 0)
            return magics[i].what;
    }
    return is_text(bytes, n) ? "text, such as JSON or HTML" : NULL;
}

static enum qn_status prescan(struct qn_importer *imp, struct qn_slice bytes)
{
    struct qn_err why = {0};
    struct qn_prescan scan;
    enum qn_status status;
    const char *what;

    QN_CHECK(bytes.n > 0, imp->err, FORMAT, "the model is empty");
    status = qn_prescan(bytes.data, bytes.n, QN_PROTO_MODEL, &scan, &why);
    if (status == QN_OK) {
        imp->model->n_nodes_in_file = scan.n[QN_PROTO_NODE];
        return QN_OK;
    }
    what = guess(bytes.data, bytes.n);
    if (what && status == QN_FORMAT)
        QN_FAIL(imp->err, FORMAT, "not an ONNX model: it looks like %s", what);
    return qn_err_set(imp->err, status, "not a valid ONNX model: %s", why.text);
}

/* ---- What the model says of itself ------------------------------------------------------------------------------ */

static enum qn_status keep(struct qn_importer *imp, const char *text, const char **kept)
{
    *kept = qn_arena_strdup(&imp->model->arena, text ? text : "");
    QN_CHECK_MEM(*kept, imp->err);
    return QN_OK;
}

static enum qn_status check_ir(struct qn_importer *imp, int64_t version)
{
    QN_CHECK(version >= 1, imp->err, FORMAT, "the model has IR version %lld", (long long)version);
    QN_CHECK(version >= OLDEST_IR, imp->err, UNSUPPORTED, "IR version %lld is older than %d, the oldest supported",
             (long long)version, OLDEST_IR);
    QN_CHECK(version <= NEWEST_IR || imp->options->allow_newer, imp->err, UNSUPPORTED,
             "IR version %lld is newer than %d, the newest known", (long long)version, NEWEST_IR);
    return QN_OK;
}

static enum qn_status read_header(struct qn_importer *imp, struct qn_slice bytes)
{
    const uint32_t small =
        QN_FIELD(1) | QN_FIELD(2) | QN_FIELD(3) | QN_FIELD(4) | QN_FIELD(5) | QN_FIELD(6) | QN_FIELD(8);
    struct qn_model *model = imp->model;
    const QnOnnx__ModelProto *proto = QN_DECODE(model_proto, &imp->fixed, bytes, small, imp->err);

    if (!proto)
        return QN_NOMEM;
    QN_TRY(check_ir(imp, proto->ir_version));
    model->ir_version = proto->ir_version;
    QN_TRY(keep(imp, proto->producer_name, &model->producer));
    QN_TRY(keep(imp, proto->producer_version, &model->producer_version));
    QN_TRY(keep(imp, proto->domain, &model->model_domain));
    QN_TRY(keep(imp, proto->doc_string, &model->doc));
    QN_CHECK(proto->n_opset_import > 0, imp->err, FORMAT, "the model imports no operator set");
    return qn_opsets_read(imp, proto->opset_import, proto->n_opset_import, &model->opsets, &model->n_opsets);
}

static enum qn_status read_model(struct qn_importer *imp, struct qn_slice bytes)
{
    struct qn_slice graph;

    QN_TRY(prescan(imp, bytes));
    imp->max_expanded = base_expansion + 8 * (bytes.n < SIZE_MAX / 16 ? bytes.n : SIZE_MAX / 16);
    QN_TRY(read_header(imp, bytes));
    QN_CHECK(qn_proto_bytes(bytes, MODEL_GRAPH, &graph), imp->err, FORMAT, "the model has no graph");
    QN_TRY(qn_functions_read(imp, bytes));
    QN_TRY(qn_import_run(imp, graph));
    imp->model->graph_name = imp->model->graph->name;
    return qn_lack_report(imp);
}

/* ---- Opening and closing ---------------------------------------------------------------------------------------- */

/* The folder of path, in the arena; "." without one. */
static char *folder_of(struct qn_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return qn_arena_strdup(arena, ".");
    return qn_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* The folder of the file that path leads to when it is a symbolic link; NULL when that cannot be told. */
static char *real_folder_of(struct qn_arena *arena, const char *path)
{
    char *real = realpath(path, NULL), *folder;

    if (!real)
        return NULL;
    folder = folder_of(arena, real);
    free(real);
    return folder;
}

static enum qn_status set_up(struct qn_importer *imp, const char *path)
{
    struct qn_externals *externals = &imp->externals;

    imp->frames = qn_arena_array(&imp->fixed, QN_MAX_FRAMES, sizeof(*imp->frames));
    QN_CHECK_MEM(imp->frames, imp->err);
    qn_strmap_init(&imp->lacks.map, &imp->fixed);
    qn_strmap_init(&externals->files, &imp->fixed);
    externals->model = imp->model;
    externals->arena = &imp->fixed;
    externals->refusal = path ? "the options forbid it" : "the model was not opened from a file";
    if (path && !imp->options->no_external) {
        externals->dir = folder_of(&imp->fixed, path);
        QN_CHECK_MEM(externals->dir, imp->err);
        externals->real_dir = real_folder_of(&imp->fixed, path);
    }
    imp->tensors = (struct qn_tensor_reader){&imp->model->arena, &imp->scratch, externals, false};
    return QN_OK;
}

static void tear_down(struct qn_importer *imp)
{
    for (int i = 0; imp->frames && i < QN_MAX_FRAMES; i++)
        qn_arena_deinit(&imp->frames[i].arena);
    qn_arena_deinit(&imp->scratch);
    qn_arena_deinit(&imp->fixed);
}

enum qn_status qn_import_open(const char *path, const void *bytes, size_t n_bytes,
                              const struct qn_import_options *options, struct qn_model *model, struct qn_err *err)
{
    static const struct qn_import_options defaults;
    struct qn_importer imp = {.model = model, .options = options ? options : &defaults, .err = err};
    enum qn_status status = QN_OK;

    memset(model, 0, sizeof(*model));
    imp.max_memory = imp.options->max_memory ? imp.options->max_memory : qn_memory_limit();
    qn_arena_init(&model->arena, imp.max_memory);
    qn_arena_init(&imp.fixed, imp.max_memory);
    qn_arena_init(&imp.scratch, imp.max_memory);
    if (path) {
        status = qn_file_map(path, &model->file, err);
        bytes = model->file.data;
        n_bytes = model->file.n;
    }
    if (status == QN_OK)
        status = set_up(&imp, path);
    if (status == QN_OK)
        status = read_model(&imp, (struct qn_slice){bytes, n_bytes});
    tear_down(&imp);
    if (status == QN_OK) /* what was decoded or copied is not read again */
        qn_import_release(model, model->file.data, model->file.n);
    else
        qn_import_close(model);
    return status;
}

void qn_import_release(const struct qn_model *model, const void *data, size_t n)
{
    qn_file_release(&model->file, data, n);
    for (size_t i = 0; i < model->n_externals; i++)
        qn_file_release(&model->externals[i], data, n);
}

void qn_import_close(struct qn_model *model)
{
    for (size_t i = 0; i < model->n_externals; i++)
        qn_file_unmap(&model->externals[i]);
    qn_arena_deinit(&model->arena);
    qn_file_unmap(&model->file);
    memset(model, 0, sizeof(*model));
}
