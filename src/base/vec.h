/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Growing arrays: VEC(struct foo) v = {0}; *vec_push(&v) = x; v.data[i], v.nr; vec_finish(&v).
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdlib.h>

#include "base/xalloc.h"

#define VEC(type) struct { type *data; size_t nr, cap; }
#define vec_reserve(v, n) \
	((v)->cap >= (n) ? (void)0 : \
	 (void)((v)->cap = (n) > 2 * (v)->cap ? (n) : 2 * (v)->cap, \
		(v)->data = xrealloc((v)->data, (v)->cap, sizeof(*(v)->data))))
#define vec_push(v) (vec_reserve(v, (v)->nr + 1), &(v)->data[(v)->nr++])
#define vec_clear(v) ((void)((v)->nr = 0))
#define vec_finish(v) (free((v)->data), (v)->data = NULL, (v)->nr = (v)->cap = 0)

#endif
