/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What settings.c (what the user says) and settings-captured.c (what the trace says) share. */
#ifndef SIM_SETTINGS_INTERNAL_H
#define SIM_SETTINGS_INTERNAL_H

#include <jansson.h>

#include "base/config.h"
#include "sim/settings.h"

/* NULL when there is no such key; else *ret_conf is the struct that the row is of. */
const struct config_row *settings_find_row(struct settings *s, const char *key, void **ret_conf);
/* A value of the metadata as a user would write it. NULL when it is no plain value. */
const char *settings_json_text(const json_t *v, const struct config_row *row, char *buf, size_t size);

#endif
