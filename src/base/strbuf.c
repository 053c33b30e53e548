/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Growing strings; capacity doubles, so that adding is amortised constant time. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"

/* Room for `len` more bytes and the NUL. */
static void strbuf_grow(struct strbuf *sb, size_t len)
{
	size_t want = sb->len + len + 1;

	BUG_ON(want <= len);
	if (want <= sb->cap)
		return;
	if (want < 2 * sb->cap)
		want = 2 * sb->cap;
	if (want < 64)
		want = 64;
	sb->s = xrealloc(sb->s, want, 1);
	sb->cap = want;
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len)
{
	strbuf_grow(sb, len);
	if (len)
		memcpy(sb->s + sb->len, data, len);
	sb->len += len;
	sb->s[sb->len] = '\0';
}

void strbuf_addstr(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	strbuf_grow(sb, 0);		/* not to add 0 to a null pointer */
	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
	va_end(ap);
	BUG_ON(len < 0);
	if ((size_t)len >= sb->cap - sb->len) {
		strbuf_grow(sb, (size_t)len);
		vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, again);
	}
	va_end(again);
	sb->len += (size_t)len;
}

void strbuf_clear(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->s)
		sb->s[0] = '\0';
}

void strbuf_finish(struct strbuf *sb)
{
	free(sb->s);
	*sb = (struct strbuf){0};
}
