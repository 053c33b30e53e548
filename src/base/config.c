/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading and writing one setting by its row. */
#include "base/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/units.h"

static uint64_t *value_of(const struct config_row *row, void *conf)
{
	return (uint64_t *)(void *)((char *)conf + row->offset);
}

void config_defaults(const struct config_table *t, void *conf)
{
	for (size_t i = 0; i < t->nr; i++)
		BUG_ON(config_set(&t->rows[i], conf, t->rows[i].def, NULL));
}

const struct config_row *config_find(const struct config_table *t, const char *key)
{
	for (size_t i = 0; i < t->nr; i++)
		if (!strcmp(t->rows[i].key, key))
			return &t->rows[i];
	return NULL;
}

static int parse_bool(const struct config_row *row, const char *s, uint64_t *ret,
		      struct mmr_error *err)
{
	static const char *const words[][2] = {
		{"0", "1"}, {"off", "on"}, {"no", "yes"}, {"false", "true"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (unsigned v = 0; v < 2; v++)
			if (!strcmp(s, words[i][v])) {
				*ret = v;
				return 0;
			}
	return err_set(err, -EINVAL, "bad value '%s' for '%s' (on or off)", s, row->key);
}

static int parse_choice(const struct config_row *row, const char *s, uint64_t *ret,
			struct mmr_error *err)
{
	struct strbuf all = {0};
	int rc;

	for (size_t i = 0; row->choices[i]; i++) {
		if (!strcmp(row->choices[i], s)) {
			*ret = i;
			return 0;
		}
	}
	for (size_t i = 0; row->choices[i]; i++)
		strbuf_addf(&all, "%s%s", i ? ", " : "", row->choices[i]);
	rc = err_set(err, -EINVAL, "bad value '%s' for '%s' (one of %s)", s, row->key,
		     all.s ? all.s : "none");
	strbuf_finish(&all);
	return rc;
}

/* Thousandths, without zeros at the end: 1250 is "1.25", 2000 is "2". */
static void format_decimal(uint64_t value, char *buf, size_t size)
{
	static const unsigned units[] = {1000, 100, 10, 1};
	unsigned digits = 0;

	while (value % units[digits])
		digits++;
	if (digits)
		snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64, value / 1000, (int)digits, value % 1000 / units[digits]);
	else
		snprintf(buf, size, "%" PRIu64, value / 1000);
}

static const char *format_value(enum config_type type, uint64_t value, char *buf, size_t size)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} times[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
	size_t i = 0;

	if (type == CONFIG_SIZE || type == CONFIG_LIMIT)
		return format_size(value, buf, size);
	if (type == CONFIG_DECIMAL) {
		format_decimal(value, buf, size);
	} else if (type == CONFIG_TIME && value) {
		while (value % times[i].ns)
			i++;
		snprintf(buf, size, "%" PRIu64 "%s", value / times[i].ns, times[i].unit);
	} else {
		snprintf(buf, size, "%" PRIu64, value);
	}
	return buf;
}

static int check_range(const struct config_row *row, const char *text, uint64_t value,
		       struct mmr_error *err)
{
	char min[32], max[32];

	if (value >= row->min && value <= row->max)
		return 0;
	return err_set(err, -ERANGE, "value '%s' for '%s' is out of range (%s to %s)", text,
		       row->key, format_value(row->type, row->min, min, sizeof(min)),
		       format_value(row->type, row->max, max, sizeof(max)));
}

/* "1.25", at most three places behind the point. */
static int parse_decimal(const char *s, uint64_t *ret, struct mmr_error *err)
{
	uint64_t value = 0, scale = 1000;
	bool point = false, digit = false;
	const char *at;

	for (at = s; *at && value < UINT64_MAX / 20000; at++) {
		if (*at == '.' && !point) {
			point = true;
			continue;
		}
		if (*at < '0' || *at > '9' || (point && scale == 1))
			break;
		digit = true;
		value = value * 10 + (uint64_t)(*at - '0');
		scale /= point ? 10 : 1;
	}
	if (*at || !digit)
		return err_set(err, -EINVAL, "'%.60s' is no number with up to three decimal places", s);
	*ret = value * scale;
	return 0;
}

/* What stands for no limit. */
static const char *limit_word(const struct config_row *row)
{
	return row->choices ? row->choices[0] : "max";
}

/* ---- lists ---- */

#define MAX_LIST 8

unsigned config_nr_values(const struct config_row *row)
{
	unsigned nr = 0;

	if (row->type == CONFIG_WEIGHTS)
		return 8;
	if (row->type == CONFIG_AREAS)
		return CONFIG_MAX_AREAS;
	if (row->type != CONFIG_LIST)
		return 1;
	while (row->choices[nr])
		nr++;
	BUG_ON(nr > MAX_LIST);
	return nr;
}

/* "256,256,32", or between blanks as in /proc/sys. */
static int parse_list(const struct config_row *row, const char *s, uint64_t *ret,
		      struct mmr_error *err)
{
	unsigned nr = config_nr_values(row), i = 0;
	uint64_t values[MAX_LIST];
	const char *at = s;
	int rc;

	while (*at && i <= nr) {
		size_t len = strcspn(at, ", \t");
		char word[32];

		if (len >= sizeof(word) || i == nr)
			break;
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		rc = parse_u64(word, &values[i], err);
		if (!rc)
			rc = check_range(row, word, values[i], err);
		if (rc)
			return err_prefix(err, rc, "bad value '%.100s' for '%s'", s, row->key);
		i++;
		at += len + (at[len] != '\0');
	}
	if (i != nr || *at)
		return err_set(err, -EINVAL, "bad value '%.100s' for '%s' (%u numbers)", s, row->key,
			       nr);
	memcpy(ret, values, nr * sizeof(*ret));
	return 0;
}

/* One piece of a set: "3" or "4-6". */
static int parse_node_range(const char *s, uint64_t *mask)
{
	char *end;
	unsigned long first, last;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	first = last = strtoul(s, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if (*end || first > last || last > 63)
		return -EINVAL;
	for (unsigned long n = first; n <= last; n++)
		*mask |= 1ull << n;
	return 0;
}

static int parse_nodes(const struct config_row *row, const char *s, uint64_t *ret,
		       struct mmr_error *err)
{
	uint64_t mask = 0;
	const char *at = s;
	bool ok = *s;

	if (!strcmp(s, "none")) {
		*ret = 0;
		return 0;
	}
	while (ok) {
		size_t len = strcspn(at, ",");
		char word[16];

		snprintf(word, sizeof(word), "%.*s", (int)(len < 15 ? len : 15), at);
		ok = len < 15 && parse_node_range(word, &mask) == 0;
		if (!at[len])
			break;
		at += len + 1;
	}
	if (!ok)
		return err_set(err, -EINVAL,
			       "bad value '%.100s' for '%s' (nodes as in 0,2-3, or none)", s, row->key);
	*ret = mask;
	return 0;
}

static int parse_weights(const struct config_row *row, const char *s, uint64_t *ret,
			 struct mmr_error *err)
{
	uint64_t values[8] = {0};
	unsigned i = 0;
	const char *text = s;
	char *end = (char *)s;

	if (!strcmp(s, "none")) {
		memcpy(ret, values, sizeof(values));
		return 0;
	}
	for (;; i++, s = end + 1) {
		unsigned long w = *s >= '0' && *s <= '9' ? strtoul(s, &end, 10) : 256;

		if (w > 255 || i == 64 || (*end && *end != ','))
			return err_set(err, -EINVAL,
				       "bad value '%.100s' for '%s' (up to 64 numbers of 0 to 255 as in 3,1, or none)",
				       text, row->key);
		values[i / 8] |= (uint64_t)w << (i % 8 * 8);
		if (!*end)
			break;
	}
	memcpy(ret, values, sizeof(values));
	return 0;
}

/* ---- areas ---- */

#define MAX_AREA_PRIO 32767

/* "4G:10:ssd", "4G", "4G::zram". */
static int parse_area(const struct config_row *row, char *word, uint64_t *ret, struct mmr_error *err)
{
	char *prio = strchr(word, ':'), *kind = prio ? strchr(prio + 1, ':') : NULL;
	uint64_t bytes, p = 0xffff, k = 0;
	int rc = 0;

	if (prio)
		*prio++ = '\0';
	if (kind)
		*kind++ = '\0';
	rc = parse_size(word, &bytes, err);
	if (!rc && (bytes < row->min || bytes > row->max || bytes & 1023))
		rc = err_set(err, -EINVAL, "a size of '%s' is not possible", word);
	if (!rc && prio && *prio)
		rc = parse_u64(prio, &p, err);
	if (!rc && prio && *prio && p > MAX_AREA_PRIO)
		rc = err_set(err, -EINVAL, "priority %s is more than %d", prio, MAX_AREA_PRIO);
	if (!rc && kind)
		rc = parse_choice(row, kind, &k, err);
	if (!rc)
		*ret = bytes >> 10 << 24 | k << 16 | p;
	return rc;
}

static int parse_areas(const struct config_row *row, const char *s, uint64_t *ret, struct mmr_error *err)
{
	uint64_t values[CONFIG_MAX_AREAS] = {0};
	const char *at = s;
	unsigned nr = 0;
	int rc = 0;

	while (strcmp(s, "none") && !rc) {
		size_t len = strcspn(at, ",");
		char word[64];

		if (nr == CONFIG_MAX_AREAS || len >= sizeof(word)) {
			rc = err_set(err, -EINVAL, "up to %d areas are possible", CONFIG_MAX_AREAS);
			break;
		}
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		rc = parse_area(row, word, &values[nr++], err);
		if (!at[len])
			break;
		at += len + 1;
	}
	if (rc)
		return err_prefix(err, rc, "bad value '%.100s' for '%s' (SIZE[:PRIORITY[:KIND]],... or none)", s, row->key);
	memcpy(ret, values, sizeof(values));
	return 0;
}

static void format_areas(const struct config_row *row, const uint64_t *values, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (unsigned i = 0; i < CONFIG_MAX_AREAS && values[i] && len < size; i++) {
		char bytes[32], prio[16] = "";

		if (config_area_prio(values[i]) >= 0)
			snprintf(prio, sizeof(prio), "%d", config_area_prio(values[i]));
		len += (size_t)snprintf(buf + len, size - len, "%s%s:%s:%s", len ? "," : "",
					format_size(config_area_bytes(values[i]), bytes, sizeof(bytes)), prio,
					row->choices[config_area_kind(values[i])]);
	}
}

/* ---- reading and writing ---- */

/* Zeros at the end are left out. */
static void format_weights(const uint64_t *values, char *buf, size_t size)
{
	unsigned nr = 64;
	size_t len = 0;

	snprintf(buf, size, "none");
	while (nr && !(values[(nr - 1) / 8] >> ((nr - 1) % 8 * 8) & 255))
		nr--;
	for (unsigned i = 0; i < nr && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%u", i ? "," : "",
					(unsigned)(values[i / 8] >> (i % 8 * 8) & 255));
}

static void format_nodes(uint64_t mask, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (unsigned n = 0; n < 64 && len < size; n++) {
		unsigned last = n;

		if (!(mask >> n & 1))
			continue;
		while (last < 63 && mask >> (last + 1) & 1)
			last++;
		len += (size_t)snprintf(buf + len, size - len, last > n ? "%s%u-%u" : "%s%u",
					len ? "," : "", n, last);
		n = last;
	}
}

static void format_list(const struct config_row *row, const uint64_t *values, char *buf,
			size_t size)
{
	size_t len = 0;

	for (unsigned i = 0; i < config_nr_values(row) && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%" PRIu64, i ? "," : "",
					values[i]);
}

int config_set(const struct config_row *row, void *conf, const char *text, struct mmr_error *err)
{
	uint64_t value = 0;
	int rc = 0;

	if (row->type == CONFIG_LIST)
		return parse_list(row, text, value_of(row, conf), err);
	if (row->type == CONFIG_NODES)
		return parse_nodes(row, text, value_of(row, conf), err);
	if (row->type == CONFIG_WEIGHTS)
		return parse_weights(row, text, value_of(row, conf), err);
	if (row->type == CONFIG_AREAS)
		return parse_areas(row, text, value_of(row, conf), err);
	if (row->type == CONFIG_LIMIT && !strcmp(text, limit_word(row))) {
		*value_of(row, conf) = UINT64_MAX;
		return 0;
	}
	switch (row->type) {
	case CONFIG_BOOL:
		rc = parse_bool(row, text, &value, err);
		break;
	case CONFIG_CHOICE:
		rc = parse_choice(row, text, &value, err);
		break;
	case CONFIG_UINT:
		rc = parse_u64(text, &value, err);
		break;
	case CONFIG_LIMIT:
	case CONFIG_SIZE:
		rc = parse_size(text, &value, err);
		break;
	case CONFIG_TIME:
		rc = parse_time(text, &value, err);
		break;
	case CONFIG_DECIMAL:
		rc = parse_decimal(text, &value, err);
		break;
	case CONFIG_LIST:
	case CONFIG_NODES:
	case CONFIG_WEIGHTS:
	case CONFIG_AREAS:
		break;
	}
	if (row->type != CONFIG_BOOL && row->type != CONFIG_CHOICE) {
		if (rc)
			return err_prefix(err, rc, "bad value for '%s'", row->key);
		rc = check_range(row, text, value, err);
	}
	if (rc == 0)
		*value_of(row, conf) = value;
	return rc;
}

const char *config_format(const struct config_row *row, const void *conf, char *buf, size_t size)
{
	uint64_t value = *value_of(row, (void *)conf);

	if (row->type == CONFIG_BOOL)
		snprintf(buf, size, "%s", value ? "on" : "off");
	else if (row->type == CONFIG_CHOICE)
		snprintf(buf, size, "%s", row->choices[value]);
	else if (row->type == CONFIG_LIMIT && value == UINT64_MAX)
		snprintf(buf, size, "%s", limit_word(row));
	else if (row->type == CONFIG_LIST)
		format_list(row, value_of(row, (void *)conf), buf, size);
	else if (row->type == CONFIG_NODES)
		format_nodes(value, buf, size);
	else if (row->type == CONFIG_WEIGHTS)
		format_weights(value_of(row, (void *)conf), buf, size);
	else if (row->type == CONFIG_AREAS)
		format_areas(row, value_of(row, (void *)conf), buf, size);
	else
		format_value(row->type, value, buf, size);
	return buf;
}
