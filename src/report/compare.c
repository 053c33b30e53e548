/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Flattening two results, joining them by path, judging each row by the rules. */
#include "report/compare.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "report/json.h"

#define MILLION	  1000000
#define MAX_DEPTH 32

/* ---- rules ---- */

/* "12", "0.5": millionths from *s on. */
static bool parse_millionths(const char **s, __int128 *ret)
{
	const char *p = *s;
	uint64_t whole = 0, part = 0, unit = MILLION;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return false;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++)
			if (unit > 1) {
				unit /= 10;
				part += (uint64_t)(*p - '0') * unit;
			}
	*ret = (__int128)whole * MILLION + part;
	*s = p;
	return true;
}

/* The condition starts at the last of "<>!": a pattern may hold any of them but the last. */
static const char *condition_of(const char *text)
{
	const char *at = NULL;

	for (const char *p = text; *p; p++)
		if (*p == '<' || *p == '>' || (*p == '!' && p[1] == '='))
			at = p;
	return at;
}

static bool parse_condition(struct compare_rule *rule, const char *s)
{
	if (!strcmp(s, "!=")) {
		rule->op = COMPARE_CHANGES;
		return true;
	}
	if (s[0] == '>' && s[1] == '+')
		rule->op = COMPARE_GROWS;
	else if (s[0] == '<' && s[1] == '-')
		rule->op = COMPARE_SHRINKS;
	else
		rule->op = s[0] == '>' ? COMPARE_ABOVE : COMPARE_BELOW;
	s += rule->op == COMPARE_GROWS || rule->op == COMPARE_SHRINKS ? 2 : 1;
	if (!parse_millionths(&s, &rule->limit))
		return false;
	if (*s == '%' && (rule->op == COMPARE_GROWS || rule->op == COMPARE_SHRINKS)) {
		rule->percent = true;
		s++;
	}
	return !*s;
}

int compare_rule_parse(struct compare *c, const char *text, struct mmr_error *err)
{
	const char *at = condition_of(text);
	struct compare_rule rule = {.text = text};

	if (!at || at == text || !parse_condition(&rule, at))
		return err_set(
			err, -EINVAL,
			"bad rule '%s' (as 'tlb.*.misses>+2%%', 'vmstat.pgfault>+10', 'x<5', 'x!=')",
			text);
	rule.pattern = xstrdup(text);
	rule.pattern[at - text] = '\0';
	*vec_push(&c->rules) = rule;
	return 0;
}

/* ---- values ---- */

/* Rounded to the nearest; what no statistic of ours can be is cut off. */
static __int128 real_millionths(double x)
{
	if (!(x > -1e12))
		return (__int128)-MILLION * MILLION * MILLION;
	if (x > 1e12)
		return (__int128)MILLION * MILLION * MILLION;
	return (int64_t)(x * MILLION + (x < 0 ? -0.5 : 0.5));
}

static struct compare_value value_of(const json_t *v)
{
	struct compare_value val = {.json = v};

	switch (v ? json_typeof(v) : JSON_STRING) {
	case JSON_NULL:
		val.kind = COMPARE_NULL;
		break;
	case JSON_INTEGER:
		val.kind = COMPARE_NUMBER;
		val.number = (__int128)json_integer_value(v) * MILLION;
		break;
	case JSON_REAL:
		val.kind = COMPARE_NUMBER;
		val.number = real_millionths(json_real_value(v));
		break;
	default:
		val.kind = v ? COMPARE_TEXT : COMPARE_MISSING;
		break;
	}
	return val;
}

static bool same_value(const struct compare_value *a, const struct compare_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == COMPARE_NUMBER)
		return a->number == b->number;
	return a->kind != COMPARE_TEXT || json_equal(a->json, b->json);
}

/* ---- flattening ---- */

struct flat {
	VEC(char *) path;
	VEC(const json_t *) value;
};

static void flatten(struct flat *f, const char *path, const json_t *v, unsigned depth)
{
	struct strbuf name = {0};
	const char *key;
	json_t *el;
	size_t i;

	if ((!json_is_object(v) && !json_is_array(v)) || depth == MAX_DEPTH) {
		*vec_push(&f->path) = xstrdup(path);
		*vec_push(&f->value) = v;
		return;
	}
	json_object_foreach((json_t *)v, key, el)
	{
		if (!depth && !strcmp(key, "timeline"))
			continue; /* see compare.h */
		strbuf_clear(&name);
		strbuf_addf(&name, "%s%s%s", path, *path ? "." : "", key);
		flatten(f, name.s, el, depth + 1);
	}
	json_array_foreach(v, i, el)
	{
		strbuf_clear(&name);
		strbuf_addf(&name, "%s.%zu", path, i);
		flatten(f, name.s, el, depth + 1);
	}
	strbuf_finish(&name);
}

static void flat_finish(struct flat *f)
{
	for (size_t i = 0; i < f->path.nr; i++)
		free(f->path.data[i]);
	vec_finish(&f->path);
	vec_finish(&f->value);
}

static int compare_index(const void *a, const void *b, void *paths)
{
	char **p = paths;

	return strcmp(p[*(const size_t *)a], p[*(const size_t *)b]);
}

/* Where the paths stand, in order of their text: paths are unique, there are no ties. */
static size_t *sorted_index(const struct flat *f)
{
	size_t *index = xcalloc(f->path.nr, sizeof(*index));

	for (size_t i = 0; i < f->path.nr; i++)
		index[i] = i;
	qsort_r(index, f->path.nr, sizeof(*index), compare_index, f->path.data);
	return index;
}

static size_t find_path(const struct flat *f, const size_t *index, const char *path)
{
	size_t lo = 0, hi = f->path.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(path, f->path.data[index[mid]]);

		if (order == 0)
			return index[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return SIZE_MAX;
}

static void add_row(struct compare *c, const char *path, const json_t *base, const json_t *now)
{
	struct compare_row row = {
		.path = xstrdup(path), .base = value_of(base), .now = value_of(now)};

	row.changed = !same_value(&row.base, &row.now);
	*vec_push(&c->rows) = row;
}

static void join(struct compare *c, const struct flat *base, const struct flat *now)
{
	size_t *index = sorted_index(now), at;
	bool *seen = xcalloc(now->path.nr, sizeof(*seen));

	for (size_t i = 0; i < base->path.nr; i++) {
		at = find_path(now, index, base->path.data[i]);
		if (at != SIZE_MAX)
			seen[at] = true;
		add_row(c, base->path.data[i], base->value.data[i],
			at != SIZE_MAX ? now->value.data[at] : NULL);
	}
	for (size_t i = 0; i < now->path.nr; i++)
		if (!seen[i])
			add_row(c, now->path.data[i], NULL, now->value.data[i]);
	free(seen);
	free(index);
}

/* ---- judging ---- */

/* NULL when the row keeps the rule. */
static const char *broken(const struct compare_rule *rule, const struct compare_row *row)
{
	__int128 base = row->base.number, now = row->now.number, step = now - base, limit;

	if (rule->op == COMPARE_CHANGES)
		return row->changed ? "changed" : NULL;
	if (row->now.kind != COMPARE_NUMBER)
		return "cannot be judged: the new value is not a number";
	if (rule->op == COMPARE_ABOVE)
		return now > rule->limit ? "too large" : NULL;
	if (rule->op == COMPARE_BELOW)
		return now < rule->limit ? "too small" : NULL;
	if (row->base.kind != COMPARE_NUMBER)
		return "cannot be judged: the base is not a number";
	limit = rule->percent ? (base < 0 ? -base : base) * rule->limit / (100 * (__int128)MILLION)
			      : rule->limit;
	if (rule->op == COMPARE_GROWS)
		return step > limit ? "grew" : NULL;
	return -step > limit ? "shrank" : NULL;
}

static void judge(struct compare *c, struct compare_row *row)
{
	for (size_t i = 0; i < c->rules.nr; i++) {
		struct compare_rule *rule = &c->rules.data[i];
		const char *why;

		if (fnmatch(rule->pattern, row->path, 0))
			continue;
		rule->nr_matches++;
		why = broken(rule, row);
		if (!why)
			continue;
		rule->failed = c->failed = true;
		if (!row->failed) {
			row->failed = rule;
			row->why = why;
		}
	}
}

static const char *string_at(const json_t *root, const char *section, const char *key)
{
	const json_t *at = section ? json_object_get(root, section) : root;
	const char *s = json_string_value(json_object_get(at, key));

	return s ? s : "";
}

static int check_pair(const json_t *base, const json_t *now, bool force, struct mmr_error *err)
{
	const char *a = string_at(base, NULL, "schema"), *b = string_at(now, NULL, "schema");

	if (strncmp(a, "mmreplay-", 9) || strncmp(b, "mmreplay-", 9))
		return err_set(err, -EINVAL, "not a result of mmreplay");
	if (strcmp(a, b))
		return err_set(err, -EINVAL, "results of different kinds: '%s' and '%s'", a, b);
	if (!force &&
	    strcmp(string_at(base, "trace", "identity"), string_at(now, "trace", "identity")))
		return err_set(err, -EXDEV,
			       "results of different traces (--force compares them all the same)");
	return 0;
}

int compare_results(struct compare *c, const json_t *base, const json_t *now, bool force,
		    struct mmr_error *err)
{
	struct flat fb = {0}, fn = {0};
	int rc = check_pair(base, now, force, err);

	if (rc)
		return rc;
	flatten(&fb, "", base, 0);
	flatten(&fn, "", now, 0);
	join(c, &fb, &fn);
	flat_finish(&fb);
	flat_finish(&fn);
	for (size_t i = 0; i < c->rows.nr; i++)
		judge(c, &c->rows.data[i]);
	for (size_t i = 0; i < c->rules.nr; i++)
		if (!c->rules.data[i].nr_matches)
			return err_set(err, -ENOENT, "rule '%s' matches no statistic",
				       c->rules.data[i].text);
	return 0;
}

void compare_finish(struct compare *c)
{
	for (size_t i = 0; i < c->rules.nr; i++)
		free(c->rules.data[i].pattern);
	for (size_t i = 0; i < c->rows.nr; i++)
		free(c->rows.data[i].path);
	vec_finish(&c->rules);
	vec_finish(&c->rows);
}

/* ---- output ---- */

static json_t *json_or_null(const struct compare_value *v)
{
	return v->json ? json_incref((json_t *)v->json) : json_null();
}

/* The change in millionths of the base; false where there is none to state. */
static bool relative_change(const struct compare_row *row, __int128 *ret)
{
	__int128 base = row->base.number;

	if (row->base.kind != COMPARE_NUMBER || row->now.kind != COMPARE_NUMBER || !base)
		return false;
	*ret = (row->now.number - base) * MILLION / (base < 0 ? -base : base);
	return true;
}

json_t *compare_json(const struct compare *c)
{
	json_t *root = j_object(NULL, NULL), *rows, *row;
	__int128 change;

	j_str(root, "schema", COMPARE_SCHEMA);
	j_bool(root, "failed", c->failed);
	rows = j_array(root, "changes");
	for (size_t i = 0; i < c->rows.nr; i++) {
		const struct compare_row *r = &c->rows.data[i];

		if (!r->changed && !r->failed)
			continue;
		row = json_object();
		j_str(row, "path", r->path);
		json_object_set_new(row, "base", json_or_null(&r->base));
		json_object_set_new(row, "new", json_or_null(&r->now));
		if (relative_change(r, &change))
			j_i64(row, "change_ppm", (int64_t)change);
		if (r->failed) {
			j_str(row, "rule", r->failed->text);
			j_str(row, "why", r->why);
		}
		json_array_append_new(rows, row);
	}
	return root;
}

static void value_text(const struct compare_value *v, struct strbuf *sb)
{
	char *s;

	if (v->kind == COMPARE_MISSING || v->kind == COMPARE_NULL) {
		strbuf_addstr(sb, v->kind == COMPARE_NULL ? "null" : "-");
		return;
	}
	s = json_dumps(v->json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	strbuf_addstr(sb, s ? s : "?");
	free(s);
}

static void change_text(const struct compare_row *row, struct strbuf *sb)
{
	__int128 change;
	uint64_t tenth;

	if (!row->changed) {
		strbuf_addstr(sb, "=");
	} else if (relative_change(row, &change)) {
		tenth = (uint64_t)(change < 0 ? -change : change) / 100;
		strbuf_addf(sb, "%c%llu.%02llu%%", change < 0 ? '-' : '+',
			    (unsigned long long)tenth / 100, (unsigned long long)tenth % 100);
	}
}

/* The cells of the text form, and how wide their columns are. */
enum { COL_PATH, COL_BASE, COL_NEW, COL_CHANGE, NR_COLS };

struct text_row {
	struct strbuf cell[NR_COLS];
	const struct compare_row *row;
};

struct text_table {
	VEC(struct text_row) rows;
	size_t width[NR_COLS];
	bool markdown;
};

static void text_row_fill(struct text_table *t, const struct compare_row *row)
{
	struct text_row *r = vec_push(&t->rows);

	*r = (struct text_row){.row = row};
	strbuf_addstr(&r->cell[COL_PATH], row->path);
	value_text(&row->base, &r->cell[COL_BASE]);
	value_text(&row->now, &r->cell[COL_NEW]);
	strbuf_addstr(&r->cell[COL_CHANGE], "");
	change_text(row, &r->cell[COL_CHANGE]);
	for (unsigned i = 0; i < NR_COLS; i++)
		if (r->cell[i].len > t->width[i])
			t->width[i] = r->cell[i].len;
}

static void put_cells(const struct text_table *t, const char *const cell[NR_COLS],
		      struct strbuf *sb)
{
	const char *sep = t->markdown ? " | " : "  ";

	strbuf_addf(sb, "%s%-*s", t->markdown ? "| " : "", (int)t->width[COL_PATH], cell[COL_PATH]);
	for (unsigned i = COL_BASE; i < NR_COLS; i++)
		strbuf_addf(sb, "%s%*s", sep, (int)t->width[i], cell[i]);
}

static void put_head(struct text_table *t, struct strbuf *sb)
{
	static const char *const names[NR_COLS] = {"path", "base", "new", "change"};

	for (unsigned i = 0; i < NR_COLS; i++)
		if (strlen(names[i]) > t->width[i])
			t->width[i] = strlen(names[i]);
	put_cells(t, names, sb);
	strbuf_addstr(sb, t->markdown ? " | verdict |\n|---|---:|---:|---:|---|\n" : "\n");
}

static void put_row(const struct text_table *t, const struct text_row *r, struct strbuf *sb)
{
	const char *const cells[NR_COLS] = {r->cell[0].s, r->cell[1].s, r->cell[2].s, r->cell[3].s};

	put_cells(t, cells, sb);
	strbuf_addstr(sb, t->markdown ? " | " : "");
	if (r->row->failed)
		strbuf_addf(sb, "%sFAIL %s (%s)", t->markdown ? "" : "  ", r->row->why,
			    r->row->failed->text);
	strbuf_addstr(sb, t->markdown ? " |\n" : "\n");
}

void compare_text(const struct compare *c, bool all, bool markdown, struct strbuf *sb)
{
	struct text_table t = {.markdown = markdown};

	for (size_t i = 0; i < c->rows.nr; i++)
		if (all || c->rows.data[i].changed || c->rows.data[i].failed)
			text_row_fill(&t, &c->rows.data[i]);
	if (t.rows.nr)
		put_head(&t, sb);
	else
		strbuf_addstr(sb, "no difference\n");
	for (size_t i = 0; i < t.rows.nr; i++) {
		put_row(&t, &t.rows.data[i], sb);
		for (unsigned k = 0; k < NR_COLS; k++)
			strbuf_finish(&t.rows.data[i].cell[k]);
	}
	vec_finish(&t.rows);
}
