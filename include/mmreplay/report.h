/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Results of a replay as text. The JSON is described by mmreplay-result.schema.json and
 * mmreplay-model(7).
 */
#ifndef MMREPLAY_REPORT_H
#define MMREPLAY_REPORT_H

#include <mmreplay/replay.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The result as JSON, NUL-terminated, for the caller to free(). After the last step. */
char *mmr_report_json(struct mmr_replay *r);
/* The same for people. all: counters that are zero too. */
char *mmr_report_text(struct mmr_replay *r, int all);
/*
 * The model's counters beside those of the kernel that the trace recorded, as JSON; *ret_ok is 0
 * when one of them is beyond its tolerance or there was nothing to compare.
 */
char *mmr_report_validation(struct mmr_replay *r, int *ret_ok);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
