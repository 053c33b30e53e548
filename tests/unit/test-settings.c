/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Keys from text, files and traces; what a basis refuses. */
#include "support/test.h"

#include <errno.h>

#include "mm/mm_config.h"
#include "sim/settings.h"

static const char meta_text[] =
	"{\"basis\": \"faults\", \"machine\": {\"memory_bytes\": 1073741824, \"base_page_bytes\": 4096},"
	" \"memory\": {\"fault_around_bytes\": 131072, \"thp\": {\"enabled\": \"always\", \"use_zero_page\": 0},"
	" \"sysctl\": {\"vm.overcommit_memory\": 2, \"vm.max_map_count\": -5}}}";

struct fixture {
	struct settings s;
	struct trace_meta meta;
	struct mmr_error err;
};

static void start(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	settings_init(&f->s);
	assert_int_equal(trace_meta_parse(&f->meta, meta_text, &f->err), 0);
	settings_captured(&f->s, &f->meta);
}

static void end(struct fixture *f)
{
	settings_finish(&f->s);
	trace_meta_finish(&f->meta);
}

static void test_captured(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(f.s.mm.fault_around_bytes, 131072);
	assert_int_equal(f.s.mm.thp_enabled, THP_ALWAYS);
	assert_int_equal(f.s.mm.thp_use_zero_page, 0);
	assert_int_equal(f.s.mm.overcommit_memory, OVERCOMMIT_NEVER); /* sysctl 2 */
	assert_int_equal(f.s.mm.max_map_count, 65530);		      /* out of range: left alone */
	end(&f);
}

static void test_set(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(settings_set(&f.s, "vm.fault_around_bytes", "16K", &f.err), 0);
	assert_int_equal(f.s.mm.fault_around_bytes, 16384);
	assert_int_equal(settings_set(&f.s, "machine", "test", &f.err), 0);
	assert_string_equal(f.s.machine, "test");
	assert_int_equal(settings_set(&f.s, "thp.enable", "never", &f.err), -ENOENT);
	assert_non_null(strstr(f.err.text, "'thp.enabled'"));
	assert_int_equal(settings_set(&f.s, "thp.enabled", "maybe", &f.err), -EINVAL);
	assert_int_equal(settings_set(&f.s, "vm.fault_around_bytes", "1G", &f.err), -ERANGE);
	assert_int_equal(f.s.mm.fault_around_bytes, 16384);
	end(&f);
}

static int load(struct fixture *f, const char *text)
{
	return settings_load_json(&f->s, text, strlen(text), &f->err);
}

static void test_json(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(load(&f,
			      "{\"vm\": {\"fault_around_bytes\": \"8K\"}, \"kernel.pcp\": false, "
			      "\"machine\": {\"cpus\": 4}}"),
			 0);
	assert_int_equal(f.s.mm.fault_around_bytes, 8192);
	assert_int_equal(f.s.mm.pcp, 0);
	assert_int_equal(f.s.system.nr_cpus, 4);
	assert_int_equal(load(&f, "{\"vm\": {\"nothing\": 1}}"), -ENOENT);
	assert_int_equal(load(&f, "{\"vm.max_map_count\": -1}"), -EINVAL);
	assert_int_equal(load(&f, "{\"vm.max_map_count\": [1]}"), -EINVAL);
	assert_int_equal(load(&f, "{\"vm\": {\"lowmem_reserve_ratio\": [128, 64, 32, 0, 1]}}"), 0);
	assert_int_equal(f.s.mm.lowmem_reserve_ratio[0], 128);
	assert_int_equal(f.s.mm.lowmem_reserve_ratio[4], 1);
	assert_int_equal(load(&f, "{\"vm.lowmem_reserve_ratio\": [128, \"x\"]}"), -EINVAL);
	assert_int_equal(load(&f, "{\"vm.lowmem_reserve_ratio\": [128]}"), -EINVAL);
	assert_int_equal(load(&f, "{\"memory.movable_nodes\": \"1,3\"}"), 0);
	assert_int_equal(f.s.mm.movable_nodes, 10);
	assert_int_equal(load(&f, "[]"), -EBADMSG);
	assert_int_equal(load(&f, "{"), -EBADMSG);
	assert_int_equal(load(&f, "{\"kernel.pcp\": true, \"kernel.pcp\": false}"), -EBADMSG);
	end(&f);
}

static int check(struct fixture *f, uint64_t bytes, unsigned page_shift)
{
	return settings_check(&f->s, &f->meta, bytes, page_shift, &f->err);
}

static void test_basis(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(check(&f, 1ull << 30, 12), 0);
	assert_int_equal(check(&f, 1ull << 29, 12), -ENOTSUP);
	/* Larger base pages would cut through the program's areas, whatever the basis. */
	assert_int_equal(check(&f, 1ull << 31, 16), -ENOTSUP);
	assert_non_null(strstr(f.err.text, "64 KiB"));
	assert_int_equal(settings_set(&f.s, "thp.enabled", "madvise", &f.err), 0);
	assert_int_equal(check(&f, 1ull << 30, 12), -ENOTSUP);
	f.s.force = true;
	assert_int_equal(check(&f, 1ull << 20, 12), 0);
	f.s.force = false;
	f.meta.basis = MMR_BASIS_EXACT;
	assert_int_equal(check(&f, 1ull << 20, 12), 0);
	end(&f);
}

static void test_metadata(void **state)
{
	struct trace_meta meta;
	struct mmr_error err;

	(void)state;
	assert_int_equal(
		trace_meta_parse(
			&meta, "{\"basis\": \"exact\", \"a\": {\"b\": 3, \"c\": -1, \"d\": \"x\"}}",
			&err),
		0);
	assert_int_equal(meta.basis, MMR_BASIS_EXACT);
	assert_int_equal(trace_meta_u64(&meta, "a/b"), 3);
	assert_int_equal(trace_meta_u64(&meta, "a/c"), 0);
	assert_int_equal(trace_meta_u64(&meta, "a/d"), 0);
	assert_null(trace_meta_get(&meta, "a/b/c"));
	assert_null(trace_meta_get(&meta, "e"));
	trace_meta_finish(&meta);
	assert_int_equal(trace_meta_parse(&meta, "[1]", &err), -EINVAL);
	assert_int_equal(trace_meta_parse(&meta, "{}", &err), -EINVAL);
	assert_int_equal(trace_meta_parse(&meta, "{\"basis\": \"guess\"}", &err), -EINVAL);
	assert_non_null(strstr(err.text, "guess"));
}

/* The kernel computed the captured reserve for the captured memory; other machines compute theirs. */
static void test_captured_reserve_stays_with_its_machine(void **state)
{
	static const char *const other[] = {"machine.memory", "machine.nodes"};
	struct trace_meta meta;
	struct mmr_error err;
	struct settings s;

	(void)state;
	assert_int_equal(trace_meta_parse(&meta,
					  "{\"basis\": \"exact\", \"memory\": {\"sysctl\": "
					  "{\"vm.min_free_kbytes\": 67584}}}",
					  &err), 0);
	for (size_t i = 0; i <= ARRAY_SIZE(other); i++) {
		settings_init(&s);
		settings_captured(&s, &meta);
		if (i < ARRAY_SIZE(other))
			assert_int_equal(settings_set(&s, other[i], i ? "2" : "64M", &err), 0);
		settings_complete(&s);
		assert_int_equal(s.mm.min_free_kbytes, i < ARRAY_SIZE(other) ? 0 : 67584);
		settings_finish(&s);
	}
	settings_init(&s);
	settings_captured(&s, &meta);
	assert_int_equal(settings_set(&s, "machine.memory", "64M", &err), 0);
	assert_int_equal(settings_set(&s, "vm.min_free_kbytes", "67584", &err), 0);
	settings_complete(&s);
	assert_int_equal(s.mm.min_free_kbytes, 67584);
	settings_finish(&s);
	trace_meta_finish(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_reserve_stays_with_its_machine),
		cmocka_unit_test(test_captured), cmocka_unit_test(test_set),
		cmocka_unit_test(test_json),	 cmocka_unit_test(test_basis),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
