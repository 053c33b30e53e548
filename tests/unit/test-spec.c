/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Job files: what is inherited, what is refused and where. */
#include "support/test.h"

#include <errno.h>

#include "base/bug.h"
#include "gen/spec.h"

static const char whole[] =
	"# a comment\n"
	"[global]\n"
	"seed = 9\n"
	"block = 64\n"
	"size = 8M\n"
	"\n"
	"[region heap]\n"
	"[region file]\n"
	"kind = file\n"
	"size = 1M\n"
	"advise = hugepage,willneed\n"
	"policy = interleave:0-1\n"
	"[job a]\n"
	"region = heap\n"
	"pattern = zipf\n"
	"theta = 0.99\n"
	"[phase]\n"
	"rw = write\n"
	"[job b]\n"
	"region = file\n"
	"io = read\n"
	"after = a\n"
	"[kernel k]\n"
	"orders = 0:80,9:1\n";

static void sections_inherit(void **state)
{
	struct gen_spec s;
	struct mmr_error err = { .text = "" };

	(void)state;
	if (gen_spec_parse(&s, whole, &err))
		fail_msg("%s", err.text);
	assert_int_equal(s.global.seed, 9);
	assert_int_equal(s.regions.nr, 2);
	assert_int_equal(s.regions.data[0].size, 8 << 20);	/* of [global] */
	assert_int_equal(s.regions.data[1].size, 1 << 20);	/* its own */
	assert_int_equal(s.works.nr, 3);
	assert_int_equal(s.works.data[0].block, 64);
	assert_int_equal(s.works.data[0].theta, 990);
	assert_true(s.works.data[1].is_phase);
	assert_int_equal(s.works.data[1].pattern, GEN_ZIPF);	/* of the job above */
	assert_int_equal(s.works.data[1].rw, GEN_WRITE);
	assert_int_equal(s.works.data[0].rw, GEN_READ);
	assert_int_equal(s.works.data[2].pattern, GEN_SEQUENTIAL);
	assert_string_equal(s.works.data[2].after, "a");
	assert_int_equal(s.kernels.nr, 1);
	gen_spec_finish(&s);
}

static void what_is_printed_reads_the_same(void **state)
{
	struct gen_spec s, again;
	struct strbuf text = { 0 }, text2 = { 0 };

	(void)state;
	assert_int_equal(gen_spec_parse(&s, whole, NULL), 0);
	gen_spec_print(&s, &text);
	assert_int_equal(gen_spec_parse(&again, text.s, NULL), 0);
	gen_spec_print(&again, &text2);
	assert_string_equal(text.s, text2.s);
	strbuf_finish(&text);
	strbuf_finish(&text2);
	gen_spec_finish(&s);
	gen_spec_finish(&again);
}

static void refusals_name_line_and_cause(void **state)
{
#define REGION "[region r]\n"
#define JOB REGION "[job j]\nregion = r\n"
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "neither a [job] nor a [kernel]" },
		{ "[global]\nsede = 1\n", "line 2: unknown key 'sede', did you mean 'seed'?" },
		{ "seed = 1\n", "line 1: the key 'seed' stands in no section" },
		{ "[regoin x]\n", "line 1: unknown section 'regoin', did you mean 'region'?" },
		{ "[region]\n", "line 1: the section 'region' needs a name" },
		{ REGION REGION, "line 2: there are two sections named 'r'" },
		{ REGION "[global]\n", "line 2: [global] must come first" },
		{ "[phase]\n", "line 1: [phase] stands behind no job" },
		{ JOB "pattern = zip\n", "line 4: bad value 'zip'" },
		{ JOB "this is nothing\n", "line 4 is neither" },
		{ REGION "[job j]\n", "line 2: the job has no region" },
		{ REGION "[job j]\nregion = q\n", "line 2: there is no region 'q'" },
		{ JOB "after = k\n", "line 2: after: there is no job 'k'" },
		{ JOB "after = j\n", "line 2: the job waits for itself" },
		{ JOB "length = 65M\n", "line 2: start and length lie outside" },
		{ JOB "block = 12\n", "line 2: block is no multiple of word" },
		{ JOB "io = read\n", "line 2: io needs a region of kind=file" },
		{ JOB "direct = yes\n", "line 2: direct, fsync_every and fadvise go with io only" },
		{ JOB "cpus_allowed = 9\n", "line 2: cpus_allowed: there are 4 CPUs only" },
		{ REGION "prot = r\n[job j]\nregion = r\nrw = write\n", "line 3: the region 'r' may not be written" },
		{ REGION "advise = hugepages\n[job j]\nregion = r\n", "did you mean 'hugepage'?" },
		{ REGION "policy = bind\n[job j]\nregion = r\n", "needs nodes, as in bind:0-1" },
		{ "[kernel k]\norders = 0:80,14\n", "line 1: orders: '0:80,14': values up to 13" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mmr_error err = { .text = "" };
		struct gen_spec s;

		assert_int_equal(gen_spec_parse(&s, bad[i].text, &err), -EINVAL);
		if (!strstr(err.text, bad[i].says))
			fail_msg("case %zu: '%s' says not '%s'", i, err.text, bad[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_inherit),
		cmocka_unit_test(what_is_printed_reads_the_same),
		cmocka_unit_test(refusals_name_line_and_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
