/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Objects and arrays by tables of fields; a place is written out only when there is an error. */
#include "machine/json-read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/units.h"

#define MAX_FIELDS 32

static void add_place(struct strbuf *sb, const struct json_place *at)
{
	if (!at->up) {
		strbuf_addf(sb, "%s: ", at->where);
		return;
	}
	add_place(sb, at->up);
	if (!at->key)
		strbuf_addf(sb, "[%zu]", at->index);
	else
		strbuf_addf(sb, "%s%s", at->up->up ? "." : "", at->key);
}

int json_error(const struct json_place *at, const char *fmt, ...)
{
	struct strbuf sb = {0};
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_place(&sb, at);
	err_set(at->err, -EINVAL, "%s%s%s", sb.s, at->up ? ": " : "", text);
	strbuf_finish(&sb);
	return -EINVAL;
}

static const struct json_field *find_field(const struct json_field *fields, size_t nr, const char *key)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(fields[i].key, key))
			return &fields[i];
	return NULL;
}

static int unknown_key(const struct json_place *at, const struct json_field *fields, size_t nr, const char *key)
{
	const char *names[MAX_FIELDS], *near;

	BUG_ON(nr > MAX_FIELDS);
	for (size_t i = 0; i < nr; i++)
		names[i] = fields[i].key;
	near = nearest(key, names, nr);
	if (near)
		return json_error(at, "unknown key '%.60s' (did you mean '%s'?)", key, near);
	return json_error(at, "unknown key '%.60s'", key);
}

int json_read_object(const json_t *object, const struct json_place *at, const struct json_field *fields, size_t nr,
		     void *dst)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return json_error(at, "not an object");
	json_object_foreach((json_t *)object, key, value) {
		if (!find_field(fields, nr, key))
			return unknown_key(at, fields, nr, key);
	}
	for (size_t i = 0; i < nr; i++) {
		struct json_place here = { .up = at, .key = fields[i].key, .err = at->err };
		int rc;

		value = json_object_get(object, fields[i].key);
		if (!value && fields[i].required)
			return json_error(at, "key '%s' is missing", fields[i].key);
		rc = value && fields[i].read ? fields[i].read(value, &here, dst) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

int json_read_array(const json_t *array, const struct json_place *at, size_t min, size_t max,
		    int (*read)(const json_t *value, const struct json_place *at, void *dst), void *dst)
{
	size_t nr = json_array_size(array);

	if (!json_is_array(array))
		return json_error(at, "not an array");
	if (nr < min || nr > max)
		return json_error(at, "%zu elements, not %zu to %zu", nr, min, max);
	for (size_t i = 0; i < nr; i++) {
		struct json_place here = { .up = at, .index = i, .err = at->err };
		int rc = read(json_array_get(array, i), &here, dst);

		if (rc)
			return rc;
	}
	return 0;
}

int json_read_string(const json_t *value, const struct json_place *at, const char **ret)
{
	if (!json_is_string(value) || !*json_string_value(value))
		return json_error(at, "not a text");
	*ret = json_string_value(value);
	return 0;
}

int json_read_uint(const json_t *value, const struct json_place *at, uint64_t min, uint64_t max, uint64_t *ret)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return json_error(at, "not an integer");
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return json_error(at, "%" JSON_INTEGER_FORMAT " is out of range (%" PRIu64 " to %" PRIu64 ")", n, min, max);
	*ret = (uint64_t)n;
	return 0;
}
