/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Replaying a trace on a simulated machine.
 *
 *	mmr_reader_open(&reader, path, NULL, &err);
 *	mmr_replay_create(&replay, reader, &err);
 *	mmr_replay_set(replay, "thp.enabled", "always", &err);
 *	mmr_replay_run(replay, &err);
 *	json = mmr_report_json(replay);			(mmreplay/report.h)
 *	mmr_replay_destroy(replay);
 *	mmr_reader_close(reader);
 *
 * The same trace and the same settings give the same result, byte for byte. Keys are in
 * mmreplay-config(5). Functions return 0 (or a count) or a negative errno, and fill in struct
 * mmr_error. Running out of the host's memory ends the process with status 4.
 */
#ifndef MMREPLAY_REPLAY_H
#define MMREPLAY_REPLAY_H

#include <mmreplay/trace.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct mmr_replay;

/*
 * Reads the metadata and takes over the captured machine's settings. The reader stays the caller's.
 */
int mmr_replay_create(struct mmr_replay **ret, struct mmr_reader *reader, struct mmr_error *err);
/* -ENOENT: no such key; -EINVAL, -ERANGE: bad value. Before the first step only (-EBUSY). */
int mmr_replay_set(struct mmr_replay *r, const char *key, const char *value, struct mmr_error *err);
/* Settings as a JSON object, `len` bytes of text. -EBADMSG: not JSON. */
int mmr_replay_set_json(struct mmr_replay *r, const char *text, size_t len, struct mmr_error *err);
/* Replay with settings that the trace cannot support, too. */
void mmr_replay_force(struct mmr_replay *r);
/* Walk the whole model after each `items` items; 0 never. */
void mmr_replay_check_every(struct mmr_replay *r, uint64_t items);
/*
 * Builds the machine; the first step does it otherwise. -ENOENT: no such machine; -EINVAL: it
 * cannot be built; -ENOTSUP: the trace cannot support a setting (mmr_replay_force()).
 */
int mmr_replay_start(struct mmr_replay *r, struct mmr_error *err);
/*
 * One item of the trace. 1 when there may be more, 0 at the end. -EUCLEAN: the model contradicts
 * itself; else what mmr_replay_start() or the reader returned.
 */
int mmr_replay_step(struct mmr_replay *r, struct mmr_error *err);
/* All of it. */
int mmr_replay_run(struct mmr_replay *r, struct mmr_error *err);
void mmr_replay_destroy(struct mmr_replay *r);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
