/* test_import_external.c: weights in other files: where they may lie, how offset and length are read, what is shared,
 * and everything a hostile model may write there. How names and links are kept below the folder is tested with
 * base/file.h. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "support/model_case.h"

/* folder/model.onnx, folder/weights.bin: nine floats 0 1 ... 8; folder/link.bin leads outside; outside.bin beside it.
 */
static char root[64];
static const char *const made[] = {"folder/model.onnx",
                                   "folder/weights.bin",
                                   "folder/link.bin",
                                   "folder/fifo",
                                   "folder/empty.bin",
                                   "outside.bin",
                                   "link.onnx",
                                   "folder",
                                   ""};

static const char *path_of(const char *name)
{
    static char paths[2][256];
    static int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", root, name);
    return paths[turn];
}

static void put_file(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(path_of(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    const float floats[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

    qn_model_set_up(state);
    strcpy(root, "/tmp/qn_external_XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(mkdir(path_of("folder"), 0700), 0);
    put_file("folder/weights.bin", floats, sizeof(floats));
    put_file("folder/empty.bin", "", 0);
    put_file("outside.bin", floats, sizeof(floats));
    assert_int_equal(symlink("../outside.bin", path_of("folder/link.bin")), 0);
    assert_int_equal(mkdir(path_of("snap"), 0700), 0);
    assert_int_equal(symlink("../folder/model.onnx", path_of("snap/model.onnx")), 0);
    assert_int_equal(symlink("../folder/weights.bin", path_of("snap/weights.bin")), 0);
    assert_int_equal(mkfifo(path_of("folder/fifo"), 0600), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        remove(path_of(made[i]));
    return 0;
}

/* ---- Models with one external tensor ----------------------------------------------------------------------------- */

struct entries {
    const char *pairs[10]; /* key, value, key, value, ... */
};

static void entry(struct qn_writer *w, const char *key, const char *value)
{
    qn_write_begin(w, 13);
    qn_write_text(w, 1, key);
    qn_write_text(w, 2, value);
    qn_write_end(w);
}

static void put_external(struct qn_writer *w, const char *name, int dtype, int64_t n, const struct entries *entries)
{
    qn_write_begin_tensor(w, 5, name, dtype, 1, &n);
    for (int i = 0; entries->pairs[i]; i += 2)
        entry(w, entries->pairs[i], entries->pairs[i + 1]);
    qn_write_int(w, 14, 1);
    qn_write_end(w);
}

static void write_model(struct qn_writer *w, int dtype, int64_t n, const struct entries *entries)
{
    qn_writer_init(w, QN_CASE_CAPACITY);
    qn_put_model(w);
    put_external(w, "w", dtype, n, entries);
    qn_put_out(w, "w");
    qn_write_end(w);
    put_file("folder/model.onnx", w->data, w->n);
}

static void check(int dtype, int64_t n, const struct entries *entries, enum qn_status status, const char *text)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;
    enum qn_status got;

    write_model(&w, dtype, n, entries);
    got = qn_import_open(path_of("folder/model.onnx"), NULL, 0, &qn_model_options, &model, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("%s '%s' expected, got %s '%s'", qn_status_name(status), text, qn_status_name(got), err.text);
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

#define ENTRIES(...)  (&(const struct entries){{__VA_ARGS__}})
#define FILE_AND(...) ENTRIES("location", "weights.bin", __VA_ARGS__)

static void refused(void **state)
{
    (void)state;
    check(QN_FLOAT, 2, ENTRIES("location", "../outside.bin"), QN_FORMAT, "lies outside the model's folder");
    check(QN_FLOAT, 2, ENTRIES("location", "a/../../outside.bin"), QN_FORMAT, "lies outside the model's folder");
    check(QN_FLOAT, 2, ENTRIES("location", "/etc/passwd"), QN_FORMAT, "absolute path");
    check(QN_FLOAT, 2, ENTRIES("location", "..\\outside.bin"), QN_FORMAT, "not allowed");
    check(QN_FLOAT, 2, ENTRIES("location", "a\nb"), QN_FORMAT, "not allowed");
    check(QN_FLOAT, 2, ENTRIES("location", "link.bin"), QN_FORMAT,
          "tensor 'w': external file \"link.bin\" lies outside");
    check(QN_FLOAT, 2, ENTRIES("location", "missing.bin"), QN_IO, "tensor 'w': cannot open \"missing.bin\"");
    check(QN_FLOAT, 2, ENTRIES("location", "fifo"), QN_IO, "not a regular file");
    check(QN_FLOAT, 2, ENTRIES("location", "."), QN_FORMAT, "outside the model's folder");
    check(QN_FLOAT, 2, ENTRIES("location", ""), QN_FORMAT, "tensor 'w': external data has no location");
    check(QN_FLOAT, 2, ENTRIES("offset", "0"), QN_FORMAT, "tensor 'w': external data has no location");
    check(QN_FLOAT, 2, FILE_AND("location", "weights.bin"), QN_FORMAT, "gives 'location' twice");
    check(QN_FLOAT, 2, FILE_AND("offset", "0", "offset", "4"), QN_FORMAT, "gives 'offset' twice");
    check(QN_FLOAT, 2, FILE_AND("offset", "-1"), QN_FORMAT, "offset is '-1', not a decimal number");
    check(QN_FLOAT, 2, FILE_AND("offset", "1e3"), QN_FORMAT, "offset is '1e3', not a decimal number");
    check(QN_FLOAT, 2, FILE_AND("offset", "0x10"), QN_FORMAT, "offset is '0x10', not a decimal number");
    check(QN_FLOAT, 2, FILE_AND("offset", " 4"), QN_FORMAT, "offset is ' 4', not a decimal number");
    check(QN_FLOAT, 2, FILE_AND("offset", ""), QN_FORMAT, "an empty offset");
    check(QN_FLOAT, 2, FILE_AND("offset", "9223372036854775808"), QN_FORMAT, "is too large");
    check(QN_FLOAT, 2, FILE_AND("offset", "99999999999999999999999"), QN_FORMAT, "is too large");
    check(QN_FLOAT, 2, FILE_AND("offset", "9223372036854775807"), QN_FORMAT, "reaches past the end of 'weights.bin'");
    check(QN_FLOAT, 2, FILE_AND("offset", "32"), QN_FORMAT,
          "reaches past the end of 'weights.bin', which has 36 bytes");
    check(QN_FLOAT, 2, FILE_AND("offset", "37"), QN_FORMAT, "reaches past the end");
    check(QN_FLOAT, 10, FILE_AND(NULL), QN_FORMAT, "reaches past the end");
    check(QN_FLOAT, 2, FILE_AND("length", "0"), QN_FORMAT, "has length 0 where 8 bytes are expected");
    check(QN_FLOAT, 2, FILE_AND("length", "9"), QN_FORMAT, "has length 9 where 8 bytes are expected");
    check(QN_FLOAT, 1, ENTRIES("location", "empty.bin"), QN_FORMAT, "reaches past the end of 'empty.bin'");
    check(QN_STRING, 1, FILE_AND(NULL), QN_FORMAT, "tensor 'w' has strings in external data");
    check(QN_BOOL, 8, FILE_AND(NULL), QN_FORMAT, "holds a byte other than 0 and 1");
}

/* Keys that nobody knows are not for us; offset and length may be left out; nothing is read for no elements. */
static void accepted(void **state)
{
    (void)state;
    check(QN_FLOAT, 9, FILE_AND(NULL), QN_OK, "");
    check(QN_FLOAT, 2, FILE_AND("offset", "28", "length", "8"), QN_OK, "");
    check(QN_FLOAT, 2, FILE_AND("checksum", "abc", "prepacked_0", "x"), QN_OK, "");
    check(QN_FLOAT, 2, FILE_AND("offset", "3"), QN_OK, "");
    check(QN_FLOAT, 0, ENTRIES("location", "empty.bin"), QN_OK, "");
    check(QN_UINT8, 5, ENTRIES("location", "model.onnx"), QN_OK, "");
}

static void raw_data_too(struct qn_writer *w)
{
    const int64_t n = 1;

    qn_put_model(w);
    qn_write_begin_tensor(w, 5, "w", QN_FLOAT, 1, &n);
    entry(w, "location", "weights.bin");
    qn_write_int(w, 14, 1);
    qn_write_bytes(w, 9, "abcd", 4);
    qn_write_end(w);
    qn_put_out(w, "w");
    qn_write_end(w);
}

static void refused_outright(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;

    (void)state;
    write_model(&w, QN_FLOAT, 2, FILE_AND(NULL));
    qn_bytes_fail(w.data, w.n, QN_UNSUPPORTED, "external data is refused: the model was not opened from a file");
    qn_model_options.no_external = true;
    assert_int_equal(qn_import_open(path_of("folder/model.onnx"), NULL, 0, &qn_model_options, &model, &err),
                     QN_UNSUPPORTED);
    assert_non_null(strstr(err.text, "external data is refused: the options forbid it"));
    qn_writer_deinit(&w);
    qn_model_fails(raw_data_too, QN_FORMAT, "tensor 'w' has external data and raw_data");
}

/* Three tensors in one file: one mapping, the data in it where it is aligned. */
static void one_mapping_for_all(void **state)
{
    static const char *const names[] = {"a", "b", "c"}, *const offsets[] = {"4", "8", "7"};
    struct qn_model model;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    qn_put_model(&w);
    for (int i = 0; i < 3; i++) {
        put_external(&w, names[i], QN_FLOAT, 2, FILE_AND("offset", offsets[i]));
        qn_put_out(&w, names[i]);
    }
    qn_write_end(&w);
    put_file("folder/model.onnx", w.data, w.n);
    assert_int_equal(qn_import_open(path_of("folder/model.onnx"), NULL, 0, NULL, &model, NULL), QN_OK);
    assert_int_equal(model.n_externals, 1);
    assert_ptr_equal(model.graph->outputs[0]->fact.konst->data, model.externals[0].data + 4);
    assert_ptr_equal(model.graph->outputs[1]->fact.konst->data, model.externals[0].data + 8);
    assert_true(((const float *)model.graph->outputs[1]->fact.konst->data)[1] == 3);
    assert_int_equal((uintptr_t)model.graph->outputs[2]->fact.konst->data % sizeof(float), 0);
    assert_memory_equal(model.graph->outputs[2]->fact.konst->data, model.externals[0].data + 7, 8);
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

static void links_beside_a_linked_model(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;

    (void)state;
    write_model(&w, QN_FLOAT, 9, FILE_AND(NULL));
    if (qn_import_open(path_of("snap/model.onnx"), NULL, 0, NULL, &model, &err) != QN_OK)
        fail_msg("%s", err.text);
    assert_int_equal(model.n_externals, 1);
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

static void many_files(void **state)
{
    enum { N = 20 };
    struct qn_model model;
    struct qn_writer w;
    char name[32];

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    qn_put_model(&w);
    for (int i = 0; i < N; i++) {
        float value = (float)i;

        snprintf(name, sizeof(name), "folder/w%d", i);
        put_file(name, &value, sizeof(value));
        put_external(&w, name + 7, QN_FLOAT, 1, ENTRIES("location", name + 7));
        qn_put_out(&w, name + 7);
    }
    qn_write_end(&w);
    put_file("folder/model.onnx", w.data, w.n);
    assert_int_equal(qn_import_open(path_of("folder/model.onnx"), NULL, 0, NULL, &model, NULL), QN_OK);
    assert_int_equal(model.n_externals, N);
    for (int i = 0; i < N; i++) {
        assert_true(*(const float *)model.graph->outputs[i]->fact.konst->data == (float)i);
        snprintf(name, sizeof(name), "folder/w%d", i);
        remove(path_of(name));
    }
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_outright, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_mapping_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_beside_a_linked_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_files, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
