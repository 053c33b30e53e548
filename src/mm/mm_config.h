/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The settings of the memory manager: rows for struct mm_config (mm/mm_types.h). */
#ifndef MM_MM_CONFIG_H
#define MM_MM_CONFIG_H

#include "base/config.h"

/* Values of struct mm_config.thp_enabled */
enum thp_enabled { THP_NEVER, THP_MADVISE, THP_ALWAYS };
/* Values of struct mm_config.thp_defrag */
enum thp_defrag { THP_DEFRAG_ALWAYS, THP_DEFRAG_DEFER, THP_DEFRAG_DEFER_MADVISE, THP_DEFRAG_MADVISE, THP_DEFRAG_NEVER };
/* Values of struct mm_config.thp_hugepages[]: default is inherit for the size of a huge entry, never for others */
enum thp_size { THP_SIZE_DEFAULT, THP_SIZE_NEVER, THP_SIZE_MADVISE, THP_SIZE_INHERIT, THP_SIZE_ALWAYS };
#define THP_SIZE_SHIFT_MIN 14	/* log2 of the bytes of the first of them */
/* Values of struct mm_config.thp_shmem_enabled */
enum shmem_huge {
	SHMEM_HUGE_NEVER, SHMEM_HUGE_ALWAYS, SHMEM_HUGE_WITHIN_SIZE, SHMEM_HUGE_ADVISE, SHMEM_HUGE_DENY, SHMEM_HUGE_FORCE
};
/* Values of mm_struct.thp_disabled */
enum thp_disabled { THP_NOT_DISABLED, THP_DISABLED, THP_DISABLED_EXCEPT_ADVISED };
/* Values of struct mm_config.overcommit_memory */
enum overcommit { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

extern const struct config_table mm_config_table;

#endif
