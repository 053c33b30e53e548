/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Names of the causes: see kentry.h. The touches are in ktouch.c, above the page tables. */
#include "mm/kentry.h"

const struct kernel_entry_info kernel_entry_info[NR_KERNEL_ENTRIES] = {
#define KERNEL_ENTRY_INFO(NAME, key, meaning) { key, meaning },
	KERNEL_ENTRIES(KERNEL_ENTRY_INFO)
#undef KERNEL_ENTRY_INFO
};
