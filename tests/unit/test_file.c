/* test_file.c: what may be mapped and what may not: special files, hostile names, links out of and back into the
 * folder. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

/* root/model holds the model as the user names it, root/store the files that links may lead to, root/other is neither.
 */
static char root[64];
static char model_dir[128];
static char store_dir[128];

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static const char *in_root(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_root(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_dir(const char *name) { assert_int_equal(mkdir(in_root(name), 0700), 0); }

static void make_link(const char *name, const char *target) { assert_int_equal(symlink(target, in_root(name)), 0); }

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/qn_file_XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(model_dir, sizeof(model_dir), "%s/model", root);
    snprintf(store_dir, sizeof(store_dir), "%s/store", root);
    make_dir("model");
    make_dir("model/sub");
    make_dir("store");
    make_dir("other");
    put("model/weights", "inside");
    put("model/sub/weights", "deeper");
    put("model/empty", "");
    put("store/blob", "stored");
    put("other/secret", "secret");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_content(struct qn_file *file, const char *text)
{
    assert_int_equal(file->n, strlen(text));
    assert_memory_equal(file->data, text, file->n);
    qn_file_unmap(file);
    assert_null(file->data);
    qn_file_unmap(file);
}

static void assert_maps(const char *name, const char *real_dir, const char *text)
{
    struct qn_file file;
    struct qn_err err = {0};

    if (qn_file_map_below(model_dir, real_dir, name, &file, &err) != QN_OK)
        fail_msg("%s: %s", name, err.text);
    assert_content(&file, text);
}

static void assert_refused(const char *name, const char *real_dir, enum qn_status status, const char *text)
{
    struct qn_file file;
    struct qn_err err = {0};

    assert_int_equal(qn_file_map_below(model_dir, real_dir, name, &file, &err), status);
    if (strstr(err.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
    assert_null(strstr(err.text, root));
    assert_null(file.data);
    assert_int_equal(file.n, 0);
}

static void a_regular_file_is_mapped(void **state)
{
    struct qn_file file;

    (void)state;
    assert_int_equal(qn_file_map(in_root("model/weights"), &file, NULL), QN_OK);
    assert_content(&file, "inside");
    assert_int_equal(qn_file_map(in_root("model/empty"), &file, NULL), QN_OK);
    assert_null(file.data);
    assert_int_equal(file.n, 0);
    qn_file_unmap(&file);
    make_link("to_weights", model_dir);
    assert_int_equal(qn_file_map(in_root("to_weights/weights"), &file, NULL), QN_OK);
    assert_content(&file, "inside");
}

static void assert_no_map(const char *path, const char *text)
{
    struct qn_file file;
    struct qn_err err = {0};

    assert_int_equal(qn_file_map(path, &file, &err), QN_IO);
    if (strstr(err.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
    assert_null(file.data);
}

/* A FIFO without a writer must not keep the caller waiting. */
static void special_files_are_refused(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_no_map(in_root("nowhere"), "no such file");
    assert_no_map(in_root("model"), "folder");
    assert_no_map(in_root("model/weights/x"), "not a folder");
    assert_no_map("/dev/null", "not a regular file");
    assert_int_equal(mkfifo(in_root("model/fifo"), 0600), 0);
    assert_no_map(in_root("model/fifo"), "not a regular file");
    assert_refused("fifo", NULL, QN_IO, "not a regular file");
    assert_in_range(strlen(root) + strlen("/model/socket"), 1, sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, root);
    strcat(address.sun_path, "/model/socket");
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_no_map(in_root("model/socket"), "not a regular file");
    close(fd);
    assert_refused("sub", NULL, QN_IO, "folder");
}

static void names_below_the_folder_are_mapped(void **state)
{
    (void)state;
    assert_maps("weights", NULL, "inside");
    assert_maps("./weights", NULL, "inside");
    assert_maps("sub/weights", NULL, "deeper");
    assert_maps("sub//weights", NULL, "deeper");
    put("model/..weights", "dots");
    assert_maps("..weights", NULL, "dots");
    put("model/gr\xC3\xBC\xC3\x9F", "umlaut");
    assert_maps("gr\xC3\xBC\xC3\x9F", NULL, "umlaut");
}

static void hostile_names_are_refused(void **state)
{
    static char too_long[2000];

    (void)state;
    memset(too_long, 'x', sizeof(too_long) - 1);
    assert_refused("", NULL, QN_FORMAT, "empty");
    assert_refused("/etc/passwd", NULL, QN_FORMAT, "absolute");
    assert_refused("../other/secret", NULL, QN_FORMAT, "outside");
    assert_refused("sub/../../other/secret", NULL, QN_FORMAT, "outside");
    assert_refused("sub/../weights", NULL, QN_FORMAT, "outside");
    assert_refused("..", NULL, QN_FORMAT, "outside");
    assert_refused("sub/..", NULL, QN_FORMAT, "outside");
    assert_refused("sub\\weights", NULL, QN_FORMAT, "not allowed");
    assert_refused("a\nb", NULL, QN_FORMAT, "not allowed");
    assert_refused("a\xFF", NULL, QN_FORMAT, "not allowed");
    assert_refused("sub/", NULL, QN_FORMAT, "is a folder");
    assert_refused(too_long, NULL, QN_FORMAT, "bytes");
    assert_refused("nowhere", NULL, QN_IO, "no such file");
}

static void links_inside_the_folder_are_followed(void **state)
{
    (void)state;
    make_link("model/link", "sub/weights");
    assert_maps("link", NULL, "deeper");
    make_link("model/sub/up", "../weights");
    assert_maps("sub/up", NULL, "inside");
    make_link("model/absolute", model_dir);
    assert_maps("absolute/weights", NULL, "inside");
    make_link("model/loop", "loop");
    assert_refused("loop", NULL, QN_IO, "link");
}

/* The layout of download caches: the named folder holds links into a store where the model itself lies too. */
static void links_outside_need_the_models_real_folder(void **state)
{
    (void)state;
    make_link("model/blob", "../store/blob");
    assert_refused("blob", NULL, QN_FORMAT, "outside");
    assert_refused("blob", model_dir, QN_FORMAT, "outside");
    assert_maps("blob", store_dir, "stored");
    make_link("model/secret", "../other/secret");
    assert_refused("secret", NULL, QN_FORMAT, "outside");
    assert_refused("secret", store_dir, QN_FORMAT, "outside");
    make_link("model/etc", "/etc");
    assert_refused("etc/passwd", store_dir, QN_FORMAT, "outside");
}

/* "/x/store" must not count as a folder around "/x/store_of_others". */
static void a_common_beginning_is_not_a_folder(void **state)
{
    (void)state;
    make_dir("store_of_others");
    put("store_of_others/blob", "theirs");
    make_link("model/theirs", "../store_of_others/blob");
    assert_refused("theirs", store_dir, QN_FORMAT, "outside");
    make_dir("model_2");
    put("model_2/blob", "theirs");
    make_link("model/second", "../model_2/blob");
    assert_refused("second", NULL, QN_FORMAT, "outside");
}

static void the_folder_may_be_relative_or_linked(void **state)
{
    struct qn_file file;
    char before[512];

    (void)state;
    make_link("alias", "model");
    assert_int_equal(qn_file_map_below(in_root("alias"), NULL, "weights", &file, NULL), QN_OK);
    assert_content(&file, "inside");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(model_dir), 0);
    assert_int_equal(qn_file_map_below("", NULL, "weights", &file, NULL), QN_OK);
    assert_content(&file, "inside");
    assert_int_equal(qn_file_map_below(".", NULL, "sub/weights", &file, NULL), QN_OK);
    assert_content(&file, "deeper");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(qn_file_map_below("/", NULL, "etc/passwd", &file, NULL), QN_OK);
    qn_file_unmap(&file);
}

/* How many pages of a mapping the process holds right now: bit 63 of each entry of the kernel's page map. */
static size_t held_pages(const struct qn_file *file)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (file->mapping_bytes + page - 1) / page;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    size_t n_held = 0;

    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) {
        uint64_t entry;
        off_t at = (off_t)(((uintptr_t)file->mapping / page + i) * sizeof(entry));

        assert_int_equal(pread(fd, &entry, sizeof(entry), at), sizeof(entry));
        n_held += entry >> 63;
    }
    close(fd);
    return n_held;
}

static void released_memory_reads_as_before(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 256 * page + 77;
    unsigned char *bytes = malloc(n);
    struct qn_file file;
    FILE *out = fopen(in_root("weights"), "w");

    (void)state;
    assert_non_null(bytes);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(qn_file_map(in_root("weights"), &file, NULL), QN_OK);
    assert_memory_equal(file.data, bytes, n);
    qn_file_release(&file, bytes, n); /* not of the mapping: left alone */
    qn_file_release(&file, file.data + n, page);
    qn_file_release(&file, file.data, SIZE_MAX);
    assert_int_equal(held_pages(&file), 257);
    qn_file_release(&file, file.data + 1, n - 1);
    assert_int_equal(held_pages(&file), 2);
    assert_memory_equal(file.data, bytes, n);
    qn_file_unmap(&file);
    qn_file_release(&file, bytes, n);
    assert_int_equal(bytes[8], (unsigned char)56);
    free(bytes);
}

#define IN_A_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_TREE(a_regular_file_is_mapped),
        IN_A_TREE(special_files_are_refused),
        IN_A_TREE(names_below_the_folder_are_mapped),
        IN_A_TREE(hostile_names_are_refused),
        IN_A_TREE(links_inside_the_folder_are_followed),
        IN_A_TREE(links_outside_need_the_models_real_folder),
        IN_A_TREE(a_common_beginning_is_not_a_folder),
        IN_A_TREE(the_folder_may_be_relative_or_linked),
        IN_A_TREE(released_memory_reads_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
