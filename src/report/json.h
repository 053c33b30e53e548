/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Results as JSON (jansson keeps the order in which keys are set). These add what a result needs
 * beside jansson: no key twice, ratios that depend on integers only, addresses, text of any bytes.
 *
 * Every j_*() sets a key of an object, except j_text() and j_parse(). Sums and counts are at most
 * 2^63 - 1.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/strbuf.h"

json_t *j_object(json_t *parent, const char *key); /* borrowed; parent NULL: a new reference */
json_t *j_array(json_t *parent, const char *key);
void j_u64(json_t *obj, const char *key, uint64_t value);
void j_i64(json_t *obj, const char *key, int64_t value);
void j_bool(json_t *obj, const char *key, bool value);
void j_str(json_t *obj, const char *key, const char *value);
/* Bytes of any kind: as text when they are UTF-8, else KEY_hex with two digits a byte. */
void j_bytes(json_t *obj, const char *key, const void *data, size_t len);
void j_hex(json_t *obj, const char *key, uint64_t value); /* "0x7f..." */
void j_null(json_t *obj, const char *key);
/* num / den rounded to six decimals, from integers alone; null when den is 0. */
void j_ratio(json_t *obj, const char *key, uint64_t num, uint64_t den);
/* Appends the text: indented, one newline at the end. */
void j_text(const json_t *root, struct strbuf *sb);
/* A value out of a file: NULL and err when it is not JSON. */
json_t *j_parse(const char *text, size_t len, struct mmr_error *err);

#endif
