/* zip.h: the zip container of .npz files: entries stored or deflated, in one file below 4 GiB. Not read: zip64,
 * encryption, several disks; each is an error that says so. Layout after PKWARE's APPNOTE 6.3; the central directory
 * decides, local headers are only checked against it. */
#ifndef QN_TOOLS_ZIP_H
#define QN_TOOLS_ZIP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

struct qn_zip_entry {
    const char *name; /* in the arena; no "..", no zero byte, different from all others */
    uint32_t crc;
    size_t packed, size; /* bytes in the file and after unpacking */
    size_t header;       /* offset of the local header */
    bool deflated;
};

struct qn_zip {
    const unsigned char *bytes; /* borrowed */
    size_t directory;           /* offset of the central directory: the end of all data */
    struct qn_zip_entry *entries;
    size_t n;
};

/* Reads the directory. max_bytes limits the unpacked sizes of all entries together. FORMAT, UNSUPPORTED, LIMIT. */
enum qn_status qn_zip_open(const void *bytes, size_t n, size_t max_bytes, struct qn_arena *arena, struct qn_zip *zip,
                           struct qn_err *err);
/* An entry's bytes, checked: a view of the archive when stored, else in the arena. */
enum qn_status qn_zip_read(const struct qn_zip *zip, const struct qn_zip_entry *entry, struct qn_arena *arena,
                           const void **data, struct qn_err *err);

/* Writing: begin, add each entry (stored), end. */
struct qn_zip_writer {
    struct qn_buf *out;
    struct qn_buf directory;
    size_t n;
};
void qn_zip_begin(struct qn_zip_writer *writer, struct qn_buf *out);
enum qn_status qn_zip_add(struct qn_zip_writer *writer, const char *name, const void *bytes, size_t n,
                          struct qn_err *err);
/* Appends the directory when status is OK; releases the writer in any case and gives the first failure. */
enum qn_status qn_zip_end(struct qn_zip_writer *writer, enum qn_status status, struct qn_err *err);

#endif
