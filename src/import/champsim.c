/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * ChampSim's traces: records of 64 bytes, one an instruction (inc/trace_instruction.h of ChampSim, Apache licence):
 *
 *	u64 ip; u8 is_branch, branch_taken, destination_registers[2], source_registers[4];
 *	u64 destination_memory[2], source_memory[4]
 *
 * An address of 0 is none. The sizes of instructions and accesses are not in the trace: each touches its first byte's page.
 * One thread. What else the program did (system calls, areas) is not there either.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "import/sink.h"

#define RECORD 64
#define RECORDS 1024

static uint64_t u64_at(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static void instruction(struct sink *sink, const uint8_t *at)
{
	sink_access(sink, RUNS_FETCH, u64_at(at), 1);
	for (unsigned i = 0; i < 4; i++)
		if (u64_at(at + 32 + 8 * i))
			sink_access(sink, RUNS_LOAD, u64_at(at + 32 + 8 * i), 1);
	for (unsigned i = 0; i < 2; i++)
		if (u64_at(at + 16 + 8 * i))
			sink_access(sink, RUNS_STORE, u64_at(at + 16 + 8 * i), 1);
}

static int read_all(struct sink *sink, struct source *s, struct mmr_error *err)
{
	uint8_t buf[RECORDS * RECORD];
	int64_t n;

	while ((n = source_read(s, buf, sizeof(buf), err)) > 0) {
		for (int64_t i = 0; i + RECORD <= n; i += RECORD)
			instruction(sink, buf + i);
		if (n % RECORD) {
			sink_lost(sink, 1);
			sink_skip(sink, "records cut short by the end of a file", 1);
		}
		if (sink_failed(sink) || sink_tick(sink, source_packed(s)))
			break;
	}
	return n < 0 ? (int)n : 0;
}

static int run(struct sink *sink, const char *path, struct mmr_error *err)
{
	struct sink_meta meta = { .basis = "exact", .interleaving = "serialized", .arch = "x86_64", .va_bits = 48 };
	struct source *s;
	int rc = source_open(&s, path, err);

	if (rc)
		return rc;
	rc = sink_begin(sink, &meta);
	sink_thread(sink, 1, 1, 0);
	if (!rc)
		rc = read_all(sink, s, err);
	source_close(s);
	return rc;
}

/* Nothing in the format says what it is: every record must look like an instruction. */
static int probe(const uint8_t *head, size_t len, const char *path)
{
	size_t nr = head ? len / RECORD : 0;

	(void)path;
	for (size_t i = 0; i < nr; i++) {
		const uint8_t *at = head + i * RECORD;
		uint64_t ip = u64_at(at);

		if (!ip || (ip >> 47 && ip >> 47 != 0x1ffff) || at[8] > 1 || at[9] > 1)
			return 0;
		for (unsigned m = 0; m < 6; m++) {
			uint64_t addr = u64_at(at + 16 + 8 * m);

			if (addr >> 47 && addr >> 47 != 0x1ffff)
				return 0;
		}
	}
	return nr >= 4 ? 30 : 0;
}

const struct trace_importer importer_champsim = {
	.name = "champsim",
	.summary = "ChampSim: one record of 64 bytes an instruction",
	.probe = probe,
	.run = run,
};
