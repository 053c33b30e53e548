/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Setting keys of JSON objects, and the one way in which results become text. */
#include "report/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bug.h"

#define RATIO_SCALE  1000000u
#define RATIO_DIGITS 15 /* significant digits printed: a double holds that many exactly */

/* Takes the reference. jansson fails for want of memory or for text that is not UTF-8: ours is. */
static json_t *set(json_t *obj, const char *key, json_t *value)
{
	BUG_ON(!value || json_object_get(obj, key));
	BUG_ON(json_object_set_new(obj, key, value));
	return value;
}

json_t *j_object(json_t *parent, const char *key)
{
	json_t *obj = json_object();

	BUG_ON(!obj);
	return parent ? set(parent, key, obj) : obj;
}

json_t *j_array(json_t *parent, const char *key)
{
	return set(parent, key, json_array());
}

void j_u64(json_t *obj, const char *key, uint64_t value)
{
	set(obj, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void j_i64(json_t *obj, const char *key, int64_t value)
{
	set(obj, key, json_integer(value));
}

void j_bool(json_t *obj, const char *key, bool value)
{
	set(obj, key, json_boolean(value));
}

void j_str(json_t *obj, const char *key, const char *value)
{
	set(obj, key, json_string(value));
}

static json_t *hex_string(const unsigned char *p, size_t len)
{
	struct strbuf sb = {0};
	json_t *value;

	strbuf_addstr(&sb, "");
	for (size_t i = 0; i < len; i++)
		strbuf_addf(&sb, "%02x", p[i]);
	value = json_string(sb.s);
	strbuf_finish(&sb);
	return value;
}

void j_bytes(json_t *obj, const char *key, const void *data, size_t len)
{
	json_t *value = json_stringn(data ? data : "", data ? len : 0);
	char name[64];

	if (value) {
		set(obj, key, value);
		return;
	}
	snprintf(name, sizeof(name), "%s_hex", key);
	set(obj, name, hex_string(data, len));
}

void j_hex(json_t *obj, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	j_str(obj, key, text);
}

void j_null(json_t *obj, const char *key)
{
	set(obj, key, json_null());
}

void j_ratio(json_t *obj, const char *key, uint64_t num, uint64_t den)
{
	unsigned __int128 scaled;

	if (!den) {
		j_null(obj, key);
		return;
	}
	scaled = ((unsigned __int128)num * RATIO_SCALE + den / 2) / den;
	/* One correctly rounded division of an integer by a constant: the same bits everywhere. */
	set(obj, key, json_real((double)(uint64_t)scaled / RATIO_SCALE));
}

static int append(const char *buf, size_t size, void *sb)
{
	strbuf_add(sb, buf, size);
	return 0;
}

void j_text(const json_t *root, struct strbuf *sb)
{
	BUG_ON(json_dump_callback(root, append, sb,
				  JSON_INDENT(2) | JSON_REAL_PRECISION(RATIO_DIGITS)));
	strbuf_addstr(sb, "\n");
}

json_t *j_parse(const char *text, size_t len, struct mmr_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!root)
		err_set(err, -EINVAL, "not JSON: %s (line %d)", why.text, why.line);
	return root;
}
