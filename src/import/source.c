/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Bytes of a foreign trace, unpacked: see source.h. */
#include "import/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_ZIP
#include <zip.h>
#endif

#include "base/bug.h"
#include "base/vec.h"
#include "base/xalloc.h"

#define IN_BYTES 65536
#define PEEK_BYTES 4096
#define RATIO_FREE (1ull << 30)	/* unpacked bytes before the ratio matters */

enum packing { PLAIN, GZIP, XZ, ZSTD, LZ4, ZIP };

struct source {
	char *path;
	int fd;
	enum packing packing;
	uint8_t in[IN_BYTES];
	size_t in_pos, in_len;
	bool in_ended, ended;
	uint64_t packed, offset;
	uint8_t peek[PEEK_BYTES];
	size_t peek_len, peek_pos;
	ZSTD_DStream *zstd;
#ifdef HAVE_ZLIB
	z_stream gz;
	bool gz_between;	/* behind one member of a gzip file */
#endif
#ifdef HAVE_LZMA
	lzma_stream xz;
#endif
#ifdef HAVE_LZ4
	LZ4F_dctx *lz4;
#endif
#ifdef HAVE_ZIP
	zip_t *zip;
	zip_file_t *member;
	VEC(char *) names;
	size_t next_name;
#endif
};

static const struct {
	const char *name;
	uint8_t magic[6];
	size_t len;
	bool built;
} packings[] = {
	[PLAIN] = { "", { 0 }, 0, true },
	[GZIP] = { "gzip", { 0x1f, 0x8b }, 2,
#ifdef HAVE_ZLIB
		   true
#endif
	},
	[XZ] = { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6,
#ifdef HAVE_LZMA
		 true
#endif
	},
	[ZSTD] = { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, true },
	[LZ4] = { "lz4", { 0x04, 0x22, 0x4d, 0x18 }, 4,
#ifdef HAVE_LZ4
		  true
#endif
	},
	[ZIP] = { "zip", { 'P', 'K', 3, 4 }, 4,
#ifdef HAVE_ZIP
		  true
#endif
	},
};

/* ---- the file ---- */

static int fill(struct source *s, struct mmr_error *err)
{
	ssize_t n;

	if (s->in_pos < s->in_len || s->in_ended)
		return 0;
	do {
		n = read(s->fd, s->in, sizeof(s->in));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, -errno, "cannot read: %s", strerror(errno));
	s->in_pos = 0;
	s->in_len = (size_t)n;
	s->in_ended = n == 0;
	s->packed += (uint64_t)n;
	return 0;
}

/* At least `size` bytes in the buffer, if the file has them: only for the first bytes. */
static int fill_first(struct source *s, size_t size, struct mmr_error *err)
{
	while (s->in_len < size) {
		ssize_t n = read(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "cannot read: %s", strerror(errno));
		if (n == 0)
			break;
		s->in_len += (size_t)n;
		s->packed += (uint64_t)n;
	}
	return 0;
}

static int damaged(const struct source *s, struct mmr_error *err, const char *why)
{
	int rc = err_set(err, -EBADMSG, "damaged %s data: %s", packings[s->packing].name, why);

	if (err)
		err->offset = s->packed;
	return rc;
}

/* ---- unpackers: each returns bytes, 0 at the end ---- */

static int64_t read_plain(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	size_t n;
	int rc = fill(s, err);

	if (rc)
		return rc;
	n = s->in_len - s->in_pos < size ? s->in_len - s->in_pos : size;
	memcpy(buf, s->in + s->in_pos, n);
	s->in_pos += n;
	return (int64_t)n;
}

static int64_t read_zstd(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	ZSTD_outBuffer out = { buf, size, 0 };
	size_t rest = 1;

	while (!out.pos) {
		ZSTD_inBuffer in;
		int rc = fill(s, err);

		if (rc)
			return rc;
		if (s->in_ended)
			return rest == 0 || s->packed == 0 || s->ended ? 0 : damaged(s, err, "the file ends too early");
		in = (ZSTD_inBuffer){ s->in + s->in_pos, s->in_len - s->in_pos, 0 };
		rest = ZSTD_decompressStream(s->zstd, &out, &in);
		s->in_pos += in.pos;
		if (ZSTD_isError(rest))
			return damaged(s, err, ZSTD_getErrorName(rest));
		s->ended = rest == 0;
	}
	return (int64_t)out.pos;
}

#ifdef HAVE_ZLIB
static int64_t read_gzip(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	s->gz.next_out = buf;
	s->gz.avail_out = (unsigned)size;
	while (s->gz.avail_out == size) {
		int rc = fill(s, err), z;

		if (rc)
			return rc;
		if (s->in_ended)
			return s->gz_between ? 0 : damaged(s, err, "the file ends too early");
		if (s->gz_between && inflateReset(&s->gz) != Z_OK)
			return damaged(s, err, "cannot go on");
		s->gz_between = false;
		s->gz.next_in = s->in + s->in_pos;
		s->gz.avail_in = (unsigned)(s->in_len - s->in_pos);
		z = inflate(&s->gz, Z_NO_FLUSH);
		s->in_pos = s->in_len - s->gz.avail_in;
		s->gz_between = z == Z_STREAM_END;
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return damaged(s, err, s->gz.msg ? s->gz.msg : "not a gzip stream");
	}
	return (int64_t)(size - s->gz.avail_out);
}
#endif

#ifdef HAVE_LZMA
static int64_t read_xz(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	s->xz.next_out = buf;
	s->xz.avail_out = size;
	while (s->xz.avail_out == size && !s->ended) {
		int rc = fill(s, err);
		lzma_ret z;

		if (rc)
			return rc;
		s->xz.next_in = s->in + s->in_pos;
		s->xz.avail_in = s->in_len - s->in_pos;
		z = lzma_code(&s->xz, s->in_ended ? LZMA_FINISH : LZMA_RUN);
		s->in_pos = s->in_len - s->xz.avail_in;
		s->ended = z == LZMA_STREAM_END;
		if (z != LZMA_OK && z != LZMA_STREAM_END)
			return damaged(s, err, z == LZMA_BUF_ERROR ? "the file ends too early" : "not an xz stream");
	}
	return (int64_t)(size - s->xz.avail_out);
}
#endif

#ifdef HAVE_LZ4
static int64_t read_lz4(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	size_t out = 0;

	while (!out) {
		size_t in, rest;
		int rc = fill(s, err);

		if (rc)
			return rc;
		if (s->in_ended)
			return s->ended ? 0 : damaged(s, err, "the file ends too early");
		in = s->in_len - s->in_pos;
		out = size;
		rest = LZ4F_decompress(s->lz4, buf, &out, s->in + s->in_pos, &in, NULL);
		s->in_pos += in;
		if (LZ4F_isError(rest))
			return damaged(s, err, LZ4F_getErrorName(rest));
		s->ended = rest == 0;
	}
	return (int64_t)out;
}
#endif

#ifdef HAVE_ZIP
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int open_zip(struct source *s, struct mmr_error *err)
{
	zip_int64_t nr;
	int code = 0;

	s->zip = zip_open(s->path, ZIP_RDONLY, &code);
	if (!s->zip)
		return damaged(s, err, "not a zip archive (a zip archive cannot be read from standard input)");
	nr = zip_get_num_entries(s->zip, 0);
	if (nr > 1 << 20)
		return damaged(s, err, "more than a million files");
	for (zip_int64_t i = 0; i < nr; i++) {
		const char *name = zip_get_name(s->zip, (zip_uint64_t)i, 0);

		if (name && name[0] && name[strlen(name) - 1] != '/')
			*vec_push(&s->names) = xstrdup(name);
	}
	/* no ties: an archive with two files of one name is refused below */
	qsort(s->names.data, s->names.nr, sizeof(*s->names.data), by_name);
	for (size_t i = 1; i < s->names.nr; i++)
		if (!strcmp(s->names.data[i - 1], s->names.data[i]))
			return damaged(s, err, "two files have one name");
	return 0;
}

static int64_t read_zip(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	for (;;) {
		zip_int64_t n;
		zip_stat_t st;

		if (!s->member && s->next_name == s->names.nr)
			return 0;
		if (!s->member) {
			s->member = zip_fopen(s->zip, s->names.data[s->next_name], 0);
			if (!s->member)
				return damaged(s, err, zip_strerror(s->zip));
			if (zip_stat(s->zip, s->names.data[s->next_name], 0, &st) == 0 && st.valid & ZIP_STAT_COMP_SIZE)
				s->packed += st.comp_size;
			s->next_name++;
		}
		n = zip_fread(s->member, buf, size);
		if (n < 0)
			return damaged(s, err, zip_file_strerror(s->member));
		if (n > 0)
			return n;
		zip_fclose(s->member);
		s->member = NULL;
	}
}
#endif

static int64_t unpack(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	switch (s->packing) {
	case PLAIN:
		return read_plain(s, buf, size, err);
	case ZSTD:
		return read_zstd(s, buf, size, err);
#ifdef HAVE_ZLIB
	case GZIP:
		return read_gzip(s, buf, size, err);
#endif
#ifdef HAVE_LZMA
	case XZ:
		return read_xz(s, buf, size, err);
#endif
#ifdef HAVE_LZ4
	case LZ4:
		return read_lz4(s, buf, size, err);
#endif
#ifdef HAVE_ZIP
	case ZIP:
		return read_zip(s, buf, size, err);
#endif
	default:
		break;
	}
	return err_set(err, -ENOTSUP, "this build cannot read how it is packed");
}

/* ---- opening ---- */

static int start_unpacker(struct source *s, struct mmr_error *err)
{
	if (!packings[s->packing].built)
		return err_set(err, -ENOTSUP, "packed with %s, which this build cannot read", packings[s->packing].name);
	if (s->packing == ZSTD)
		s->zstd = ZSTD_createDStream();
#ifdef HAVE_ZLIB
	if (s->packing == GZIP && inflateInit2(&s->gz, 15 + 16) != Z_OK)
		return err_set(err, -ENOMEM, "cannot start zlib");
#endif
#ifdef HAVE_LZMA
	if (s->packing == XZ && lzma_stream_decoder(&s->xz, 256ull << 20, LZMA_CONCATENATED) != LZMA_OK)
		return err_set(err, -ENOMEM, "cannot start liblzma");
#endif
#ifdef HAVE_LZ4
	if (s->packing == LZ4 && LZ4F_isError(LZ4F_createDecompressionContext(&s->lz4, LZ4F_VERSION)))
		return err_set(err, -ENOMEM, "cannot start liblz4");
#endif
#ifdef HAVE_ZIP
	if (s->packing == ZIP)
		return open_zip(s, err);
#endif
	return 0;
}

static enum packing packing_of(const uint8_t *head, size_t len)
{
	for (size_t i = GZIP; i < ARRAY_SIZE(packings); i++)
		if (len >= packings[i].len && !memcmp(head, packings[i].magic, packings[i].len))
			return (enum packing)i;
	return PLAIN;
}

int source_open(struct source **ret, const char *path, struct mmr_error *err)
{
	struct source *s = xcalloc(1, sizeof(*s));
	struct stat st;
	int64_t n;
	int rc;

	s->path = xstrdup(path);
	s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (s->fd < 0)
		rc = err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	else if (fstat(s->fd, &st) == 0 && S_ISDIR(st.st_mode))
		rc = err_set(err, -EISDIR, "'%s' is a folder", path);
	else
		rc = fill_first(s, 6, err);
	if (!rc) {
		s->packing = packing_of(s->in, s->in_len);
		rc = start_unpacker(s, err);
	}
	while (!rc && s->peek_len < PEEK_BYTES) {
		n = unpack(s, s->peek + s->peek_len, PEEK_BYTES - s->peek_len, err);
		if (n < 0)
			rc = (int)n;
		if (n <= 0)
			break;
		s->peek_len += (size_t)n;
	}
	if (rc) {
		source_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	ZSTD_freeDStream(s->zstd);
#ifdef HAVE_ZLIB
	if (s->packing == GZIP)
		inflateEnd(&s->gz);
#endif
#ifdef HAVE_LZMA
	if (s->packing == XZ)
		lzma_end(&s->xz);
#endif
#ifdef HAVE_LZ4
	LZ4F_freeDecompressionContext(s->lz4);
#endif
#ifdef HAVE_ZIP
	if (s->member)
		zip_fclose(s->member);
	if (s->zip)
		zip_discard(s->zip);
	for (size_t i = 0; i < s->names.nr; i++)
		free(s->names.data[i]);
	vec_finish(&s->names);
#endif
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

size_t source_peek(struct source *s, const uint8_t **ret)
{
	*ret = s->peek;
	return s->peek_len;
}

int64_t source_read(struct source *s, void *buf, size_t size, struct mmr_error *err)
{
	size_t done = 0;

	while (done < size) {
		int64_t n;

		if (s->peek_pos < s->peek_len) {
			size_t left = s->peek_len - s->peek_pos;

			n = (int64_t)(left < size - done ? left : size - done);
			memcpy((char *)buf + done, s->peek + s->peek_pos, (size_t)n);
			s->peek_pos += (size_t)n;
		} else {
			n = unpack(s, (char *)buf + done, size - done, err);
		}
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
		s->offset += (uint64_t)n;
		if (s->offset > RATIO_FREE && s->offset / SOURCE_RATIO_MAX > s->packed)
			return damaged(s, err, "unpacks to more than 2000 times its size");
	}
	return (int64_t)done;
}

uint64_t source_offset(const struct source *s)
{
	return s->offset;
}

uint64_t source_packed(const struct source *s)
{
	return s->packed;
}

/* ---- lines ---- */

void lines_init(struct lines *l, struct source *s, size_t most)
{
	*l = (struct lines){ .s = s, .most = most, .buf = xmalloc(most + 2) };
}

void lines_finish(struct lines *l)
{
	free(l->buf);
	l->buf = NULL;
}

int lines_next(struct lines *l, char **ret, size_t *ret_len, struct mmr_error *err)
{
	for (;;) {
		char *nl = memchr(l->buf + l->pos, '\n', l->len - l->pos);
		int64_t n;

		if (nl || (l->ended && l->pos < l->len)) {
			*ret = l->buf + l->pos;
			*ret_len = (size_t)((nl ? nl : l->buf + l->len) - *ret);
			(*ret)[*ret_len] = '\0';
			l->pos += *ret_len + !!nl;
			l->number++;
			return 1;
		}
		if (l->ended)
			return 0;
		memmove(l->buf, l->buf + l->pos, l->len - l->pos);
		l->len -= l->pos;
		l->pos = 0;
		if (l->len == l->most)
			return err_set(err, -EBADMSG, "line %llu is longer than %zu bytes",
				       (unsigned long long)l->number + 1, l->most);
		n = source_read(l->s, l->buf + l->len, l->most - l->len, err);
		if (n < 0)
			return (int)n;
		l->ended = n == 0;
		l->len += (size_t)n;
	}
}
