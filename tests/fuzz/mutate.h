/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A main for fuzz targets: each file, and random mutations of it. A target defines FUZZ_MAX_BYTES and includes this last.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef HAVE_LIBFUZZER

static void mutate(uint8_t *data, size_t *size, struct rng *rng)
{
	unsigned nr = 1 + (unsigned)rng_below(rng, 4);

	while (nr-- && *size) {
		size_t at = rng_below(rng, *size), len = rng_below(rng, *size - at < 64 ? *size - at : 64);

		switch (rng_below(rng, 4)) {
		case 0:
			data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
			break;
		case 1:
			data[at] = (uint8_t)('0' + rng_below(rng, 10));
			break;
		case 2:
			memmove(data + at, data + at + len, *size - at - len);
			*size -= len;
			break;
		default:
			memmove(data + at, data + rng_below(rng, *size - len), len);
		}
	}
}

static void run_file(const char *path, uint64_t mutations, struct rng *rng)
{
	uint8_t *data = xmalloc(FUZZ_MAX_BYTES), *copy = xmalloc(FUZZ_MAX_BYTES);
	FILE *f = fopen(path, "re");
	size_t size, nr;

	if (!f) {
		perror(path);
		exit(2);
	}
	size = fread(data, 1, FUZZ_MAX_BYTES, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	for (uint64_t i = 0; i < mutations; i++) {
		memcpy(copy, data, size);
		nr = size;
		mutate(copy, &nr, rng);
		LLVMFuzzerTestOneInput(copy, nr);
	}
	free(data);
	free(copy);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("MMR_SEED");
	uint64_t mutations = 0;
	struct rng rng;
	int i = 1;

	setenv("HWLOC_HIDE_ERRORS", "2", 1);
	rng_seed(&rng, seed ? strtoull(seed, NULL, 0) : 1);
	if (argc > 3 && !strcmp(argv[1], "--mutate")) {
		mutations = strtoull(argv[2], NULL, 0);
		i = 3;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: %s [--mutate N] FILE...\n", argv[0]);
		return 2;
	}
	for (; i < argc; i++)
		run_file(argv[i], mutations, &rng);
	return 0;
}

#endif
#endif
