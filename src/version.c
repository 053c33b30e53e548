/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The version of libmmreplay. */
#include <mmreplay/version.h>

const char *mmr_version(void)
{
	return MMR_VERSION;
}
