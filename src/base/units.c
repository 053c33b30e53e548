/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Numbers with units, both ways, in integers only: no locale and no rounding mode has a say. */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1}, {"B", 1},
	{"K", 1ull << 10}, {"KB", 1ull << 10}, {"KiB", 1ull << 10},
	{"M", 1ull << 20}, {"MB", 1ull << 20}, {"MiB", 1ull << 20},
	{"G", 1ull << 30}, {"GB", 1ull << 30}, {"GiB", 1ull << 30},
	{"T", 1ull << 40}, {"TB", 1ull << 40}, {"TiB", 1ull << 40},
	{"P", 1ull << 50}, {"PB", 1ull << 50}, {"PiB", 1ull << 50},
	{"E", 1ull << 60}, {"EB", 1ull << 60}, {"EiB", 1ull << 60},
};

static const struct unit time_units[] = {
	{"", 1}, {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
	{"m", 60000000000}, {"min", 60000000000}, {"h", 3600000000000},
};

/*
 * Digits of base 10 or 16 from *s on, which moves behind them. False without a digit or on
 * overflow.
 */
static bool take_digits(const char **s, unsigned base, uint64_t *ret)
{
	const char *p = *s;
	uint64_t value = 0;

	for (; base == 16 ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++) {
		unsigned digit = isdigit((unsigned char)*p) ? (unsigned)(*p - '0')
							    : (unsigned)((*p | 32) - 'a' + 10);

		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	if (p == *s)
		return false;
	*s = p;
	*ret = value;
	return true;
}

static bool take_number(const char **s, uint64_t *ret)
{
	if ((*s)[0] == '0' && ((*s)[1] == 'x' || (*s)[1] == 'X')) {
		*s += 2;
		return take_digits(s, 16, ret);
	}
	return take_digits(s, 10, ret);
}

int parse_u64(const char *s, uint64_t *ret, struct mmr_error *err)
{
	const char *p = s;
	uint64_t value;

	if (!take_number(&p, &value) || *p)
		return err_set(err, -EINVAL, "not a number between 0 and 2^64-1: '%s'", s);
	*ret = value;
	return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t nr, const char *name,
				    bool any_case)
{
	for (size_t i = 0; i < nr; i++)
		if (any_case ? !strcasecmp(units[i].name, name) : !strcmp(units[i].name, name))
			return &units[i];
	return NULL;
}

int parse_size(const char *s, uint64_t *ret_bytes, struct mmr_error *err)
{
	const struct unit *unit;
	const char *p = s;
	uint64_t value;

	if (!take_number(&p, &value))
		return err_set(err, -EINVAL, "not a size: '%s' (write 4096, 2M, 1GiB)", s);
	unit = find_unit(size_units, ARRAY_SIZE(size_units), p, true);
	if (!unit)
		return err_set(err, -EINVAL, "unknown unit '%s' in size '%s' (K, M, G, T, P, E)", p,
			       s);
	if (__builtin_mul_overflow(value, unit->factor, &value))
		return err_set(err, -ERANGE, "size too large: '%s'", s);
	*ret_bytes = value;
	return 0;
}

/* The digits after a point, as a part of `factor`; digits below a nanosecond are an error. */
static bool take_fraction(const char **s, uint64_t *ret_digits, uint64_t *ret_scale)
{
	const char *start = *s;

	*ret_scale = 1;
	if (!take_digits(s, 10, ret_digits) || *s - start > 18)
		return false;
	for (const char *p = start; p < *s; p++)
		*ret_scale *= 10;
	return true;
}

int parse_time(const char *s, uint64_t *ret_ns, struct mmr_error *err)
{
	uint64_t whole, digits = 0, scale = 1;
	unsigned __int128 ns, part;
	const struct unit *unit;
	const char *p = s;

	if (!take_digits(&p, 10, &whole) ||
	    (*p == '.' && (p++, !take_fraction(&p, &digits, &scale))))
		return err_set(err, -EINVAL, "not a time: '%s' (write 10us, 100ms, 1.5s)", s);
	unit = find_unit(time_units, ARRAY_SIZE(time_units), p, false);
	if (!unit)
		return err_set(err, -EINVAL, "unknown unit '%s' in time '%s' (ns, us, ms, s, m, h)",
			       p, s);
	part = (unsigned __int128)digits * unit->factor;
	if (part % scale)
		return err_set(err, -EINVAL, "time finer than a nanosecond: '%s'", s);
	ns = (unsigned __int128)whole * unit->factor + part / scale;
	if (ns > UINT64_MAX)
		return err_set(err, -ERANGE, "time too long: '%s'", s);
	*ret_ns = (uint64_t)ns;
	return 0;
}

const char *format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char letters[] = " KMGTPE";
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && letters[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(buf, size, "%" PRIu64, bytes);
	else
		snprintf(buf, size, "%" PRIu64 "%c", bytes, letters[unit]);
	return buf;
}

/*
 * Four significant digits, rounded half up, zeros behind the point dropped; `step` is the ratio of
 * consecutive units.
 */
static const char *format_human(uint64_t n, unsigned step, const char *const *units, char *buf,
				size_t size)
{
	unsigned __int128 scale = 1;
	unsigned unit = 0, decimals, whole_digits;
	uint64_t pow = 1000, v;

	for (; units[unit + 1] && n >= scale * step; unit++)
		scale *= step;
	if (unit == 0) {
		snprintf(buf, size, "%" PRIu64 "%s%s", n, *units[0] ? " " : "", units[0]);
		return buf;
	}
	whole_digits = n / scale >= 1000 ? 4 : n / scale >= 100 ? 3 : n / scale >= 10 ? 2 : 1;
	for (unsigned i = 1; i < whole_digits; i++)
		pow /= 10;
	v = (uint64_t)(((unsigned __int128)n * pow + scale / 2) / scale);
	if (v == (uint64_t)step * pow && units[unit + 1]) {
		unit++;
		v = pow = 1;
	}
	decimals = pow == 1000 ? 3 : pow == 100 ? 2 : pow == 10 ? 1 : 0;
	while (decimals && v % 10 == 0) {
		v /= 10;
		pow /= 10;
		decimals--;
	}
	if (decimals)
		snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64 " %s", v / pow, (int)decimals, v % pow,
			 units[unit]);
	else
		snprintf(buf, size, "%" PRIu64 " %s", v, units[unit]);
	return buf;
}

const char *format_bytes_human(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL};

	return format_human(bytes, 1024, units, buf, size);
}

const char *format_count_human(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", "E", NULL};

	return format_human(n, 1000, units, buf, size);
}

#define NEAREST_MAX 64	/* longer words are nobody's typing error */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours (restricted Damerau-Levenshtein). */
static unsigned edit_distance(const char *a, size_t nr_a, const char *b, size_t nr_b)
{
	unsigned rows[3][NEAREST_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	for (size_t j = 0; j <= nr_b; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= nr_a; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nr_b; j++) {
			now[j] = min3(last[j] + 1, now[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[nr_b];
}

const char *nearest(const char *word, const char *const *names, size_t nr)
{
	size_t nr_word = strlen(word);
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;

	if (nr_word == 0 || nr_word > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		size_t nr_name = strlen(names[i]);
		size_t longer = nr_name > nr_word ? nr_name : nr_word;
		unsigned distance;

		if (nr_name > NEAREST_MAX)
			continue;
		distance = edit_distance(word, nr_word, names[i], nr_name);
		if (distance < best_distance && distance * 3 <= longer) {
			best = names[i];
			best_distance = distance;
		}
	}
	return best;
}
