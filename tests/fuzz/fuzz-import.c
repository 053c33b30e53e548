/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Importers on any bytes at all.
 *
 * Property: importing ends, within its memory, without a fault of any kind; what comes out is a trace that can be read
 * whole, or the input is refused with a reason.
 *
 *	fuzz-import FILE...			reads each, as every format
 *	fuzz-import --mutate N FILE...		and N random mutations of each (MMR_SEED)
 * With -Dfuzz=true it is a libFuzzer target instead.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mmreplay/trace.h>

#include "base/bug.h"
#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const char *path)
{
	struct mmr_error err = { .text = "" };
	struct mmr_reader *r;
	struct mmr_item it;
	int rc;

	BUG_ON(mmr_reader_open(&r, path, NULL, &err));
	while ((rc = mmr_reader_next(r, &it, &err)) > 0)
		;
	BUG_ON(rc);
	mmr_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char in[64], out[64];
	int fd = memfd_create("in", 0), to = memfd_create("out", 0);

	BUG_ON(fd < 0 || to < 0 || write(fd, data, size) != (ssize_t)size);
	snprintf(in, sizeof(in), "/proc/self/fd/%d", fd);
	snprintf(out, sizeof(out), "/proc/self/fd/%d", to);
	for (size_t i = 0; trace_importers[i]; i++) {
		struct import_options opt = { .format = trace_importers[i]->name, .output = out, .level = 1 };
		struct mmr_error err = { .text = "" };
		struct import_result res;

		if (import_run(in, &opt, &res, &err))
			BUG_ON(!err.text[0]);
		else
			read_back(out);
	}
	close(fd);
	close(to);
	return 0;
}

#define FUZZ_MAX_BYTES (1u << 20)
#include "fuzz/mutate.h"
