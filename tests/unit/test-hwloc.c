/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Topologies out of hwloc's XML: what is taken over, and what is refused. */
#include "support/test.h"

#include <errno.h>

#include "base/strbuf.h"
#include "machine/hwloc.h"

/* A piece of XML between what every export has. */
static int parse(const char *body, struct machine_export *ret, struct mmr_error *err)
{
	struct strbuf sb = {0};
	int rc;

	strbuf_addf(&sb, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n<topology version=\"2.0\">\n%s</topology>\n",
		    body);
	rc = hwloc_parse(sb.s, sb.len, "t.xml", ret, err);
	strbuf_finish(&sb);
	return rc;
}

#define SETS(cpus, nodes) "cpuset=\"" cpus "\" complete_cpuset=\"" cpus "\" nodeset=\"" nodes \
	"\" complete_nodeset=\"" nodes "\" "
#define MACHINE(cpus, nodes) "<object type=\"Machine\" os_index=\"0\" " SETS(cpus, nodes) \
	"allowed_cpuset=\"" cpus "\" allowed_nodeset=\"" nodes "\" gp_index=\"1\">\n"
#define NODE(n, more, cpus, nodes, bytes) "<object type=\"NUMANode\" os_index=\"" n "\" " more \
	SETS(cpus, nodes) "gp_index=\"1" n "\" local_memory=\"" bytes \
	"\"><page_type size=\"4096\" count=\"1\"/><page_type size=\"2097152\" count=\"0\"/></object>\n"
#define PU(n, cpus, nodes) "<object type=\"PU\" os_index=\"" n "\" " SETS(cpus, nodes) \
	"gp_index=\"2" n "\"/>\n"
#define END "</object>\n"
#define DISTANCES(length, values) "<distances2 type=\"NUMANode\" nbobjs=\"2\" kind=\"5\" " \
	"name=\"NUMALatency\" indexing=\"os\">\n<indexes length=\"4\">0 7 </indexes>\n" \
	"<u64values length=\"" length "\">" values "</u64values>\n</distances2>\n"

/* Two packages; the first's node has number 7. */
#define TWO_NODES MACHINE("0x0000000f", "0x00000081") \
	"<object type=\"Package\" os_index=\"0\" " SETS("0x00000003", "0x00000080") "gp_index=\"3\">\n" \
	"<info name=\"CPUVendor\" value=\"AuthenticAMD\"/>\n" \
	NODE("7", "", "0x00000003", "0x00000080", "2147483648") \
	PU("0", "0x00000001", "0x00000080") PU("1", "0x00000002", "0x00000080") END \
	"<object type=\"Package\" os_index=\"1\" " SETS("0x0000000c", "0x00000001") "gp_index=\"4\">\n" \
	NODE("0", "", "0x0000000c", "0x00000001", "1073741824") \
	PU("2", "0x00000004", "0x00000001") PU("3", "0x00000008", "0x00000001") END

static void nodes_cpus_and_distances_are_taken_over(void **state)
{
	struct machine_export m;
	struct mmr_error err = {.text = ""};

	(void)state;
	if (parse(TWO_NODES END
		  DISTANCES("12", "10 21 22 10 "), &m, &err))
		fail_msg("%s", err.text);
	assert_int_equal(m.topology.nr_nodes, 2);
	assert_int_equal(m.topology.nr_cpus, 4);
	assert_int_equal(m.topology.node_bytes[0], 1ull << 30);
	assert_int_equal(m.topology.node_bytes[1], 2ull << 30);
	assert_int_equal(m.topology.cpu_node[0], 1);
	assert_int_equal(m.topology.cpu_node[1], 1);
	assert_int_equal(m.topology.cpu_node[2], 0);
	assert_int_equal(m.topology.cpu_node[3], 0);
	assert_int_equal(m.topology.distance[0], 10);
	assert_int_equal(m.topology.distance[1], 21);
	assert_int_equal(m.topology.distance[2], 22);
	assert_int_equal(m.base_page_bytes, 4096);
	assert_string_equal(m.cpu_vendor, "AuthenticAMD");
	machine_export_finish(&m);
}

static void distances_are_scaled_or_assumed(void **state)
{
	struct machine_export m;

	(void)state;
	assert_int_equal(parse(TWO_NODES END DISTANCES("13", "90 150 152 91"), &m, NULL), 0);
	assert_int_equal(m.topology.distance[0], 10);
	assert_int_equal(m.topology.distance[1], 17);	/* 150 / 9 = 16.7 */
	assert_int_equal(m.topology.distance[3], 10);
	machine_export_finish(&m);
	assert_int_equal(parse(TWO_NODES END, &m, NULL), 0);
	assert_int_equal(m.topology.distance[1], 20);
	machine_export_finish(&m);
}

/* Beside the CPUs' own memory: what is as near but later in number, and what is marked. */
static void memory_only_nodes_get_no_cpus(void **state)
{
	static const char *const bodies[] = {
		NODE("0", "", "0x00000003", "0x00000001", "1073741824")
		NODE("1", "", "0x00000003", "0x00000002", "4294967296"),
		NODE("0", "subtype=\"CXL-DRAM\" ", "0x00000003", "0x00000001", "4294967296")
		NODE("1", "subtype=\"DRAM\" ", "0x00000003", "0x00000002", "1073741824"),
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct machine_export m;
		struct strbuf sb = {0};

		strbuf_addf(&sb, "%s%s%s", MACHINE("0x00000003", "0x00000003"), bodies[i],
			    PU("0", "0x00000001", "0x00000003") PU("1", "0x00000002", "0x00000003") END);
		assert_int_equal(parse(sb.s, &m, NULL), 0);
		assert_int_equal(m.topology.nr_nodes, 2);
		assert_int_equal(m.topology.cpu_node[0], i);
		assert_int_equal(m.topology.cpu_node[1], i);
		machine_export_finish(&m);
		strbuf_finish(&sb);
	}
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *body, *word;
	} bad[] = {
		{ "", "cannot read" },
		{ "<object type=\"Machine\">", "cannot read" },
		{ MACHINE("0x1", "0x1") END, "cannot read" },
		{ MACHINE("0x1", "0x1") NODE("4000000000", "", "0x1", "0x1", "1") END, "os_index" },
		{ MACHINE("0x1", "0x1") NODE("-1", "", "0x1", "0x1", "1") END, "os_index" },
		{ "<!ENTITY a \"b\">", "entities" },
		{ MACHINE("0x00000003", "0x00000001") NODE("0", "", "0x00000003", "0x00000001", "99999999999999")
		  PU("0", "0x00000001", "0x00000001") PU("1", "0x00000002", "0x00000001") END, "bytes of memory" },
		{ MACHINE("0x00000003", "0x00000001") NODE("0", "", "0x00000003", "0x00000001", "4096")
		  PU("0", "0x00000001", "0x00000001") PU("1", "0x00000002", "0x00000001") END, "less than" },
		{ TWO_NODES END DISTANCES("13", "10 255 255 10"), "255" },
		{ TWO_NODES END DISTANCES("10", "0 20 20 0 "), "to itself" },
		{ TWO_NODES END DISTANCES("10", "10 5 5 10 "), "not 11 to 254" },
	};
	struct machine_export m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mmr_error err = {.text = ""};

		assert_int_equal(parse(bad[i].body, &m, &err), -EINVAL);
		if (!strstr(err.text, bad[i].word) || strncmp(err.text, "t.xml", 5))
			fail_msg("%u: '%s' does not say '%s'", (unsigned)i, err.text, bad[i].word);
	}
	assert_int_equal(hwloc_parse("{}", 2, "t.xml", &m, NULL), -EINVAL);
	assert_int_equal(hwloc_parse("<topology\0>", 11, "t.xml", &m, NULL), -EINVAL);
	assert_int_equal(hwloc_load("/nonexistent.xml", &m, NULL), -ENOENT);
}

/* Deep nesting would take libhwloc's stack. */
static void bombs_are_refused(void **state)
{
	struct strbuf sb = {0};
	struct machine_export m;
	struct mmr_error err = {.text = ""};

	(void)state;
	for (unsigned i = 0; i < 200000; i++)
		strbuf_addstr(&sb, "<object type=\"Group\">");
	assert_int_equal(parse(sb.s, &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "in one another"));
	strbuf_finish(&sb);
	assert_int_equal(parse("<distances2 nbobjs=\"100000000\" />", &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nbobjs"));
}

static void names_are_told_apart(void **state)
{
	(void)state;
	assert_true(hwloc_is_export("box.xml"));
	assert_true(hwloc_is_export("/a/b.xml"));
	assert_false(hwloc_is_export(".xml"));
	assert_false(hwloc_is_export("box.json"));
	assert_false(hwloc_is_export("amd-zen4"));
}

/* Without libhwloc there is nothing to test but that it says so. */
static int has_hwloc(void)
{
	struct machine_export m;

	return hwloc_parse("", 0, "", &m, NULL) != -ENOSYS;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_cpus_and_distances_are_taken_over),
		cmocka_unit_test(distances_are_scaled_or_assumed),
		cmocka_unit_test(memory_only_nodes_get_no_cpus),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(names_are_told_apart),
	};

	setenv("HWLOC_HIDE_ERRORS", "2", 1);
	if (!has_hwloc())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
