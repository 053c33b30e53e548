/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Numbers as people write them.
 *   - sizes: "4096", "2M", "2MiB", "1g": binary multiples, as the kernel's command line takes them
 *   - times: "10us", "1.5s", "100ms", "250" (ns)
 *   - nearest(): the known name with the smallest edit distance, for "did you mean" messages
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Decimal, or hexadecimal after 0x. */
int parse_u64(const char *s, uint64_t *ret, struct mmr_error *err);
int parse_size(const char *s, uint64_t *ret_bytes, struct mmr_error *err);
int parse_time(const char *s, uint64_t *ret_ns, struct mmr_error *err);
/* Writes e.g. "2M", "1536K", "4097" into buf: exact, the largest unit that divides it. */
const char *format_size(uint64_t bytes, char *buf, size_t size);
/* Four significant digits for people: "1.234 GiB", "12.3 M". */
const char *format_bytes_human(uint64_t bytes, char *buf, size_t size);
const char *format_count_human(uint64_t n, char *buf, size_t size);
/* NULL when nothing is near (more than a third of the letters differ). */
const char *nearest(const char *word, const char *const *names, size_t nr);

#endif
