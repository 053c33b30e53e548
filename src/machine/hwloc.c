/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading hwloc's XML: see hwloc.h. libhwloc trusts a file that it can parse: one with an object that lacks its
 * sets ends the process. So it runs in a child, which hands the topology back through a pipe.
 */
#include "machine/hwloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/file.h"
#include "base/xalloc.h"

bool hwloc_is_export(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, ".xml");
}

void machine_export_finish(struct machine_export *m)
{
	topology_finish(&m->topology);
	free(m->arch);
	free(m->cpu_vendor);
	*m = (struct machine_export){0};
}

#ifdef HAVE_HWLOC

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hwloc.h>
#include <hwloc/distances.h>

/* ---- what libhwloc need not see ---- */

#define MAX_DEPTH	64		/* of nested elements */
#define MAX_INDEX	65535		/* of a CPU or node */
#define MAX_DISTANCES	1024		/* objects of one matrix */

/* Numbers that libhwloc would reserve memory by, wherever they stand. */
static int check_number(const char *text, size_t len, const char *attribute, uint64_t max,
			const char *where, struct mmr_error *err)
{
	const char *at = text, *end = text + len;
	size_t nr = strlen(attribute);

	while ((at = memmem(at, (size_t)(end - at), attribute, nr))) {
		uint64_t value;

		at += nr;
		value = strtoull(at, NULL, 0);
		if (value > max || *at == '-')
			return err_set(err, -EINVAL, "%s: byte %zu: %.*s is not 0 to %" PRIu64, where,
				       (size_t)(at - text), (int)nr - 2, attribute, max);
	}
	return 0;
}

/* Elements in elements: libhwloc descends without a limit. */
static int check_depth(const char *text, size_t len, const char *where, struct mmr_error *err)
{
	unsigned depth = 0;

	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] == '<' && text[i + 1] == '/')
			depth -= depth > 0;
		else if (text[i] == '<' && text[i + 1] != '!' && text[i + 1] != '?')
			depth++;
		else if (text[i] == '/' && text[i + 1] == '>')
			depth -= depth > 0;
		if (depth > MAX_DEPTH)
			return err_set(err, -EINVAL, "%s: byte %zu: more than %d elements in one another",
				       where, i, MAX_DEPTH);
	}
	return 0;
}

static int check_text(const char *text, size_t len, const char *where, struct mmr_error *err)
{
	int rc;

	if (memchr(text, '\0', len))
		return err_set(err, -EINVAL, "%s: not a text", where);
	if (memmem(text, len, "<!ENTITY", 8))
		return err_set(err, -EINVAL, "%s: defines entities, which no export does", where);
	if (!memmem(text, len, "<topology", 9))
		return err_set(err, -EINVAL, "%s: not an export of hwloc (no element 'topology')", where);
	rc = check_depth(text, len, where, err);
	if (!rc)
		rc = check_number(text, len, "os_index=\"", MAX_INDEX, where, err);
	if (!rc)
		rc = check_number(text, len, "nbobjs=\"", MAX_DISTANCES, where, err);
	return rc;
}

/* ---- from libhwloc's tree ---- */

struct import {
	hwloc_topology_t topo;
	const char *where;
	struct mmr_error *err;
	struct machine_export *m;
	unsigned nr_nodes, nr_cpus;
	hwloc_obj_t node[MACHINE_MAX_NODES];	/* by number */
	hwloc_obj_t cpu[MACHINE_MAX_CPUS];
};

static int compare_objects(const void *a, const void *b)
{
	const hwloc_obj_t *x = a, *y = b;

	if ((*x)->os_index != (*y)->os_index)
		return (*x)->os_index < (*y)->os_index ? -1 : 1;
	return (*x)->logical_index < (*y)->logical_index ? -1 : 1;
}

/* All objects of a type in order of their numbers. */
static int list_objects(struct import *in, hwloc_obj_type_t type, const char *name, unsigned max,
			hwloc_obj_t *ret, unsigned *ret_nr)
{
	int nr = hwloc_get_nbobjs_by_type(in->topo, type);

	if (nr < 1 || (unsigned)nr > max)
		return err_set(in->err, -EINVAL, "%s: %d %s, not 1 to %u", in->where, nr, name, max);
	for (int i = 0; i < nr; i++)
		ret[i] = hwloc_get_obj_by_type(in->topo, type, (unsigned)i);
	/* no ties: logical indices of one type differ */
	qsort(ret, (size_t)nr, sizeof(*ret), compare_objects);
	for (int i = 1; i < nr; i++)
		if (ret[i]->os_index == ret[i - 1]->os_index)
			return err_set(in->err, -EINVAL, "%s: two %s with number %u", in->where, name,
				       ret[i]->os_index);
	*ret_nr = (unsigned)nr;
	return 0;
}

/* Memory of another kind than the CPUs' own. */
static bool is_special(hwloc_obj_t node)
{
	return node->subtype && strcmp(node->subtype, "DRAM") != 0;
}

/* The node that a CPU belongs to, -1: none is near. */
static int home_node(const struct import *in, hwloc_obj_t cpu)
{
	int best = -1, best_weight = 0;

	for (unsigned pass = 0; pass < 2 && best < 0; pass++)
		for (unsigned n = 0; n < in->nr_nodes; n++) {
			hwloc_obj_t node = in->node[n];
			int weight = hwloc_bitmap_weight(node->cpuset);

			if (is_special(node) != pass ||
			    !hwloc_bitmap_isincluded(cpu->cpuset, node->cpuset))
				continue;
			if (best < 0 || weight < best_weight) {
				best = (int)n;
				best_weight = weight;
			}
		}
	return best;
}

static int import_cpus(struct import *in)
{
	for (unsigned i = 0; i < in->nr_cpus; i++) {
		int n = home_node(in, in->cpu[i]);

		if (n < 0)
			return err_set(in->err, -EINVAL, "%s: CPU %u is on no node", in->where,
				       in->cpu[i]->os_index);
		in->m->topology.cpu_node[i] = (uint16_t)n;
	}
	return 0;
}

static int import_memory(struct import *in)
{
	for (unsigned n = 0; n < in->nr_nodes; n++) {
		const struct hwloc_numanode_attr_s *a = &in->node[n]->attr->numanode;

		if (a->local_memory > MACHINE_MAX_BYTES)
			return err_set(in->err, -EINVAL, "%s: node %u has %" PRIu64 " bytes of memory",
				       in->where, in->node[n]->os_index, (uint64_t)a->local_memory);
		in->m->topology.node_bytes[n] = a->local_memory;
		for (unsigned i = 0; i < a->page_types_len; i++) {
			uint64_t size = a->page_types[i].size, *base = &in->m->base_page_bytes;

			if (size && (!*base || size < *base))
				*base = size;
		}
	}
	return 0;
}

static unsigned index_of(const struct import *in, hwloc_obj_t node)
{
	for (unsigned n = 0; n < in->nr_nodes; n++)
		if (in->node[n] == node)
			return n;
	return MACHINE_MAX_NODES;
}

/* One distance, scaled so that a node is 10 from itself. */
static int import_distance(struct import *in, const struct hwloc_distances_s *d, unsigned i, unsigned j)
{
	unsigned from = index_of(in, d->objs[i]), to = index_of(in, d->objs[j]), nr = in->nr_nodes;
	uint64_t self = d->values[i * d->nbobjs + i], value = d->values[i * d->nbobjs + j];

	if (from >= nr || to >= nr)
		return 0;
	if (!self || self > UINT32_MAX || value > UINT32_MAX)
		return err_set(in->err, -EINVAL, "%s: distance %" PRIu64 " of node %u to itself",
			       in->where, self, in->node[from]->os_index);
	in->m->topology.distance[from * nr + to] =
		(uint32_t)((value * LOCAL_DISTANCE + self / 2) / self);
	return 0;
}

/* Latencies between nodes: what the kernel says before what somebody measured. */
static int import_distances(struct import *in)
{
	struct hwloc_distances_s *d[8];
	unsigned nr = 8, best = 8;
	int rc = 0;

	if (hwloc_distances_get_by_type(in->topo, HWLOC_OBJ_NUMANODE, &nr, d, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0))
		return 0;
	nr = nr < 8 ? nr : 8;
	for (unsigned i = 0; i < nr; i++)
		if (best == 8 || (d[i]->kind & HWLOC_DISTANCES_KIND_FROM_OS &&
				  !(d[best]->kind & HWLOC_DISTANCES_KIND_FROM_OS)))
			best = i;
	if (best < nr)
		for (unsigned i = 0; !rc && i < d[best]->nbobjs * d[best]->nbobjs; i++)
			rc = import_distance(in, d[best], i / d[best]->nbobjs, i % d[best]->nbobjs);
	for (unsigned i = 0; i < nr; i++)
		hwloc_distances_release(in->topo, d[i]);
	return rc;
}

static char *root_info(struct import *in, const char *name)
{
	hwloc_obj_t root = hwloc_get_root_obj(in->topo);
	const char *value = hwloc_obj_get_info_by_name(root, name);

	/* The CPU's data stand with the first package. */
	for (int i = 0; !value && i < hwloc_get_nbobjs_by_type(in->topo, HWLOC_OBJ_PACKAGE); i++)
		value = hwloc_obj_get_info_by_name(
			hwloc_get_obj_by_type(in->topo, HWLOC_OBJ_PACKAGE, (unsigned)i), name);
	return value ? xstrdup(value) : NULL;
}

static int import_tree(struct import *in)
{
	int rc = list_objects(in, HWLOC_OBJ_NUMANODE, "nodes", MACHINE_MAX_NODES, in->node, &in->nr_nodes);

	if (!rc)
		rc = list_objects(in, HWLOC_OBJ_PU, "CPUs", MACHINE_MAX_CPUS, in->cpu, &in->nr_cpus);
	if (rc)
		return rc;
	topology_init(&in->m->topology, in->nr_nodes, in->nr_cpus, 0);
	rc = import_cpus(in);
	if (!rc)
		rc = import_memory(in);
	if (!rc)
		rc = import_distances(in);
	if (!rc)
		rc = topology_validate(&in->m->topology, in->err);
	if (rc == -EINVAL && in->err && strncmp(in->err->text, in->where, strlen(in->where)))
		err_prefix(in->err, rc, "%s", in->where);
	in->m->arch = root_info(in, "Architecture");
	in->m->cpu_vendor = root_info(in, "CPUVendor");
	return rc;
}

/* libhwloc at work. The error has its place already. */
static int parse_here(const char *text, size_t len, const char *where, struct machine_export *m,
		      struct mmr_error *err)
{
	struct import in = { .where = where, .err = err, .m = m };
	char *copy = xmalloc(len + 1);
	int rc;

	/* It wants the final NUL, and writes into the text while it reads. */
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (hwloc_topology_init(&in.topo))
		rc = err_set(err, -ENOMEM, "%s: libhwloc does not start", where);
	else if (hwloc_topology_set_xmlbuffer(in.topo, copy, (int)len + 1) ||
		 hwloc_topology_set_flags(in.topo, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) ||
		 hwloc_topology_load(in.topo))
		rc = err_set(err, -EINVAL, "%s: libhwloc cannot read it", where);
	else
		rc = import_tree(&in);
	if (in.topo)
		hwloc_topology_destroy(in.topo);
	free(copy);
	return rc;
}

/* ---- in a child ---- */

#define CPU_SECONDS 20

/* What comes back, before node_bytes, distance and cpu_node. Texts are empty where there is none. */
struct answer {
	int rc;
	unsigned nr_nodes, nr_cpus;
	uint64_t base_page_bytes;
	char arch[64], cpu_vendor[64];
	struct mmr_error err;
};

static bool write_all(int fd, const void *data, size_t len)
{
	for (const char *at = data; len;) {
		ssize_t nr = write(fd, at, len);

		if (nr <= 0)
			return false;
		at += nr;
		len -= (size_t)nr;
	}
	return true;
}

static bool read_all(int fd, void *data, size_t len)
{
	for (char *at = data; len;) {
		ssize_t nr = read(fd, at, len);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr <= 0)
			return false;
		at += nr;
		len -= (size_t)nr;
	}
	return true;
}

static _Noreturn void child(int fd, const char *text, size_t len, const char *where)
{
	struct machine_export m = {0};
	struct answer a;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	memset(&a, 0, sizeof(a));
	a.rc = parse_here(text, len, where, &m, &a.err);
	a.nr_nodes = m.topology.nr_nodes;
	a.nr_cpus = m.topology.nr_cpus;
	a.base_page_bytes = m.base_page_bytes;
	snprintf(a.arch, sizeof(a.arch), "%s", m.arch ? m.arch : "");
	snprintf(a.cpu_vendor, sizeof(a.cpu_vendor), "%s", m.cpu_vendor ? m.cpu_vendor : "");
	if (write_all(fd, &a, sizeof(a)) && !a.rc &&
	    write_all(fd, m.topology.node_bytes, a.nr_nodes * sizeof(uint64_t)) &&
	    write_all(fd, m.topology.distance, (size_t)a.nr_nodes * a.nr_nodes * sizeof(uint32_t)))
		write_all(fd, m.topology.cpu_node, a.nr_cpus * sizeof(uint16_t));
	_exit(0);
}

/* False: it did not come whole. */
static bool read_answer(int fd, struct answer *a, struct machine_export *m)
{
	struct topology *t = &m->topology;

	if (!read_all(fd, a, sizeof(*a)))
		return false;
	if (a->rc)
		return true;
	topology_init(t, a->nr_nodes, a->nr_cpus, 0);
	m->base_page_bytes = a->base_page_bytes;
	m->arch = *a->arch ? xstrdup(a->arch) : NULL;
	m->cpu_vendor = *a->cpu_vendor ? xstrdup(a->cpu_vendor) : NULL;
	return read_all(fd, t->node_bytes, t->nr_nodes * sizeof(uint64_t)) &&
	       read_all(fd, t->distance, (size_t)t->nr_nodes * t->nr_nodes * sizeof(uint32_t)) &&
	       read_all(fd, t->cpu_node, t->nr_cpus * sizeof(uint16_t));
}

int hwloc_parse(const char *text, size_t len, const char *where, struct machine_export *ret,
		struct mmr_error *err)
{
	struct machine_export m = {0};
	struct answer a = {0};
	int fd[2], rc = check_text(text, len, where, err);
	bool whole;
	pid_t pid;

	if (rc)
		return rc;
	if (pipe2(fd, O_CLOEXEC))
		return err_set(err, -errno, "%s: no pipe: %s", where, strerror(errno));
	pid = fork();
	if (pid == 0)
		child(fd[1], text, len, where);
	rc = pid < 0 ? err_set(err, -errno, "%s: no process: %s", where, strerror(errno)) : 0;
	close(fd[1]);
	whole = !rc && read_answer(fd[0], &a, &m);
	close(fd[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!rc && !whole)
		rc = err_set(err, -EINVAL, "%s: libhwloc fails on it", where);
	else if (!rc && a.rc)
		rc = err_set(err, a.rc, "%s", a.err.text);
	if (rc)
		machine_export_finish(&m);
	else
		*ret = m;
	return rc;
}

#else

int hwloc_parse(const char *text, size_t len, const char *where, struct machine_export *ret,
		struct mmr_error *err)
{
	(void)text;
	(void)len;
	(void)ret;
	return err_set(err, -ENOSYS, "%s: this build of mmreplay was made without libhwloc", where);
}

#endif

int hwloc_load(const char *path, struct machine_export *ret, struct mmr_error *err)
{
	char *text;
	size_t len;
	int rc = file_read_all(path, HWLOC_MAX_BYTES, &text, &len, err);

	if (rc)
		return rc;
	rc = hwloc_parse(text, len, path, ret, err);
	free(text);
	return rc;
}
