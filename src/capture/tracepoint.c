/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Formats through libtraceevent, and bounds-checked reads of raw records.
 *
 * tracefs is mounted on /sys/kernel/tracing by most systems, by some only under debugfs, by small
 * ones not at all. A detached mount (fsopen, fsmount) then shows it to this process alone: nothing
 * on the host changes.
 */
#include "capture/tracepoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_TRACEEVENT
#include <event-parse.h>
#endif

#include "base/strbuf.h"

#define FORMAT_MAX_BYTES (1u << 20)

/* ---- tracefs ---- */

#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif

static int detached_mount(void)
{
#if defined(SYS_fsopen) && defined(SYS_fsconfig) && defined(SYS_fsmount)
	int fs = (int)syscall(SYS_fsopen, "tracefs", 1 /* FSOPEN_CLOEXEC */), dir;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		dir = -errno;
	else
		dir = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (dir == -1)
		dir = -errno;
	close(fs);
	return dir;
#else
	return -ENOSYS;
#endif
}

/* The reason, with the cure. */
static int no_tracefs(const struct tracefs *fs, struct mmr_error *err)
{
	if (fs->denied)
		return err_set(err, -EACCES,
			       "tracefs is closed to this user: run as root, or "
			       "'mount -o remount,gid=GROUP,mode=750 /sys/kernel/tracing'");
	return err_set(err, -ENOENT,
		       "tracefs is not mounted: "
		       "'mount -t tracefs nodev /sys/kernel/tracing' as root");
}

int tracefs_find(struct tracefs *fs, struct mmr_error *err)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	bool denied = false;

	fs->dirfd = -1;
	fs->denied = false;
#ifndef HAVE_TRACEEVENT
	return err_set(err, -ENOSYS, "this mmreplay was built without libtraceevent");
#endif
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int dir = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && faccessat(dir, "events/header_page", R_OK, 0) == 0) {
			fs->dirfd = dir;
			snprintf(fs->path, sizeof(fs->path), "%s", places[i]);
			return 0;
		}
		denied |= (dir < 0 || faccessat(dir, "events", F_OK, 0) == 0) && errno == EACCES;
		if (dir >= 0)
			close(dir);
	}
	fs->dirfd = detached_mount();
	if (fs->dirfd >= 0) {
		snprintf(fs->path, sizeof(fs->path), "(private mount)");
		return 0;
	}
	fs->dirfd = -1;
	fs->denied = denied;
	return no_tracefs(fs, err);
}

void tracefs_close(struct tracefs *fs)
{
	if (fs->dirfd >= 0)
		close(fs->dirfd);
	fs->dirfd = -1;
}

/* ---- formats ---- */

#ifndef HAVE_TRACEEVENT
int tp_parse(const char *text, size_t len, const char *system, struct tp_format *ret,
	     struct mmr_error *err)
{
	(void)text;
	(void)len;
	(void)ret;
	(void)system;
	return err_set(err, -ENOSYS, "this mmreplay was built without libtraceevent");
}

int tp_flags_parse(const char *text, size_t len, const char *system, tp_flag_fn *fn, void *ctx)
{
	(void)text;
	(void)len;
	(void)system;
	(void)fn;
	(void)ctx;
	return -ENOSYS;
}
#else
static void copy_field(struct tp_format *fmt, const struct tep_format_field *f)
{
	struct tp_field *out = &fmt->field[fmt->nr_fields];

	if (fmt->nr_fields == TP_FIELDS_MAX || strlen(f->name) >= sizeof(out->name) ||
	    f->offset < 0 || f->size < 0 || f->offset > UINT16_MAX || f->size > UINT16_MAX)
		return;
	snprintf(out->name, sizeof(out->name), "%s", f->name);
	out->offset = (uint16_t)f->offset;
	out->size = (uint16_t)f->size;
	out->is_signed = f->flags & TEP_FIELD_IS_SIGNED;
	out->is_dynamic = f->flags & TEP_FIELD_IS_DYNAMIC;
	fmt->nr_fields++;
}

int tp_parse(const char *text, size_t len, const char *system, struct tp_format *ret,
	     struct mmr_error *err)
{
	struct tep_handle *tep = tep_alloc();
	struct tep_event *event = NULL;

	if (tep == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	tep_set_loglevel(TEP_LOG_NONE);
	memset(ret, 0, sizeof(*ret));
	/* A print format that the library cannot parse is no harm: the fields were read before it.
	 */
	tep_parse_format(tep, &event, text, len, system);
	if (event && event->id > 0) {
		ret->id = (uint64_t)event->id;
		for (struct tep_format_field *f = event->format.common_fields; f; f = f->next)
			copy_field(ret, f);
		for (struct tep_format_field *f = event->format.fields; f; f = f->next)
			copy_field(ret, f);
	}
	tep_free(tep);
	if (ret->id == 0)
		return err_set(err, -EINVAL, "the format of a '%s' tracepoint cannot be parsed",
			       system);
	return 0;
}

/* The flags of __print_flags(), wherever it stands in the arguments of the print format. */
static void each_flag(const struct tep_print_arg *arg, tp_flag_fn *fn, void *ctx)
{
	for (; arg; arg = arg->next) {
		const struct tep_print_flag_sym *sym =
			arg->type == TEP_PRINT_FLAGS ? arg->flags.flags : NULL;

		for (; sym; sym = sym->next)
			fn(ctx, sym->str, strtoull(sym->value, NULL, 0));
		if (arg->type == TEP_PRINT_OP) {
			each_flag(arg->op.left, fn, ctx);
			each_flag(arg->op.right, fn, ctx);
		} else if (arg->type == TEP_PRINT_TYPE) {
			each_flag(arg->typecast.item, fn, ctx);
		}
	}
}

int tp_flags_parse(const char *text, size_t len, const char *system, tp_flag_fn *fn, void *ctx)
{
	struct tep_handle *tep = tep_alloc();
	struct tep_event *event = NULL;

	if (tep == NULL)
		return -ENOMEM;
	tep_set_loglevel(TEP_LOG_NONE);
	tep_parse_format(tep, &event, text, len, system);
	if (event)
		each_flag(event->print_fmt.args, fn, ctx);
	tep_free(tep);
	return event ? 0 : -EINVAL;
}

#endif

/* The text of a format into `sb`, which the caller finishes. */
static int read_format(const struct tracefs *fs, const char *system, const char *name,
		       struct strbuf *sb, struct mmr_error *err)
{
	char path[256], buf[4096];
	ssize_t n;

	if (fs->dirfd < 0)
		return no_tracefs(fs, err);
	snprintf(path, sizeof(path), "events/%s/%s/format", system, name);
	int fd = openat(fs->dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno,
			       errno == ENOENT
				       ? "this kernel has no tracepoint '%s:%s'"
				       : "the format of tracepoint '%s:%s' is closed to this user",
			       system, name);
	while (sb->len < FORMAT_MAX_BYTES && (n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(sb, buf, (size_t)n);
	close(fd);
	if (sb->len == 0)
		return err_set(err, -EIO, "the format of tracepoint '%s:%s' is empty", system,
			       name);
	return 0;
}

int tp_load(const struct tracefs *fs, const char *system, const char *name, struct tp_format *ret,
	    struct mmr_error *err)
{
	struct strbuf sb = {0};
	int ret_err = read_format(fs, system, name, &sb, err);

	if (ret_err == 0)
		ret_err = tp_parse(sb.s, sb.len, system, ret, err);
	strbuf_finish(&sb);
	return ret_err;
}

int tp_flags(const struct tracefs *fs, const char *system, const char *name, tp_flag_fn *fn,
	     void *ctx)
{
	struct strbuf sb = {0};
	struct mmr_error err;
	int ret = read_format(fs, system, name, &sb, &err);

	if (ret == 0)
		ret = tp_flags_parse(sb.s, sb.len, system, fn, ctx);
	strbuf_finish(&sb);
	return ret;
}

/* ---- records ---- */

const struct tp_field *tp_field(const struct tp_format *fmt, const char *name)
{
	for (unsigned i = 0; i < fmt->nr_fields; i++) {
		if (strcmp(fmt->field[i].name, name) == 0)
			return &fmt->field[i];
	}
	return NULL;
}

uint64_t tp_u64(const struct tp_field *f, const void *raw, size_t size)
{
	const char *p = raw;
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} v = {.u64 = 0};

	if (f == NULL || (size_t)f->offset + f->size > size || f->size > 8)
		return 0;
	memcpy(&v, p + f->offset, f->size);
	switch (f->size) {
	case 1:
		return f->is_signed ? (uint64_t)(int8_t)v.u8 : v.u8;
	case 2:
		return f->is_signed ? (uint64_t)(int16_t)v.u16 : v.u16;
	case 4:
		return f->is_signed ? (uint64_t)(int32_t)v.u32 : v.u32;
	case 8:
		return v.u64;
	default:
		return 0;
	}
}

uint64_t tp_word(const struct tp_field *f, unsigned i, const void *raw, size_t size)
{
	uint64_t v;

	if (f == NULL || (i + 1) * 8u > f->size || (size_t)f->offset + f->size > size)
		return 0;
	memcpy(&v, (const char *)raw + f->offset + i * 8, 8);
	return v;
}

const char *tp_string(const struct tp_field *f, const void *raw, size_t size)
{
	const char *p = raw;
	uint32_t loc;

	if (f == NULL || (size_t)f->offset + f->size > size)
		return "";
	size_t offset = f->offset, len = f->size;

	if (f->is_dynamic) {
		memcpy(&loc, p + f->offset, sizeof(loc));
		offset = loc & 0xffff;
		len = loc >> 16;
	}
	if (offset + len > size || len == 0 || memchr(p + offset, '\0', len) == NULL)
		return "";
	return p + offset;
}
