/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A program of somebody else's, built against the installed library: install.sh compiles and runs it. */
#include <stdio.h>
#include <string.h>

#include <mmreplay/trace.h>
#include <mmreplay/version.h>

int main(void)
{
	const struct mmr_kind_info *info = mmr_kind_info(MMR_MUNMAP);
	struct mmr_reader *reader = NULL;
	struct mmr_error err = {{0}, 0, 0, 0};

	if (strcmp(mmr_version(), MMR_VERSION) || !info || strcmp(info->name, "munmap"))
		return 1;
	if (mmr_reader_open(&reader, "/nowhere/x.mmt", NULL, &err) >= 0 || reader || !err.text[0])
		return 1;
	puts(mmr_version());
	return 0;
}
