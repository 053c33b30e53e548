/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The settings of the memory manager: rows for struct mm_config (mm/mm_types.h). */
#ifndef MM_MM_CONFIG_H
#define MM_MM_CONFIG_H

#include "base/config.h"

/* Values of struct mm_config.thp_enabled */
enum thp_enabled { THP_NEVER, THP_MADVISE, THP_ALWAYS };
/* Values of struct mm_config.overcommit_memory */
enum overcommit { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

extern const struct config_table mm_config_table;

#endif
