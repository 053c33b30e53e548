/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Machine profiles: the compiled-in ones, and what happens to bad ones. Bad texts are the profile "test" with
 * one thing changed.
 */
#include "support/test.h"

#include <errno.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "base/xalloc.h"
#include "machine/profile.h"

static const char *test_text(void)
{
	for (size_t i = 0; profile_builtin_name(i); i++)
		if (!strcmp(profile_builtin_name(i), "test"))
			return profile_builtin_text(i);
	fail_msg("no profile of the name test");
	return NULL;
}

/* The text with the first `old` replaced. Freed by the caller. */
static char *changed(const char *old, const char *new)
{
	const char *text = test_text(), *at = strstr(text, old);
	struct strbuf sb = {0};

	if (!at)
		fail_msg("'%s' is not in the profile", old);
	strbuf_add(&sb, text, (size_t)(at - text));
	strbuf_addstr(&sb, new);
	strbuf_addstr(&sb, at + strlen(old));
	return sb.s;
}

static void all_compiled_in_profiles_load(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; profile_builtin_name(i); i++) {
		struct machine_profile *p;
		struct mmr_error err = {0};

		if (profile_load(profile_builtin_name(i), &p, &err))
			fail_msg("%s", err.text);
		assert_string_equal(p->name, profile_builtin_name(i));
		assert_int_equal(topology_validate(&p->topology, NULL), 0);
		profile_free(p);
	}
	assert_true(i >= 3);
	assert_null(profile_builtin_text(i));
}

static void assert_array(const struct tlb_array_geometry *a, uint32_t entries, uint32_t ways, unsigned sizes)
{
	assert_int_equal(a->nr_sets * a->ways, entries);
	assert_int_equal(a->ways, ways);
	assert_int_equal(a->sizes, sizes);
}

static void skylake_is_as_documented(void **state)
{
	struct machine_profile *p;
	const struct tlb_level_geometry *l1d, *l2;

	(void)state;
	assert_int_equal(profile_load("intel-skylake-sp", &p, NULL), 0);
	l1d = &p->tlb.level[TLB_L1][TLB_DATA];
	l2 = &p->tlb.level[TLB_L2][TLB_DATA];
	assert_int_equal(l1d->nr_arrays, 3);
	assert_array(&l1d->array[0], 64, 4, 1);
	assert_array(&l1d->array[1], 32, 4, 2);
	assert_array(&l1d->array[2], 4, 4, 4);
	assert_true(p->tlb.l2_shared);
	assert_array(&l2->array[0], 1536, 12, 3);
	assert_array(&l2->array[1], 16, 4, 4);
	assert_int_equal(p->tlb.nr_asids, 6);
	assert_int_equal(p->geometry.pa_bits, 46);
	assert_int_equal(p->topology.nr_cpus, 36);
	assert_int_equal(p->topology.cpu_node[17], 0);
	assert_int_equal(p->topology.cpu_node[18], 1);
	assert_int_equal(p->topology.distance[1], 21);
	profile_free(p);
}

static void zen4_is_as_documented(void **state)
{
	struct machine_profile *p;

	(void)state;
	assert_int_equal(profile_load("amd-zen4", &p, NULL), 0);
	assert_array(&p->tlb.level[TLB_L1][TLB_DATA].array[0], 72, 72, 7);
	assert_array(&p->tlb.level[TLB_L1][TLB_INSN].array[0], 64, 64, 7);
	assert_array(&p->tlb.level[TLB_L2][TLB_DATA].array[0], 3072, 12, 3);
	assert_array(&p->tlb.level[TLB_L2][TLB_INSN].array[0], 512, 4, 3);
	assert_false(p->tlb.l2_shared);
	assert_int_equal(p->geometry.nr_levels, 5);
	profile_free(p);
}

static void bad_profiles_say_where(void **state)
{
	static const struct {
		const char *old, *new, *error;
	} bad[] = {
		{ "\"tlb\": {", "\"tlbs\": {", "f: unknown key 'tlbs' (did you mean 'tlb'?)" },
		{ "\"entries\": 8,", "\"entrys\": 8,",
		  "f: tlb.l1_data[0]: unknown key 'entrys' (did you mean 'entries'?)" },
		{ "\"entries\": 8,", "", "f: tlb.l1_data[0]: key 'entries' is missing" },
		{ "\"entries\": 8,", "\"entries\": 9,", "f: tlb.l1_data[0]: entries are not a multiple of ways" },
		{ "\"entries\": 8,", "\"entries\": 0,", "f: tlb.l1_data[0].entries: 0 is out of range (1 to 32768)" },
		{ "\"entries\": 8,", "\"entries\": -8,", "f: tlb.l1_data[0].entries: -8 is out of range (1 to 32768)" },
		{ "\"entries\": 8,", "\"entries\": \"8\",", "f: tlb.l1_data[0].entries: not an integer" },
		{ "\"entries\": 8,", "\"entries\": 8, \"entries\": 8,", NULL },
		{ "\"ways\": 2", "\"ways\": \"all\"", "f: tlb.l1_data[0].ways: neither a number nor 'full'" },
		{ "[\"4K\"]", "[\"8K\"]", "f: tlb.l1_data[0].pages[0]: geometry 'x86-64' has no pages of '8K'" },
		{ "[\"4K\"]", "[\"4K\", \"4K\"]", "f: tlb.l1_data[0].pages[1]: page size '4K' twice" },
		{ "[\"4K\"]", "[\"4Q\"]",
		  "f: tlb.l1_data[0].pages[0]: unknown unit 'Q' in size '4Q' (K, M, G, T, P, E)" },
		{ "[\"4K\"]", "[\"2M\"]", "f: tlb.l1_data[1]: a page size is in two arrays of one level" },
		{ "[\"4K\"]", "[]", "f: tlb.l1_data[0].pages: 0 elements, not 1 to 4" },
		{ "{ \"pages\": [\"4K\"], \"entries\": 8, \"ways\": 2, \"source\": \"no real machine\" },", "",
		  "f: tlb.l1_data: no array holds base pages" },
		{ "\"l2\": [", "\"l2_data\": [], \"l2\": [",
		  "f: tlb: 'l2' is shared: it excludes 'l2_data' and 'l2_instruction'" },
		{ "\"geometry\": \"x86-64\"", "\"geometry\": \"x86_64\"",
		  "f: geometry: unknown geometry 'x86_64' (did you mean 'x86-64'?)" },
		{ "\"level\": \"pmd\"", "\"level\": \"pte\"",
		  "f: walk_caches[0].level: geometry 'x86-64' has no tables of level 'pte'" },
		{ "\"level\": \"pmd\"", "\"level\": \"pud\"", "f: walk_caches[1]: level 'pud' twice" },
		{ "\"number\": 6", "\"number\": 65", "f: asids.number: 65 is out of range (0 to 64)" },
		{ "\"memory\": \"64M\"", "\"memory\": 64", "f: topology.nodes[0].memory: not a text" },
		{ "\"cpus\": 2", "\"cpus\": 1023", "f: topology.nodes: 1025 CPUs in all nodes, not 1 to 1024" },
		{ "[[10, 20], [20, 10]]", "[[10, 20]]", "f: topology.distances: 1 elements, not 2 to 2" },
		{ "[[10, 20], [20, 10]]", "[[10, 20], [20, 20]]",
		  "f: topology: distance of node 1 to itself is 20, not 10" },
		{ "[[10, 20], [20, 10]]", "[[10, 9], [20, 10]]",
		  "f: topology.distances[0][1]: 9 is out of range (10 to 254)" },
		{ "{ \"value\": 7, \"source\": \"no real machine\" }", "{ \"value\": 7 }",
		  "f: cycles.l2_tlb_hit: key 'source' is missing" },
		{ "\"cycles\": {", "\"devices\": [{\"id\": 1, \"name\": \"a\", \"mask_bits\": 65, \"source\": \"\"}], \"cycles\": {",
		  "f: devices[0].mask_bits: 65 is out of range (12 to 64)" },
		{ "\"cycles\": {", "\"devices\": [{\"id\": 1, \"name\": \"a\", \"source\": \"x\"}], \"cycles\": {",
		  "f: devices[0]: key 'mask_bits' is missing" },
		{ "\"cycles\": {", "\"devices\": [{\"id\": 1, \"name\": \"a\", \"mask_bits\": 32, \"source\": \"x\"}, "
		  "{\"id\": 1, \"name\": \"b\", \"mask_bits\": 32, \"source\": \"x\"}], \"cycles\": {",
		  "f: devices[1].id: two devices have this number" },
		{ "\"name\": \"test\"", "\"name\": \"Te st\"", "f: name: a name is at most 64 of a-z, 0-9 and '-'" },
		{ "\"name\": \"test\"", "\"name\": \"\"", "f: name: not a text" },
		{ "\"topology\": {", "\"topology\": [], \"x\": {", "f: unknown key 'x'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *text = changed(bad[i].old, bad[i].new);
		struct machine_profile *p = NULL;
		struct mmr_error err = {0};

		assert_int_equal(profile_parse(text, strlen(text), "f", &p, &err), -EINVAL);
		assert_null(p);
		if (bad[i].error)
			assert_string_equal(err.text, bad[i].error);
		free(text);
	}
}

/* A text cut anywhere is an error with line and column, and leaks nothing. */
static void cut_texts_are_refused(void **state)
{
	const char *text = test_text();
	size_t len = strlen(text);
	struct machine_profile *p;
	struct mmr_error err;

	(void)state;
	while (text[len - 1] != '}')
		len--;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(profile_parse(text, i, "f", &p, &err), -EINVAL);
	assert_int_equal(profile_parse("{\n\t\"name\" 1}", 12, "f", &p, &err), -EINVAL);
	assert_memory_equal(err.text, "f:2:", 4);
}

/* One byte changed anywhere, to anything: it loads and is a possible machine, or it is refused with a text. */
static void damaged_texts_do_no_harm(void **state)
{
	size_t len = strlen(test_text());
	char *text = xstrdup(test_text());
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1);
	for (size_t i = 0; i < 8 * len; i++) {
		size_t at = i % len;
		char old = text[at];
		struct machine_profile *p;
		struct mmr_error err = {0};

		text[at] = i < len ? ' ' : i < 2 * len ? '9' : (char)rng_below(&rng, 256);
		if (profile_parse(text, len, "f", &p, &err)) {
			assert_true(err.text[0]);
		} else {
			assert_int_equal(topology_validate(&p->topology, NULL), 0);
			assert_true(p->tlb.level[TLB_L1][TLB_DATA].nr_arrays);
			profile_free(p);
		}
		text[at] = old;
	}
	free(text);
}

static void names_and_files(void **state)
{
	char path[] = "/tmp/mmreplay-profile-XXXXXX.json";
	struct machine_profile *p;
	struct mmr_error err;
	int fd = mkstemps(path, 5);

	(void)state;
	assert_int_equal(profile_load("amd-zen5", &p, &err), -ENOENT);
	assert_string_equal(err.text, "unknown machine 'amd-zen5' (did you mean 'amd-zen4'?)");
	assert_int_equal(profile_load("zzzzzzzzzz", &p, &err), -ENOENT);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, test_text(), strlen(test_text())), (long)strlen(test_text()));
	close(fd);
	assert_int_equal(profile_load(path, &p, &err), 0);
	assert_string_equal(p->name, "test");
	assert_int_equal(p->cost.walk_reference_cycles, 10);
	profile_free(p);
	assert_int_equal(truncate(path, PROFILE_MAX_BYTES + 1), 0);
	assert_int_equal(profile_load(path, &p, &err), -EINVAL);
	unlink(path);
	assert_int_equal(profile_load(path, &p, &err), -ENOENT);
	assert_int_equal(profile_load("/", &p, &err), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_compiled_in_profiles_load),
		cmocka_unit_test(skylake_is_as_documented),
		cmocka_unit_test(zen4_is_as_documented),
		cmocka_unit_test(bad_profiles_say_where),
		cmocka_unit_test(cut_texts_are_refused),
		cmocka_unit_test(damaged_texts_do_no_harm),
		cmocka_unit_test(names_and_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
