/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Our own mistakes. BUG_ON() is always on and ends the process with the place; VM_BUG_ON() is on
 * from -Dmm_debug=1. MM_DEBUG is 0 (release) to 3: from 2 on a replay walks the whole model now and
 * then, at 3 after every item.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include <stddef.h>

#ifndef MM_DEBUG
#define MM_DEBUG 0
#endif

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

_Noreturn void bug_at(const char *file, int line, const char *func, const char *what)
	__attribute__((cold));

#define BUG_ON(cond) \
	do { \
		if (unlikely(cond)) \
			bug_at(__FILE__, __LINE__, __func__, #cond); \
	} while (0)
#define VM_BUG_ON(cond) \
	do { \
		if (MM_DEBUG >= 1) \
			BUG_ON(cond); \
	} while (0)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#endif
