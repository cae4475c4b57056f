/* file.h: files as mapped, read-only bytes. Only regular files; a FIFO, device, directory or socket is an error. */
#ifndef QN_BASE_FILE_H
#define QN_BASE_FILE_H

#include "base/err.h"

struct qn_file {
    const unsigned char *data; /* NULL for an empty file */
    size_t n;
    void *mapping;
    size_t mapping_bytes;
};

enum qn_status qn_file_map(const char *path, struct qn_file *file, struct qn_err *err);
/* name is relative to the folder dir, must stay below it (or, through a symbolic link, below real_dir, the folder the
 * real model file lies in; NULL: no such exception), and must be a regular file. */
enum qn_status qn_file_map_below(const char *dir, const char *real_dir, const char *name, struct qn_file *file,
                                 struct qn_err *err);
void qn_file_unmap(struct qn_file *file);
/* Gives back the memory behind whole pages of [data, data + n), as far as they belong to the file's mapping: the bytes
 * stay readable, and are fetched again when they are read. data may be any address. Thread-safe. */
void qn_file_release(const struct qn_file *file, const void *data, size_t n);

#endif
