/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The text form of a result: sections, lines, tables. */
#include "report/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "base/vec.h"

#define LONG_SECTION 12 /* plain keys from which on zeros are left out */
#define CELL_MAX     256
#define WIDE_TABLE   10 /* columns from which on few rows stand side by side instead */
#define FEW_ROWS     8

struct table {
	struct strbuf *sb;
	bool all;
};

static bool is_plain(const json_t *v)
{
	return !json_is_object(v) && !json_is_array(v);
}

static bool is_plain_array(const json_t *v)
{
	size_t i;
	json_t *el;

	if (!json_is_array(v))
		return false;
	json_array_foreach(v, i, el) if (!is_plain(el)) return false;
	return true;
}

static bool ends_with(const char *s, const char *tail)
{
	size_t len = strlen(s), n = strlen(tail);

	return len >= n && !strcmp(s + len - n, tail);
}

static const char *cell(const char *key, const json_t *v, char *buf, size_t size)
{
	char human[32];

	switch (json_typeof(v)) {
	case JSON_NULL:
		return "-";
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_STRING:
		snprintf(buf, size, "%s", json_string_value(v));
		return buf;
	case JSON_REAL:
		snprintf(buf, size, "%.6f", json_real_value(v));
		return buf;
	default:
		break;
	}
	if (ends_with(key, "_bytes") && json_integer_value(v) >= 4096)
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT " (%s)", json_integer_value(v),
			 format_bytes_human((uint64_t)json_integer_value(v), human, sizeof(human)));
	else
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return buf;
}

/* What a key of a row becomes: a cell, a line of a list below the table, a section of its own. */
enum shape { SHAPE_PLAIN, SHAPE_LIST, SHAPE_NESTED };

static enum shape shape_of(const json_t *v)
{
	return is_plain(v) ? SHAPE_PLAIN : is_plain_array(v) ? SHAPE_LIST : SHAPE_NESTED;
}

/* A table's rows: all objects, with the same keys of the same shapes in the same order. */
static bool same_keys(const json_t *a, const json_t *b)
{
	void *i = json_object_iter((json_t *)a), *k = json_object_iter((json_t *)b);

	for (; i && k;
	     i = json_object_iter_next((json_t *)a, i), k = json_object_iter_next((json_t *)b, k))
		if (strcmp(json_object_iter_key(i), json_object_iter_key(k)) ||
		    shape_of(json_object_iter_value(i)) != shape_of(json_object_iter_value(k)))
			return false;
	return !i && !k;
}

struct rows {
	VEC(const char *) name; /* NULL for those of an array */
	VEC(const json_t *) row;
	bool numbered; /* rows of an array are spoken of below the table */
};

/* False: what is there is no table. */
static bool look_at_keys(struct rows *rows)
{
	bool any_plain = false;
	const char *key;
	json_t *v;

	for (size_t i = 0; i < rows->row.nr; i++)
		if (!json_is_object(rows->row.data[i]) ||
		    !same_keys(rows->row.data[0], rows->row.data[i]))
			return false;
	if (!rows->row.nr)
		return false;
	json_object_foreach((json_t *)rows->row.data[0], key, v)
	{
		any_plain = any_plain || is_plain(v);
		rows->numbered = rows->numbered || !is_plain(v);
	}
	return any_plain;
}

static bool collect_rows(const json_t *v, struct rows *rows)
{
	const char *key;
	json_t *el;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, el)
		{
			*vec_push(&rows->name) = NULL;
			*vec_push(&rows->row) = el;
		}
	} else {
		json_object_foreach((json_t *)v, key, el)
		{
			*vec_push(&rows->name) = key;
			*vec_push(&rows->row) = el;
		}
	}
	return look_at_keys(rows);
}

static void rows_finish(struct rows *rows)
{
	vec_finish(&rows->name);
	vec_finish(&rows->row);
}

static const char *row_name(const struct rows *rows, size_t i, char *buf, size_t size)
{
	snprintf(buf, size, "%zu", i);
	return rows->name.data[i] ? rows->name.data[i] : rows->numbered ? buf : "";
}

static size_t name_width(const struct rows *rows)
{
	size_t width = 0, len;
	char buf[24];

	for (size_t i = 0; i < rows->name.nr; i++) {
		len = strlen(row_name(rows, i, buf, sizeof(buf)));
		width = len > width ? len : width;
	}
	return width;
}

static size_t column_width(const struct rows *rows, const char *key)
{
	size_t width = strlen(key), len;
	char buf[CELL_MAX];

	for (size_t i = 0; i < rows->row.nr; i++) {
		len = strlen(cell("", json_object_get(rows->row.data[i], key), buf, sizeof(buf)));
		if (len > width)
			width = len;
	}
	return width;
}

static bool is_zero(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) == 0;
}

static bool all_zero(const struct rows *rows, const char *key)
{
	for (size_t i = 0; i < rows->row.nr; i++)
		if (!is_zero(json_object_get(rows->row.data[i], key)))
			return false;
	return true;
}

/* Few rows of many columns: one line a key, one column a row. */
static bool is_wide(const struct rows *rows)
{
	size_t nr = 0;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)rows->row.data[0], key, v) nr += is_plain(v);
	return nr >= WIDE_TABLE && rows->row.nr <= FEW_ROWS;
}

static void print_turned(struct table *t, const struct rows *rows)
{
	size_t width = 0, element = 0, hidden = 0, nr = 0, len;
	char buf[CELL_MAX];
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)rows->row.data[0], key, v)
	{
		if (!is_plain(v))
			continue;
		nr++;
		width = strlen(key) > width ? strlen(key) : width;
		for (size_t i = 0; i < rows->row.nr; i++) {
			len = strlen(cell("", json_object_get(rows->row.data[i], key), buf,
					  sizeof(buf)));
			element = len > element ? len : element;
		}
	}
	json_object_foreach((json_t *)rows->row.data[0], key, v)
	{
		if (!is_plain(v))
			continue;
		if (!t->all && nr > LONG_SECTION && all_zero(rows, key)) {
			hidden++;
			continue;
		}
		strbuf_addf(t->sb, "  %-*s", (int)width, key);
		for (size_t i = 0; i < rows->row.nr; i++)
			strbuf_addf(t->sb, "  %*s", (int)element,
				    cell("", json_object_get(rows->row.data[i], key), buf,
					 sizeof(buf)));
		strbuf_addstr(t->sb, "\n");
	}
	if (hidden)
		strbuf_addf(t->sb, "  (%zu that are zero)\n", hidden);
}

static void print_cells(struct table *t, const struct rows *rows)
{
	size_t first = name_width(rows);
	const json_t *head = rows->row.data[0];
	char buf[CELL_MAX], name[24];
	const char *key;
	json_t *v;

	strbuf_addf(t->sb, "  %-*s", (int)first, "");
	json_object_foreach((json_t *)head, key, v) if (is_plain(v))
		strbuf_addf(t->sb, "  %*s", (int)column_width(rows, key), key);
	strbuf_addstr(t->sb, "\n");
	for (size_t i = 0; i < rows->row.nr; i++) {
		strbuf_addf(t->sb, "  %-*s", (int)first, row_name(rows, i, name, sizeof(name)));
		json_object_foreach((json_t *)rows->row.data[i], key, v) if (is_plain(v))
			strbuf_addf(t->sb, "  %*s", (int)column_width(rows, key),
				    cell("", v, buf, sizeof(buf)));
		strbuf_addstr(t->sb, "\n");
	}
}

/* Of the widest element. */
static size_t element_width(const json_t *v)
{
	size_t width = 0, i;
	char buf[CELL_MAX];
	json_t *el;

	json_array_foreach(v, i, el)
	{
		size_t len = strlen(cell("", el, buf, sizeof(buf)));

		width = len > width ? len : width;
	}
	return width;
}

static void print_array_line(struct table *t, const char *key, size_t width, const json_t *v,
			     size_t element)
{
	char buf[CELL_MAX];
	json_t *el;
	size_t i;

	strbuf_addf(t->sb, "  %-*s ", (int)width, key);
	json_array_foreach(v, i, el)
		strbuf_addf(t->sb, " %*s", (int)element, cell("", el, buf, sizeof(buf)));
	strbuf_addstr(t->sb, "\n");
}

/* The same list of every row, one line each. */
static void print_lists(struct table *t, const char *path, const char *key, const struct rows *rows)
{
	size_t first = name_width(rows), element = 0, width;
	char name[24];

	for (size_t i = 0; i < rows->row.nr; i++) {
		width = element_width(json_object_get(rows->row.data[i], key));
		element = width > element ? width : element;
	}
	strbuf_addf(t->sb, "\n%s.*.%s:\n", path, key);
	for (size_t i = 0; i < rows->row.nr; i++)
		print_array_line(t, row_name(rows, i, name, sizeof(name)), first,
				 json_object_get(rows->row.data[i], key), element);
}

/* The plain keys of a section. Returns whether there was one. */
static bool print_plain(struct table *t, const json_t *obj)
{
	size_t width = 0, nr = 0, hidden = 0, element = 0, len;
	char buf[CELL_MAX];
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)obj, key, v)
	{
		if (!is_plain(v) && !is_plain_array(v))
			continue;
		nr++;
		if (strlen(key) > width)
			width = strlen(key);
		len = element_width(v);
		element = len > element ? len : element;
	}
	json_object_foreach((json_t *)obj, key, v)
	{
		if (is_plain_array(v))
			print_array_line(t, key, width, v, element);
		else if (is_plain(v) && !t->all && nr > LONG_SECTION && is_zero(v))
			hidden++;
		else if (is_plain(v))
			strbuf_addf(t->sb, "  %-*s  %s\n", (int)width, key,
				    cell(key, v, buf, sizeof(buf)));
	}
	if (hidden)
		strbuf_addf(t->sb, "  (%zu that are zero)\n", hidden);
	return nr > 0;
}

static void print_section(struct table *t, const char *path, const json_t *v);

/* ---- the timeline: what each of its arrays did, not all of its elements ---- */

static void print_series_line(struct table *t, const char *name, const json_t *v)
{
	size_t nr = json_array_size(v);
	json_int_t first = json_integer_value(json_array_get(v, 0)), min = first, max = first,
		   last = json_integer_value(json_array_get(v, nr ? nr - 1 : 0));
	json_t *el;
	size_t i;

	json_array_foreach(v, i, el)
	{
		json_int_t value = json_integer_value(el);

		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	if (!min && !max && !t->all)
		return;
	strbuf_addf(t->sb,
		    "  %-40s  %14" JSON_INTEGER_FORMAT "  %14" JSON_INTEGER_FORMAT
		    "  %14" JSON_INTEGER_FORMAT "  %14" JSON_INTEGER_FORMAT "\n",
		    name, first, min, max, last);
}

static void print_series(struct table *t, const char *path, const json_t *v)
{
	char name[CELL_MAX];
	const char *key;
	json_t *el;
	size_t i;

	if (is_plain(v))
		return;
	if (is_plain_array(v)) {
		print_series_line(t, path, v);
		return;
	}
	json_object_foreach((json_t *)v, key, el)
	{
		snprintf(name, sizeof(name), "%s%s%s", path, *path ? "." : "", key);
		print_series(t, name, el);
	}
	json_array_foreach(v, i, el)
	{
		snprintf(name, sizeof(name), "%s.%zu", path, i);
		print_series(t, name, el);
	}
}

static void print_timeline(struct table *t, const json_t *v)
{
	const char *key;
	json_t *el;

	strbuf_addstr(t->sb, "\ntimeline:\n");
	json_object_foreach((json_t *)v, key, el) if (json_is_integer(el))
		strbuf_addf(t->sb, "  %-17s  %" JSON_INTEGER_FORMAT "\n", key,
			    json_integer_value(el));
	strbuf_addf(t->sb, "  %-40s  %14s  %14s  %14s  %14s\n", "", "first", "least", "most",
		    "last");
	print_series(t, "", v);
}

static void print_children(struct table *t, const char *path, const json_t *v)
{
	char name[CELL_MAX];
	const char *key;
	json_t *el;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, el)
		{
			snprintf(name, sizeof(name), "%s%s%s", path, *path ? "." : "", key);
			if (!strcmp(name, "timeline"))
				print_timeline(t, el);
			else if (!is_plain(el) && !is_plain_array(el))
				print_section(t, name, el);
		}
	} else {
		json_array_foreach(v, i, el)
		{
			snprintf(name, sizeof(name), "%s.%zu", path, i);
			if (!is_plain(el))
				print_section(t, name, el);
		}
	}
}

static void print_matrix(struct table *t, const json_t *v)
{
	size_t element = 0, len, i;
	char name[24];
	json_t *el;

	json_array_foreach(v, i, el)
	{
		len = element_width(el);
		element = len > element ? len : element;
	}
	json_array_foreach(v, i, el)
	{
		snprintf(name, sizeof(name), "%zu", i);
		print_array_line(t, name, 3, el, element);
	}
}

static bool is_matrix(const json_t *v)
{
	json_t *el;
	size_t i;

	if (!json_is_array(v) || !json_array_size(v))
		return false;
	json_array_foreach(v, i, el) if (!is_plain_array(el)) return false;
	return true;
}

/* The table, below it the lists, then what has sections of its own, row by row. */
static void print_rows(struct table *t, const char *path, const struct rows *rows)
{
	char name[24];
	struct strbuf nested = {0};
	const char *key;
	json_t *v;

	if (is_wide(rows))
		print_turned(t, rows);
	else
		print_cells(t, rows);
	json_object_foreach((json_t *)rows->row.data[0], key, v) if (shape_of(v) == SHAPE_LIST)
		print_lists(t, path, key, rows);
	for (size_t i = 0; i < rows->row.nr; i++)
		json_object_foreach((json_t *)rows->row.data[i], key, v)
		{
			if (shape_of(v) != SHAPE_NESTED)
				continue;
			strbuf_clear(&nested);
			strbuf_addf(&nested, "%s.%s.%s", path,
				    row_name(rows, i, name, sizeof(name)), key);
			print_section(t, nested.s, v);
		}
	strbuf_finish(&nested);
}

static void print_section(struct table *t, const char *path, const json_t *v)
{
	struct rows rows = {0};
	size_t before;

	if (!json_object_size(v) && !json_array_size(v))
		return;
	before = t->sb->len;
	strbuf_addf(t->sb, "%s%s:\n", before ? "\n" : "", path);
	if (is_matrix(v)) {
		print_matrix(t, v);
	} else if (collect_rows(v, &rows)) {
		print_rows(t, path, &rows);
	} else {
		if (!json_is_object(v) || !print_plain(t, v)) {
			/* nothing of its own: the head would stand alone */
			t->sb->len = before;
			t->sb->s[before] = '\0';
		}
		print_children(t, path, v);
	}
	rows_finish(&rows);
}

void table_print(const json_t *root, bool all, struct strbuf *sb)
{
	struct table t = {.sb = sb, .all = all};

	strbuf_addstr(sb, "");
	if (json_is_object(root))
		print_plain(&t, root);
	print_children(&t, "", root);
}
