/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Ranks by Zipf's law: see zipf.h. */
#include "gen/zipf.h"

#include <string.h>

#include "base/bug.h"

#define LN2 0.69314718055994530942

/* x = m * 2^e with m in [sqrt(1/2), sqrt(2)), then the series of 2 atanh((m-1)/(m+1)). */
double exact_log(double x)
{
	uint64_t bits;
	double m, t, t2, sum = 0;
	int e;

	memcpy(&bits, &x, sizeof(bits));
	e = (int)(bits >> 52) - 1022;
	bits = (bits & 0xfffffffffffffull) | 1022ull << 52;
	memcpy(&m, &bits, sizeof(m));
	if (m < 0.70710678118654752440) {
		m *= 2;
		e--;
	}
	t = (m - 1) / (m + 1);
	t2 = t * t;
	for (int k = 23; k >= 1; k -= 2)
		sum = sum * t2 + 1.0 / k;
	return 2 * t * sum + e * LN2;
}

/* x = e * ln 2 + r with |r| <= ln 2 / 2, then the series of the exponential. */
double exact_exp(double x)
{
	double scaled = x / LN2, r, sum = 1, power;
	int e = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
	uint64_t bits;

	r = x - e * LN2;
	for (int k = 18; k >= 1; k--)
		sum = 1 + sum * r / k;
	bits = (uint64_t)(e + 1023) << 52;
	memcpy(&power, &bits, sizeof(power));
	return sum * power;
}

/* log(1 + x) / x and (exp(x) - 1) / x, also near 0 */
static double log1p_over(double x)
{
	if (x > -1e-8 && x < 1e-8)
		return 1 - x / 2;
	return exact_log(1 + x) / x;
}

static double expm1_over(double x)
{
	if (x > -1e-8 && x < 1e-8)
		return 1 + x / 2;
	return (exact_exp(x) - 1) / x;
}

/* Integral of x^-theta, its inverse, and the density itself. */
static double integral(const struct zipf *z, double x)
{
	double log_x = exact_log(x);

	return expm1_over((1 - z->theta) * log_x) * log_x;
}

static double inverse(const struct zipf *z, double x)
{
	double t = x * (1 - z->theta);

	if (t < -1 + 1e-15)
		t = -1 + 1e-15;
	return exact_exp(log1p_over(t) * x);
}

static double density(const struct zipf *z, double x)
{
	return exact_exp(-z->theta * exact_log(x));
}

void zipf_init(struct zipf *z, uint64_t n, uint64_t theta_milli)
{
	BUG_ON(!n || n > 1ull << 52 || theta_milli > 10000);
	*z = (struct zipf){ .n = n, .theta = (double)theta_milli / 1000 };
	z->h_x1 = integral(z, 1.5) - 1;
	z->h_n = integral(z, (double)n + 0.5);
	z->s = 2 - inverse(z, integral(z, 2.5) - density(z, 2));
}

uint64_t zipf_next(const struct zipf *z, struct rng *rng)
{
	for (;;) {
		double u = (double)(rng_u64(rng) >> 11) / 9007199254740992.0;	/* [0, 1) in steps of 2^-53 */
		double at = z->h_n + u * (z->h_x1 - z->h_n), x = inverse(z, at);
		uint64_t k = x < 1 ? 1 : (uint64_t)(x + 0.5);

		if (k < 1)
			k = 1;
		if (k > z->n)
			k = z->n;
		if ((double)k - x <= z->s || at >= integral(z, (double)k + 0.5) - density(z, (double)k))
			return k - 1;
	}
}
