/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A growing string: always NUL-terminated once anything was added. {0} is an empty one. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
	char *s;
	size_t len, cap;
};

void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_addstr(struct strbuf *sb, const char *s);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_clear(struct strbuf *sb);
void strbuf_finish(struct strbuf *sb);

#endif
