/* format.h: the file formats of values: .pb (protobuf, every kind of value), .npy and .npz (NumPy), .json. One table
 * has the reader and the printer of each. */
#ifndef QN_TOOLS_FORMAT_H
#define QN_TOOLS_FORMAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "quern.h"

enum { QN_MAX_DATA = 2000000000 }; /* bytes of all values of one command; also what an archive may unpack to */

/* One file as a value of the kind and type that io declares, by the file's ending; FILE.npz:KEY is one array of an
 * archive, FILE.npz alone its only one or the one named as io. name (may be NULL) receives the name inside the file, or
 * NULL. The message begins with the path. ARG for an unknown ending, IO, SHAPE for whatever is wrong inside. */
enum qn_status qn_format_read(const char *path, const struct qn_io *io, struct qn_arena *arena, struct qn_value *value,
                              const char **name, struct qn_err *err);
/* The arrays of an archive become the values of the ios with their names; one array for one io may have any name. taken
 * says which values are there, before and after. */
enum qn_status qn_format_read_all(const char *path, const struct qn_io *const *ios, size_t n, bool *taken,
                                  struct qn_arena *arena, struct qn_value *values, struct qn_err *err);
bool qn_format_is_archive(const char *path);

/* Appends the value as the bytes of a file of that format ("npy", "pb", "json"). */
enum qn_status qn_format_print(const char *format, const struct qn_value *value, const char *name, struct qn_buf *buf,
                               struct qn_err *err);

#endif
