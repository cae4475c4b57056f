/* outputs.c: writes the outputs of `quern run`. */
#include "tools/outputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/format.h"
#include "tools/report.h"
#include "tools/zip.h"

enum { NAME_BYTES = 160, PATH_BYTES = 4400 };

static const size_t max_file = (size_t)4 << 30;

/* A file name from an output's name: signs with a meaning in paths become '_'. */
static void make_name(const char *name, size_t index, char safe[NAME_BYTES])
{
    size_t n = 0;

    for (; *name && n < NAME_BYTES - 32; name++)
        safe[n++] = strchr("/\\:\t \"'*?<>|", *name) || (unsigned char)*name < 32 ? '_' : *name;
    safe[n] = '\0';
    if (n == 0 || safe[0] == '.')
        snprintf(safe, NAME_BYTES, "output_%zu", index);
}

/* Two outputs whose names become one get their numbers added. */
static void file_name(const struct qn_session *session, size_t index, char safe[NAME_BYTES])
{
    char other[NAME_BYTES];

    make_name(qn_session_output(session, index)->name, index, safe);
    for (size_t i = 0; i < index; i++) {
        make_name(qn_session_output(session, i)->name, i, other);
        if (strcmp(other, safe) == 0) {
            snprintf(safe + strlen(safe), NAME_BYTES - strlen(safe), "_%zu", index);
            return;
        }
    }
}

static enum qn_status write_each(const char *folder, const char *format, const struct qn_session *session,
                                 const struct qn_value *outputs, struct qn_buf *bytes, struct qn_err *err)
{
    for (size_t i = 0; i < qn_session_n_outputs(session); i++) {
        char name[NAME_BYTES], path[PATH_BYTES];

        file_name(session, i, name);
        QN_CHECK((size_t)snprintf(path, sizeof(path), "%s/%s.%s", folder, name, format) < sizeof(path), err, ARG,
                 "the folder's path is too long");
        qn_buf_clear(bytes);
        QN_TRY(qn_format_print(format, &outputs[i], qn_session_output(session, i)->name, bytes, err));
        QN_TRY(qn_report_bytes(path, bytes->data, bytes->n, err));
    }
    return QN_OK;
}

/* Keys are the names of the outputs as they are, unless unpacking would lead elsewhere. */
static enum qn_status add_entry(struct qn_zip_writer *zip, const struct qn_session *session, size_t index,
                                const struct qn_value *output, struct qn_err *err)
{
    const char *name = qn_session_output(session, index)->name;
    char entry[NAME_BYTES + PATH_BYTES], safe[NAME_BYTES];
    struct qn_buf bytes;
    enum qn_status status;

    file_name(session, index, safe);
    snprintf(entry, sizeof(entry), "%s.npy", strstr(name, "..") || strlen(name) > PATH_BYTES || !*name ? safe : name);
    qn_buf_init(&bytes, max_file);
    status = qn_format_print("npy", output, name, &bytes, err);
    if (status == QN_OK)
        status = qn_zip_add(zip, entry, bytes.data, bytes.n, err);
    qn_buf_deinit(&bytes);
    return status;
}

static enum qn_status write_archive(const char *folder, const struct qn_session *session,
                                    const struct qn_value *outputs, struct qn_buf *bytes, struct qn_err *err)
{
    enum qn_status status = QN_OK;
    struct qn_zip_writer zip;
    char path[PATH_BYTES];

    QN_CHECK((size_t)snprintf(path, sizeof(path), "%s/outputs.npz", folder) < sizeof(path), err, ARG,
             "the folder's path is too long");
    qn_zip_begin(&zip, bytes);
    for (size_t i = 0; status == QN_OK && i < qn_session_n_outputs(session); i++)
        status = add_entry(&zip, session, i, &outputs[i], err);
    QN_TRY(qn_zip_end(&zip, status, err));
    return qn_report_bytes(path, bytes->data, bytes->n, err);
}

enum qn_status qn_outputs_write(const char *folder, const char *format, const struct qn_session *session,
                                const struct qn_value *outputs, struct qn_err *err)
{
    struct qn_buf bytes;
    enum qn_status status;

    QN_CHECK(mkdir(folder, 0777) == 0 || errno == EEXIST, err, IO, "%s: %s", folder, strerror(errno));
    qn_buf_init(&bytes, max_file);
    status = strcmp(format, "npz") == 0 ? write_archive(folder, session, outputs, &bytes, err)
                                        : write_each(folder, format, session, outputs, &bytes, err);
    qn_buf_deinit(&bytes);
    return status;
}
