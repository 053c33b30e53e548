/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which machine comes out of settings and a trace's words; tasks and their processes on it. */
#include "support/test.h"

#include <errno.h>

#include "base/strbuf.h"
#include "mm/fork.h"
#include "sim/system.h"
#include "sim/tasks.h"

static const char two_nodes[] =
	"{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpu_vendor\": \"AuthenticAMD\", \"cpus\": 4,"
	" \"memory_bytes\": 402653184, \"virtual_address_bits\": 48, \"nodes\": ["
	"{\"cpus\": \"0,2\", \"distance\": \"10 32\", \"memory_bytes\": 268435456},"
	"{\"cpus\": \"1,3\", \"distance\": \"32 10\", \"memory_bytes\": 134217728}]}}";

static struct system *make(struct settings *s, const char *text)
{
	struct trace_meta meta;
	struct mmr_error err = {.text = ""};
	struct system *sys = NULL;

	assert_int_equal(trace_meta_parse(&meta, text, &err), 0);
	if (system_create(&sys, s, &meta, &err))
		print_message("%s\n", err.text);
	trace_meta_finish(&meta);
	return sys;
}

static void test_captured(void **state)
{
	struct settings s;
	struct system *sys;

	(void)state;
	settings_init(&s);
	sys = make(&s, two_nodes);
	assert_non_null(sys);
	assert_string_equal(sys->profile->name, "amd-zen4");
	assert_int_equal(sys->geo->nr_levels,
			 4); /* the captured kernel's, not the profile's five */
	assert_int_equal(sys->topology.nr_nodes, 2);
	assert_int_equal(sys->topology.cpu_node[0], 0);
	assert_int_equal(sys->topology.cpu_node[1], 1);
	assert_int_equal(sys->topology.cpu_node[2], 0);
	assert_int_equal(sys->topology.distance[1], 32);
	assert_int_equal(sys->topology.node_bytes[1], 134217728);
	assert_true(system_consistent(sys, NULL));
	system_destroy(sys);
	settings_finish(&s);
}

static void test_chosen(void **state)
{
	struct settings s;
	struct system *sys;

	(void)state;
	settings_init(&s);
	settings_set(&s, "machine.nodes", "4", NULL);
	settings_set(&s, "machine.remote_distance", "40", NULL);
	sys = make(&s, two_nodes);
	assert_int_equal(sys->topology.nr_nodes, 4);
	assert_int_equal(sys->topology.nr_cpus, 4);
	assert_int_equal(topology_bytes(&sys->topology), 402653184);
	assert_int_equal(sys->topology.distance[3], 40);
	system_destroy(sys);
	settings_set(&s, "machine.memory", "128M", NULL);
	sys = make(&s, two_nodes);
	assert_int_equal(topology_bytes(&sys->topology), 128 << 20);
	system_destroy(sys);
	settings_finish(&s);
}

/* Memory without CPUs (CXL) as capture writes it down: an empty list of CPUs. */
static void test_memory_only_node(void **state)
{
	static const char text[] =
		"{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 2,"
		" \"memory_bytes\": 402653184, \"nodes\": ["
		"{\"node\": 0, \"cpus\": \"0-1\", \"distance\": \"10 17\", \"memory_bytes\": 134217728},"
		"{\"node\": 2, \"cpus\": \"\", \"distance\": \"17 10\", \"memory_bytes\": 268435456}]}}";
	struct settings s;
	struct system *sys;

	(void)state;
	settings_init(&s);
	sys = make(&s, text);
	assert_non_null(sys);
	assert_string_equal(sys->topology_source, "trace");
	assert_int_equal(sys->topology.cpu_node[0], 0);
	assert_int_equal(sys->topology.cpu_node[1], 0);
	assert_int_equal(sys->topology.distance[1], 17);
	assert_true(sys->mem->nodes[0]->has_cpu);
	assert_false(sys->mem->nodes[1]->has_cpu);
	assert_true(sys->mem->nodes[1]->has_memory);
	system_destroy(sys);
	settings_finish(&s);
}

/* What no 32-bit machine can have is not asked of it: the profile says how much it has. */
static void test_32_bits(void **state)
{
	static const char text[] =
		"{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 2,"
		" \"memory_bytes\": 25769803776}}";
	struct settings s;
	struct system *sys;

	(void)state;
	settings_init(&s);
	settings_set(&s, "machine", "x86-32", NULL);
	sys = make(&s, text);
	assert_non_null(sys);
	assert_string_equal(sys->topology_source, "profile");
	assert_int_equal(topology_bytes(&sys->topology), 2ull << 30);
	assert_non_null(sys->mem->highmem);
	system_destroy(sys);
	/* 24 GiB are within reach of PAE. */
	settings_set(&s, "machine", "x86-32-pae", NULL);
	sys = make(&s, text);
	assert_non_null(sys);
	assert_string_equal(sys->topology_source, "trace");
	system_destroy(sys);
	settings_finish(&s);
}

/* What the metadata of a capture says of the kernel's zones. */
static void test_zone_settings(void **state)
{
	static const char text[] =
		"{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 1, \"memory_bytes\": 1073741824},"
		" \"kernel\": {\"boot_options\": [\"movablecore=256M\", \"kernelcore=50%\", \"numa=off\"]},"
		" \"memory\": {\"sysctl\": {\"vm.lowmem_reserve_ratio\": \"64\\t128\\t16\\t1\\t0\","
		" \"vm.zone_reclaim_mode\": 1, \"vm.watermark_boost_factor\": 0}}}";
	struct trace_meta meta;
	struct settings s;

	(void)state;
	settings_init(&s);
	assert_int_equal(trace_meta_parse(&meta, text, NULL), 0);
	settings_captured(&s, &meta);
	assert_int_equal(s.mm.movablecore_bytes, 256 << 20);
	assert_int_equal(s.mm.kernelcore_bytes, 1073741824 / 100 * 50);
	assert_int_equal(s.mm.lowmem_reserve_ratio[ZONE_DMA], 64);
	assert_int_equal(s.mm.lowmem_reserve_ratio[ZONE_NORMAL], 16);
	assert_int_equal(s.mm.lowmem_reserve_ratio[ZONE_HIGHMEM], 0);
	assert_int_equal(s.mm.lowmem_reserve_ratio[ZONE_MOVABLE], 1);
	assert_int_equal(s.mm.zone_reclaim_mode, 1);
	assert_int_equal(s.mm.watermark_boost_factor, 0);
	trace_meta_finish(&meta);
	settings_finish(&s);
}

static void test_refused(void **state)
{
	struct settings s;

	(void)state;
	settings_init(&s);
	settings_set(&s, "machine", "no-such-machine", NULL);
	assert_null(make(&s, two_nodes));
	settings_set(&s, "machine", "test", NULL);
	settings_set(&s, "machine.memory", "4K", NULL);
	assert_null(make(&s, two_nodes));
	settings_finish(&s);
}

/* What the trace says makes no sense: the profile's machine stands in. */
static void test_hostile(void **state)
{
	static const char *const texts[] = {
		"{\"basis\": \"exact\", \"machine\": {\"cpus\": 100000, \"memory_bytes\": 1073741824}}",
		"{\"basis\": \"exact\", \"machine\": {\"cpus\": 2, \"memory_bytes\": 1}}",
		"{\"basis\": \"exact\", \"machine\": {\"cpus\": 2, \"memory_bytes\": 9223372036854775807}}",
		"{\"basis\": \"exact\", \"machine\": 7}",
	};
	struct settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct system *sys;

		settings_init(&s);
		settings_set(&s, "machine", "test", NULL);
		sys = make(&s, texts[i]);
		assert_non_null(sys);
		assert_int_equal(sys->topology.nr_cpus, sys->profile->topology.nr_cpus);
		system_destroy(sys);
		settings_finish(&s);
	}
}

static void test_tasks(void **state)
{
	struct settings s;
	struct system *sys;
	struct tasks t;
	struct sim_task *leader, *thread;
	struct task_request req = {.id = 1, .tid = 10, .pid = 10, .process = NO_PROCESS};

	(void)state;
	settings_init(&s);
	settings_set(&s, "machine", "test", NULL);
	sys = make(&s, two_nodes);
	tasks_init(&t, sys->mem);
	req.mm = mm_alloc(sys->mem);
	leader = tasks_add(&t, &req);
	mmget(req.mm);
	req = (struct task_request){
		.id = 2, .tid = 11, .pid = 10, .process = leader->process, .mm = req.mm};
	thread = tasks_add(&t, &req);
	leader->task->min_flt = 5;
	thread->task->min_flt = 7;
	thread->task->maj_flt = 1;
	assert_int_equal(t.processes.nr, 1);
	assert_int_equal(tasks_faults(&t, 0).min_flt, 12);
	tasks_exit(&t, leader);
	assert_null(tasks_find(&t, 1));
	assert_ptr_equal(tasks_find(&t, 2), thread);
	assert_false(t.processes.data[0].exited);
	assert_int_equal(tasks_faults(&t, 0).min_flt, 12);
	tasks_exit(&t, thread);
	assert_true(t.processes.data[0].exited);
	assert_true(t.processes.data[0].last.known);
	assert_int_equal(tasks_faults(&t, 0).maj_flt, 1);
	assert_true(list_empty(&sys->mem->mms));
	tasks_finish(&t);
	system_destroy(sys);
	settings_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured), cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_memory_only_node), cmocka_unit_test(test_32_bits),
		cmocka_unit_test(test_zone_settings),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
