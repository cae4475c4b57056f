/* zip.c: zip archives, read with every size checked before it is used, and written without compression. Deflate and
 * CRC-32 are zlib's: numpy.savez_compressed writes deflated entries. */
#include "tools/zip.h"

#include <string.h>
#include <zlib.h>

#include "base/checked.h"

enum { LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50 };
enum { LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, MAX_COMMENT = 65535, MAX_ENTRIES = 4096 };
enum { ENCRYPTED = 1 | 1 << 6 | 1 << 13, NAME_IS_UTF8 = 1 << 11, STORED = 0, DEFLATED = 8 };
enum { MAX_RATIO = 1032 }; /* deflate gives at most 258 bytes for 2 bits */

static uint32_t get16(const unsigned char *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const unsigned char *p) { return get16(p) | get16(p + 2) << 16; }

/* ---- Reading -------------------------------------------------------------------------------------------------- */

/* The end record stands last, before a comment whose length it tells. */
static const unsigned char *find_end(const unsigned char *bytes, size_t n)
{
    for (size_t comment = 0; comment <= MAX_COMMENT && n >= END_BYTES + comment; comment++) {
        const unsigned char *end = bytes + n - END_BYTES - comment;

        if (get32(end) == END && get16(end + 20) == comment)
            return end;
    }
    return NULL;
}

static bool climbs(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

static enum qn_status check_entry(const struct qn_zip *zip, const struct qn_zip_entry *entry, unsigned flags,
                                  unsigned method, struct qn_err *err)
{
    const char *name = entry->name;

    QN_CHECK(!climbs(name), err, FORMAT, "the archive's entry '%.80s' points outside of it", name);
    QN_CHECK(!(flags & ENCRYPTED), err, UNSUPPORTED, "the archive's entry '%.80s' is encrypted", name);
    QN_CHECK(method == STORED || method == DEFLATED, err, UNSUPPORTED,
             "the archive's entry '%.80s' is packed by method %u; only stored and deflated ones can be read", name,
             method);
    QN_CHECK(entry->packed != UINT32_MAX && entry->size != UINT32_MAX && entry->header != UINT32_MAX, err, UNSUPPORTED,
             "the archive is of the zip64 kind, which is not supported");
    QN_CHECK(entry->packed <= zip->directory && entry->header <= zip->directory, err, FORMAT,
             "the archive's entry '%.80s' lies outside of the file", name);
    QN_CHECK(method == STORED ? entry->size == entry->packed : entry->size / MAX_RATIO <= entry->packed, err, FORMAT,
             "the archive's entry '%.80s' cannot hold %zu bytes in %zu", name, entry->size, entry->packed);
    for (size_t i = 0; i < zip->n; i++)
        QN_CHECK(strcmp(zip->entries[i].name, name) != 0, err, FORMAT, "the archive has two entries '%.80s'", name);
    return QN_OK;
}

/* The directory's entry at *at; *at moves behind it. */
static enum qn_status read_entry(struct qn_zip *zip, size_t *at, size_t end, struct qn_arena *arena, struct qn_err *err)
{
    const unsigned char *p = zip->bytes + *at;
    struct qn_zip_entry *entry = &zip->entries[zip->n];
    size_t n_name, n;

    QN_CHECK(end - *at >= CENTRAL_BYTES && get32(p) == CENTRAL, err, FORMAT, "the archive's directory is damaged");
    n_name = get16(p + 28);
    n = CENTRAL_BYTES + n_name + get16(p + 30) + get16(p + 32);
    QN_CHECK(n <= end - *at && n_name > 0 && !memchr(p + CENTRAL_BYTES, 0, n_name), err, FORMAT,
             "the archive's directory is damaged");
    *entry = (struct qn_zip_entry){.name = qn_arena_strndup(arena, (const char *)p + CENTRAL_BYTES, n_name),
                                   .crc = get32(p + 16),
                                   .packed = get32(p + 20),
                                   .size = get32(p + 24),
                                   .header = get32(p + 42),
                                   .deflated = get16(p + 10) == DEFLATED};
    QN_CHECK_MEM(entry->name, err);
    QN_TRY(check_entry(zip, entry, get16(p + 8), get16(p + 10), err));
    zip->n++;
    *at += n;
    return QN_OK;
}

enum qn_status qn_zip_open(const void *bytes, size_t n, size_t max_bytes, struct qn_arena *arena, struct qn_zip *zip,
                           struct qn_err *err)
{
    const unsigned char *end = n ? find_end(bytes, n) : NULL;
    size_t at, n_entries, total = 0, directory_end;

    QN_CHECK(end, err, FORMAT, "not a zip archive, or cut short");
    n_entries = get16(end + 10);
    at = get32(end + 16);
    QN_CHECK(n_entries != UINT16_MAX && at != UINT32_MAX, err, UNSUPPORTED,
             "the archive is of the zip64 kind, which is not supported");
    QN_CHECK(get16(end + 4) == 0 && get16(end + 6) == 0 && get16(end + 8) == n_entries, err, UNSUPPORTED,
             "the archive is one of several parts");
    QN_CHECK(n_entries <= MAX_ENTRIES, err, LIMIT, "the archive has %zu entries, more than %d", n_entries, MAX_ENTRIES);
    directory_end = (size_t)(end - (const unsigned char *)bytes);
    QN_CHECK(at <= directory_end && get32(end + 12) == directory_end - at, err, FORMAT,
             "the archive's directory is damaged");
    *zip = (struct qn_zip){bytes, at, qn_arena_array(arena, n_entries, sizeof(*zip->entries)), 0};
    QN_CHECK_MEM(zip->entries, err);
    while (zip->n < n_entries) {
        QN_TRY(read_entry(zip, &at, directory_end, arena, err));
        total += zip->entries[zip->n - 1].size; /* 4,096 sizes below 4 GiB do not overflow */
        QN_CHECK(total <= max_bytes, err, LIMIT, "the archive unpacks to more than %zu bytes", max_bytes);
    }
    return QN_OK;
}

static enum qn_status unpack(const struct qn_zip_entry *entry, const unsigned char *packed, struct qn_arena *arena,
                             const void **data, struct qn_err *err)
{
    unsigned char *to = qn_arena_alloc_raw(arena, entry->size + 1);
    z_stream stream = {
        .next_in = (Bytef *)packed, .avail_in = (uInt)entry->packed, .next_out = to, .avail_out = (uInt)entry->size};
    bool whole;

    QN_CHECK_MEM(to, err);
    QN_CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK, err, NOMEM, "out of memory");
    whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
    inflateEnd(&stream);
    QN_CHECK(whole, err, FORMAT, "the archive's entry '%.80s' does not unpack to its %zu bytes", entry->name,
             entry->size);
    *data = to;
    return QN_OK;
}

enum qn_status qn_zip_read(const struct qn_zip *zip, const struct qn_zip_entry *entry, struct qn_arena *arena,
                           const void **data, struct qn_err *err)
{
    const unsigned char *header = zip->bytes + entry->header;
    size_t room = zip->directory - entry->header, n_name = strlen(entry->name), start;

    QN_CHECK(room >= LOCAL_BYTES + n_name && get32(header) == LOCAL && get16(header + 26) == n_name &&
                 memcmp(header + LOCAL_BYTES, entry->name, n_name) == 0,
             err, FORMAT, "the archive's entry '%.80s' is not where the directory says", entry->name);
    start = LOCAL_BYTES + n_name + get16(header + 28);
    QN_CHECK(start <= room && entry->packed <= room - start, err, FORMAT, "the archive's entry '%.80s' is cut short",
             entry->name);
    if (entry->deflated)
        QN_TRY(unpack(entry, header + start, arena, data, err));
    else
        *data = header + start;
    QN_CHECK(crc32(0, *data, (uInt)entry->size) == entry->crc, err, FORMAT,
             "the archive's entry '%.80s' is damaged: its checksum differs", entry->name);
    return QN_OK;
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static void put(struct qn_buf *buf, int bytes, uint32_t x)
{
    const unsigned char text[4] = {(unsigned char)x, (unsigned char)(x >> 8), (unsigned char)(x >> 16),
                                   (unsigned char)(x >> 24)};

    qn_buf_append(buf, text, (size_t)bytes);
}

/* The fields that local header and directory entry share, from "version needed" to the length of the extra field. */
static void put_common(struct qn_buf *buf, uint32_t crc, size_t n, size_t n_name)
{
    put(buf, 2, 20);
    put(buf, 2, NAME_IS_UTF8);
    put(buf, 2, STORED);
    put(buf, 4, 0x00210000); /* 1 January 1980: the same values give the same file */
    put(buf, 4, crc);
    put(buf, 4, (uint32_t)n);
    put(buf, 4, (uint32_t)n);
    put(buf, 2, (uint32_t)n_name);
    put(buf, 2, 0);
}

void qn_zip_begin(struct qn_zip_writer *writer, struct qn_buf *out)
{
    *writer = (struct qn_zip_writer){.out = out};
    qn_buf_init(&writer->directory, (size_t)16 << 20);
}

enum qn_status qn_zip_add(struct qn_zip_writer *writer, const char *name, const void *bytes, size_t n,
                          struct qn_err *err)
{
    size_t n_name = strlen(name), offset = writer->out->n;
    uint32_t crc;

    QN_CHECK(n_name <= UINT16_MAX && n < UINT32_MAX && offset < UINT32_MAX && writer->n < MAX_ENTRIES, err, LIMIT,
             "'%.80s' is too large for a zip archive", name);
    crc = (uint32_t)crc32(0, bytes, (uInt)n);
    put(writer->out, 4, LOCAL);
    put_common(writer->out, crc, n, n_name);
    qn_buf_append(writer->out, name, n_name);
    qn_buf_append(writer->out, bytes, n);
    put(&writer->directory, 4, CENTRAL);
    put(&writer->directory, 2, 20);
    put_common(&writer->directory, crc, n, n_name);
    put(&writer->directory, 2, 0); /* comment, disk, attributes */
    put(&writer->directory, 4, 0);
    put(&writer->directory, 4, 0);
    put(&writer->directory, 4, (uint32_t)offset);
    qn_buf_append(&writer->directory, name, n_name);
    writer->n++;
    return QN_OK;
}

enum qn_status qn_zip_end(struct qn_zip_writer *writer, enum qn_status status, struct qn_err *err)
{
    size_t offset = writer->out->n, n = writer->directory.n;

    if (status == QN_OK && offset >= UINT32_MAX)
        status = qn_err_set(err, QN_LIMIT, "%zu bytes are too many for a zip archive", offset);
    if (n)
        qn_buf_append(writer->out, writer->directory.data, n);
    put(writer->out, 4, END);
    put(writer->out, 4, 0);
    put(writer->out, 2, (uint32_t)writer->n);
    put(writer->out, 2, (uint32_t)writer->n);
    put(writer->out, 4, (uint32_t)n);
    put(writer->out, 4, (uint32_t)offset);
    put(writer->out, 2, 0);
    if (status == QN_OK && (writer->out->failed || writer->directory.failed))
        status = qn_err_set(err, QN_LIMIT, "the archive is too large to write");
    qn_buf_deinit(&writer->directory);
    return status;
}
