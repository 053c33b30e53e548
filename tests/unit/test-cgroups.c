/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory cgroups from settings: names, limits, who is in which; what a trace brings along. */
#include "support/test.h"

#include <errno.h>

#include "base/strbuf.h"
#include "mm/memcontrol.h"
#include "mm/memory.h"
#include "sim/settings.h"

#define MIB (1ull << 20)

static void put_text(void *ctx, const char *key, const char *value)
{
	strbuf_addf(ctx, "%s=%s ", key, value);
}

static void assert_specs(const struct settings *s, const char *want)
{
	struct strbuf text = {0};

	strbuf_addstr(&text, "");
	cgroup_specs_each(&s->cgroups, put_text, &text);
	assert_string_equal(text.s, want);
	strbuf_finish(&text);
}

static void set(struct settings *s, const char *key, const char *value)
{
	assert_int_equal(settings_set(s, key, value, NULL), 0);
}

static void groups_come_by_their_properties(void **state)
{
	struct settings s;

	(void)state;
	settings_init(&s);
	assert_false(cgroups_wanted(&s.memcg, &s.cgroups));
	set(&s, "memcg.group.db.max", "64M");
	set(&s, "memcg.group.db.log.low", "8M");
	set(&s, "memcg.group.db/log.processes", "redis*,4711");
	set(&s, "memcg.group.db.max", "max");
	set(&s, "memcg.group.db.swap_max", "0");
	assert_specs(&s, "memcg.group.db.swap_max=0 memcg.group.db/log.low=8M memcg.group.db/log.processes=redis*,4711 ");
	assert_true(cgroups_wanted(&s.memcg, &s.cgroups));
	assert_false(cgroups_limit(&s.memcg, &s.cgroups));
	set(&s, "memcg.group.db.high", "1M");
	assert_true(cgroups_limit(&s.memcg, &s.cgroups));
	settings_finish(&s);
}

static void groups_nest_in_a_file(void **state)
{
	const char *text = "{\"memcg\": {\"max\": \"32M\", \"group\": {\"a\": {\"processes\": [\"x\", 7], \"b\": {\"min\": 4096}}}}}";
	struct settings s;

	(void)state;
	settings_init(&s);
	assert_int_equal(settings_load_json(&s, text, strlen(text), NULL), 0);
	assert_specs(&s, "memcg.group.a.processes=x,7 memcg.group.a/b.min=4K ");
	assert_int_equal(s.memcg.all.max, 32 * MIB);
	settings_finish(&s);
}

static void bad_names_are_refused(void **state)
{
	struct settings s;

	(void)state;
	settings_init(&s);
	assert_int_equal(settings_set(&s, "memcg.group.db", "1", NULL), -ENOENT);
	assert_int_equal(settings_set(&s, "memcg.group.db.mx", "1", NULL), -ENOENT);
	assert_int_equal(settings_set(&s, "memcg.group..max", "1", NULL), -EINVAL);
	assert_int_equal(settings_set(&s, "memcg.group.a..b.max", "1", NULL), -EINVAL);
	assert_int_equal(settings_set(&s, "memcg.group.a*.max", "1", NULL), -EINVAL);
	assert_int_equal(settings_set(&s, "memcg.group.a.max", "x", NULL), -EINVAL);
	assert_int_equal(settings_set(&s, "memcg.group.a.swappiness", "201", NULL), -ERANGE);
	settings_finish(&s);
}

static void groups_are_made_with_their_limits(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	struct cgroups g;
	struct settings s;
	struct mem_cgroup *log;

	(void)state;
	settings_init(&s);
	set(&s, "memcg.max", "32M");
	set(&s, "memcg.swap_max", "16M");
	set(&s, "memcg.group.db/log.max", "4097");
	set(&s, "memcg.group.db/log.oom_group", "on");
	set(&s, "memcg.group.db/log.processes", "redis*, 4711");
	set(&s, "memcg.group.rest.processes", "*");
	assert_int_equal(cgroups_start(&g, &s.memcg, &s.cgroups, mem, NULL), 0);
	assert_string_equal(g.home->name, "trace");
	assert_int_equal(g.home->memory.max, 8192);
	assert_int_equal(g.home->swap.max, 4096);
	log = s.cgroups.all.data[0].memcg;
	assert_string_equal(log->name, "log");
	assert_string_equal(log->parent->name, "db");
	assert_ptr_equal(log->parent->parent, g.home);
	assert_int_equal(log->memory.max, 1);
	assert_true(log->oom_group);
	assert_int_equal(log->memory.high, PAGE_COUNTER_MAX);
	/* The first that fits, by name or id. */
	assert_ptr_equal(cgroups_match(&g, "redis-server", 1), log);
	assert_ptr_equal(cgroups_match(&g, NULL, 4711), log);
	assert_ptr_equal(cgroups_match(&g, "4711", 0), s.cgroups.all.data[1].memcg);
	assert_null(cgroups_match(&g, NULL, 5));
	settings_finish(&s);
	memory_destroy(mem);
}

static void without_keys_there_are_none(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	struct cgroups g;
	struct settings s;

	(void)state;
	settings_init(&s);
	assert_int_equal(cgroups_start(&g, &s.memcg, &s.cgroups, mem, NULL), 0);
	assert_null(g.home);
	assert_true(mem_cgroup_disabled(mem));
	assert_null(cgroups_match(&g, "x", 1));
	settings_finish(&s);
	memory_destroy(mem);
}

static void a_trace_brings_its_limits(void **state)
{
	const char *text = "{\"basis\": \"faults\", \"machine\": {\"memory_bytes\": 1073741824, \"arch\": \"x86_64\", "
			   "\"base_page_bytes\": 4096, \"cpus\": 1}, \"memory\": {\"cgroup\": {\"version\": 1, "
			   "\"limit_bytes\": 33554432, \"memory_and_swap_limit_bytes\": null, \"memory.swappiness\": 10}}}";
	struct trace_meta meta;
	struct settings s;

	(void)state;
	assert_int_equal(trace_meta_parse(&meta, text, NULL), 0);
	settings_init(&s);
	settings_captured(&s, &meta);
	assert_int_equal(s.memcg.version, MEMCG_V1);
	assert_int_equal(s.memcg.all.max, 33554432);
	assert_int_equal(s.memcg.all.swap_max, UINT64_MAX);
	assert_int_equal(s.memcg.all.swappiness, 10);
	/* As captured is no question that the trace could not answer; less is. */
	assert_int_equal(settings_check(&s, &meta, meta.memory_bytes, 12, NULL), 0);
	set(&s, "memcg.max", "16M");
	assert_int_equal(settings_check(&s, &meta, meta.memory_bytes, 12, NULL), -ENOTSUP);
	set(&s, "memcg.max", "64M");
	assert_int_equal(settings_check(&s, &meta, meta.memory_bytes, 12, NULL), 0);
	set(&s, "memcg.group.a.max", "1M");
	assert_int_equal(settings_check(&s, &meta, meta.memory_bytes, 12, NULL), -ENOTSUP);
	s.force = true;
	assert_int_equal(settings_check(&s, &meta, meta.memory_bytes, 12, NULL), 0);
	settings_finish(&s);
	trace_meta_finish(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_come_by_their_properties),
		cmocka_unit_test(groups_nest_in_a_file),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(groups_are_made_with_their_limits),
		cmocka_unit_test(without_keys_there_are_none),
		cmocka_unit_test(a_trace_brings_its_limits),
	};

	return cmocka_run_group_tests_name("cgroups", tests, NULL, NULL);
}
