/* file.c: maps regular files. A name that stands in a model is hostile: it is resolved first, to see where its links
 * lead, and then opened again component by component with no links allowed, below the folder it was found to lie in. A
 * link changed in between makes the second step fail; it cannot lead anywhere else. */
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

enum { MAX_NAME = 1024 };

/* The usual reasons in words of our own: strerror() is neither thread-safe nor the same everywhere. */
static const char *reason(int error)
{
    switch (error) {
    case ENOENT:
        return "no such file";
    case ENOTDIR:
        return "a part of the path is not a folder";
    case EACCES:
    case EPERM:
        return "permission denied";
    case ELOOP:
        return "a symbolic link leads nowhere or was changed meanwhile";
    case ENAMETOOLONG:
        return "the name is too long";
    case EMFILE:
    case ENFILE:
        return "too many open files";
    case ENOMEM:
        return "out of memory";
    case EIO:
        return "input/output error";
    case ENXIO:
    case ENODEV:
        return "not a regular file";
    default:
        return NULL;
    }
}

static enum qn_status fail_errno(struct qn_err *err, const char *name, int error)
{
    enum qn_status status = error == ENOMEM ? QN_NOMEM : QN_IO;

    if (reason(error) == NULL)
        return qn_err_set(err, status, "cannot open \"%.256s\": system error %d", name, error);
    return qn_err_set(err, status, "cannot open \"%.256s\": %s", name, reason(error));
}

/* Maps what fd, just opened, refers to, and closes fd. name is for messages. */
static enum qn_status map_fd(int fd, const char *name, struct qn_file *file, struct qn_err *err)
{
    struct stat info;
    void *mapping;
    int error;

    if (fstat(fd, &info) != 0) {
        error = errno;
        close(fd);
        return fail_errno(err, name, error);
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return qn_err_set(err, QN_IO, "cannot open \"%.256s\": %s", name,
                          S_ISDIR(info.st_mode) ? "it is a folder" : "not a regular file");
    }
    if (info.st_size < 0 || (uintmax_t)info.st_size > SIZE_MAX / 2) {
        close(fd);
        return qn_err_set(err, QN_LIMIT, "\"%s\" is too large for this machine's address space", name);
    }
    if (info.st_size == 0) {
        close(fd);
        return QN_OK;
    }
    mapping = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    error = errno;
    close(fd);
    if (mapping == MAP_FAILED)
        return fail_errno(err, name, error);
    *file = (struct qn_file){mapping, (size_t)info.st_size, mapping, (size_t)info.st_size};
    return QN_OK;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer; a regular file does not mind. */
static const int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

enum qn_status qn_file_map(const char *path, struct qn_file *file, struct qn_err *err)
{
    int fd;

    *file = (struct qn_file){0};
    fd = open(path, open_flags);
    if (fd < 0)
        return fail_errno(err, path, errno);
    return map_fd(fd, path, file, err);
}

void qn_file_unmap(struct qn_file *file)
{
    if (file->mapping != NULL)
        munmap(file->mapping, file->mapping_bytes);
    *file = (struct qn_file){0};
}

void qn_file_release(const struct qn_file *file, const void *data, size_t n)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)file->mapping;
    uintptr_t from = (uintptr_t)data, to = from + n;

    if (file->mapping == NULL || from < begin || to < from || to > begin + file->mapping_bytes)
        return;
    from = (from + page - 1) / page * page;
    to = to / page * page;
    /* Nobody writes to the mapping, so there is nothing to lose. */
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Refuses names that a well-meant model does not have. */
static enum qn_status check_name(const char *name, struct qn_err *err)
{
    size_t n = strlen(name);
    size_t n_char;

    QN_CHECK(n > 0, err, FORMAT, "the name of an external file is empty");
    QN_CHECK(n <= MAX_NAME, err, FORMAT, "the name of an external file has %zu bytes, more than %d", n, MAX_NAME);
    QN_CHECK(name[0] != '/', err, FORMAT, "external file \"%s\" has an absolute path", name);
    for (size_t i = 0; i < n; i += n_char) {
        n_char = qn_utf8_length(name + i, n - i);
        QN_CHECK(n_char != 0 && !qn_utf8_is_control(name + i, n_char) && name[i] != '\\', err, FORMAT,
                 "the name of external file \"%s\" has a character that is not allowed", name);
    }
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        QN_CHECK(strncmp(part, "..", 2) != 0 || (part[2] != '/' && part[2] != '\0'), err, FORMAT,
                 "external file \"%s\" lies outside the model's folder", name);
    }
    QN_CHECK(name[n - 1] != '/', err, FORMAT, "external file \"%s\" is a folder", name);
    return QN_OK;
}

/* The part of path below the folder root, both resolved; NULL when path does not lie below it. */
static const char *below(const char *path, const char *root)
{
    size_t n = strlen(root);

    if (strncmp(path, root, n) != 0)
        return NULL;
    if (n > 0 && root[n - 1] == '/') /* the root folder itself */
        return path + n;
    return path[n] == '/' ? path + n + 1 : NULL;
}

/* Opens rest, a resolved path relative to the folder root, following no link; -1 with errno. Cuts rest into pieces. */
static int open_strictly(const char *root, char *rest)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *slash;
    int error;
    int fd;

    while (dir >= 0 && (slash = strchr(rest, '/')) != NULL) {
        *slash = '\0';
        fd = openat(dir, rest, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        error = errno;
        close(dir);
        errno = error;
        dir = fd;
        rest = slash + 1;
    }
    if (dir < 0)
        return -1;
    fd = openat(dir, rest, open_flags | O_NOFOLLOW);
    error = errno;
    close(dir);
    errno = error;
    return fd;
}

/* Opens target, a resolved path, when it lies below folder; -1 with errno, EXDEV when it does not. */
static int open_below(const char *folder, const char *target)
{
    char root[PATH_MAX];
    char rest[PATH_MAX];
    const char *inside;

    if (realpath(folder, root) == NULL)
        return -1;
    inside = below(target, root);
    if (inside == NULL) {
        errno = EXDEV;
        return -1;
    }
    memcpy(rest, inside, strlen(inside) + 1); /* no longer than target, which realpath() bounds */
    return open_strictly(root, rest);
}

enum qn_status qn_file_map_below(const char *dir, const char *real_dir, const char *name, struct qn_file *file,
                                 struct qn_err *err)
{
    char joined[PATH_MAX];
    char target[PATH_MAX];
    size_t n_dir = strlen(dir);
    int fd;

    *file = (struct qn_file){0};
    QN_TRY(check_name(name, err));
    if (n_dir == 0)
        dir = ".", n_dir = 1;
    if (n_dir + 1 + strlen(name) >= sizeof(joined))
        return fail_errno(err, name, ENAMETOOLONG);
    memcpy(joined, dir, n_dir);
    joined[n_dir] = '/';
    memcpy(joined + n_dir + 1, name, strlen(name) + 1);
    if (realpath(joined, target) == NULL)
        return fail_errno(err, name, errno);
    fd = open_below(dir, target);
    if (fd < 0 && errno == EXDEV && real_dir != NULL)
        fd = open_below(real_dir[0] == '\0' ? "." : real_dir, target);
    if (fd < 0 && errno == EXDEV)
        return qn_err_set(err, QN_FORMAT, "external file \"%s\" lies outside the model's folder", name);
    if (fd < 0)
        return fail_errno(err, name, errno);
    return map_fd(fd, name, file, err);
}
