/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Ranks by Zipf's law: rank k of 0 ... n-1 comes with probability proportional to 1/(k+1)^theta. By rejection from the
 * inverted integral (Hoermann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", ACM TOMACS 6(3), 1996): constant time and memory for any n.
 *
 * The same on every machine: logarithm and exponential are made of additions, multiplications and divisions of IEEE
 * doubles, which are exactly defined, and not taken from the C library, whose last bit differs.
 */
#ifndef GEN_ZIPF_H
#define GEN_ZIPF_H

#include <stdint.h>

#include "base/rng.h"

struct zipf {
	uint64_t n;
	double theta, h_x1, h_n, s;
};

/* n > 0; theta in thousandths, 0 (uniform) to 10000. */
void zipf_init(struct zipf *z, uint64_t n, uint64_t theta_milli);
uint64_t zipf_next(const struct zipf *z, struct rng *rng);

/* Natural logarithm of x > 0 and exponential of |x| < 700, relative errors below 1e-14. */
double exact_log(double x);
double exact_exp(double x);

#endif
