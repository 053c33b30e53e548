/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Sums of a tracepoint in a BPF map. See memcg-events.h.
 *
 * The tracepoint numbers its items as enum vm_event_item does, which depends on how the kernel was built; /proc/vmstat
 * shows them in that order, from pgpgin on.
 */
#include "capture/memcg-events.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/bpf.h"
#include "capture/host.h"

#define MAX_SUMS 65536 /* groups times items */

enum { STATE_SEED, STATE_GROUP, NR_STATES };

struct sum_key {
	uint64_t group, item;
};

/* The stack, from its top down. */
#define KEY	(-16) /* struct sum_key */
#define VALUE	(-24) /* also an index into the states */
#define IDS	(-32) /* struct bpf_pidns_info */

/* ---- the program ---- */

/* r0 = address of state[i] */
static void lookup_state(struct bpf_code *c, int state_fd, int i)
{
	bpf_ins(c, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, VALUE, i);
	bpf_map(c, BPF_REG_1, state_fd);
	bpf_stack(c, BPF_REG_2, VALUE);
	bpf_call(c, BPF_FUNC_map_lookup_elem);
}

/* state[GROUP] = the event's group, where the process itself counts and none is known yet. */
static void learn_group(struct bpf_code *c, int state_fd)
{
	struct stat st = {0};
	unsigned gone, known, other, seedless, unseen;

	lookup_state(c, state_fd, STATE_GROUP);
	gone = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	bpf_move(c, BPF_REG_9, BPF_REG_0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_9, 0, 0);
	known = bpf_jump(c, BPF_JNE, BPF_REG_1, 0);
	stat("/proc/self/ns/pid", &st);
	bpf_imm64(c, BPF_REG_1, 0, (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
	bpf_imm64(c, BPF_REG_2, 0, st.st_ino);
	bpf_stack(c, BPF_REG_3, IDS);
	bpf_set(c, BPF_REG_4, 8);
	bpf_call(c, BPF_FUNC_get_ns_current_pid_tgid);
	unseen = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
	lookup_state(c, state_fd, STATE_SEED);
	seedless = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_0, 0, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_10, IDS + 4, 0);
	bpf_ins(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	other = c->nr - 1;
	bpf_get(c, BPF_REG_1, KEY);
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_9, BPF_REG_1, 0, 0);
	bpf_land(c, gone);
	bpf_land(c, known);
	bpf_land(c, unseen);
	bpf_land(c, seedless);
	bpf_land(c, other);
}

static void build(struct bpf_code *c, const struct memcg_events *m, const struct tp_format *fmt)
{
	const struct tp_field *id = tp_field(fmt, "id"), *item = tp_field(fmt, "item"), *val = tp_field(fmt, "val");
	unsigned found, lost;

	bpf_move(c, BPF_REG_6, BPF_REG_1);
	for (int at = IDS; at < 0; at += 8)
		bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6, id->offset, 0);
	bpf_put(c, KEY, BPF_REG_1);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_6, item->offset, 0);
	bpf_put(c, KEY + 8, BPF_REG_1);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_6, val->offset, 0);
	learn_group(c, m->state_fd);
	/* The first of its kind makes the sum, which another CPU may do at the same time. */
	for (int pass = 0; pass < 2; pass++) {
		bpf_map(c, BPF_REG_1, m->sums_fd);
		bpf_stack(c, BPF_REG_2, KEY);
		bpf_call(c, BPF_FUNC_map_lookup_elem);
		if (pass)
			break;
		found = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
		bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, VALUE, 0);
		bpf_map(c, BPF_REG_1, m->sums_fd);
		bpf_stack(c, BPF_REG_2, KEY);
		bpf_stack(c, BPF_REG_3, VALUE);
		bpf_set(c, BPF_REG_4, BPF_NOEXIST);
		bpf_call(c, BPF_FUNC_map_update_elem);
	}
	lost = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	bpf_land(c, found);
	bpf_ins(c, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_7, 0, BPF_ADD);
	bpf_land(c, lost);
	/* 1: who else records the tracepoint gets its samples all the same. */
	bpf_set(c, BPF_REG_0, 1);
	bpf_ins(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- opening ---- */

static int attach(struct memcg_events *m, const struct tp_format *fmt, struct mmr_error *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1, .config = fmt->id};
	struct bpf_code code = {.nr = 0};

	build(&code, m, fmt);
	m->prog_fd = bpf_load(&code, BPF_PROG_TYPE_TRACEPOINT);
	if (m->prog_fd < 0)
		return err_set(err, m->prog_fd, "bpf: %s (CAP_BPF, CAP_PERFMON)", strerror(-m->prog_fd));
	m->event_fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (m->event_fd < 0 || ioctl(m->event_fd, PERF_EVENT_IOC_SET_BPF, m->prog_fd) < 0) {
		int ret = -errno;

		return err_set(err, ret, "bpf on memcg:count_memcg_events: %s", strerror(-ret));
	}
	return 0;
}

int memcg_events_open(struct memcg_events *m, const struct tracefs *fs, struct mmr_error *err)
{
	struct tp_format fmt;
	int ret;

	*m = (struct memcg_events){.sums_fd = -1, .state_fd = -1, .prog_fd = -1, .event_fd = -1};
	ret = tp_load(fs, "memcg", "count_memcg_events", &fmt, err);
	if (ret)
		return ret;
	if (!tp_field(&fmt, "id") || tp_field(&fmt, "id")->size != 8 || !tp_field(&fmt, "item") || !tp_field(&fmt, "val") ||
	    tp_field(&fmt, "val")->size != 8)
		return err_set(err, -ENOENT, "memcg:count_memcg_events has other fields in this kernel");
	m->open = true;
	m->sums_fd = bpf_map_create(BPF_MAP_TYPE_HASH, sizeof(struct sum_key), 8, MAX_SUMS);
	m->state_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, 8, NR_STATES);
	if (m->sums_fd < 0 || m->state_fd < 0) {
		ret = m->sums_fd < 0 ? m->sums_fd : m->state_fd;
		err_set(err, ret, "bpf: %s (CAP_BPF, CAP_PERFMON, Linux 5.8)", strerror(-ret));
	} else {
		ret = attach(m, &fmt, err);
	}
	if (ret)
		memcg_events_close(m);
	return ret;
}

static void put_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void memcg_events_close(struct memcg_events *m)
{
	if (!m->open)
		return;
	put_fd(&m->event_fd);
	put_fd(&m->prog_fd);
	put_fd(&m->sums_fd);
	put_fd(&m->state_fd);
	m->open = false;
}

void memcg_events_follow(struct memcg_events *m, pid_t pid)
{
	uint32_t key = STATE_SEED;
	uint64_t value = (uint64_t)pid;

	if (m->open)
		bpf_map_set(m->state_fd, &key, &value);
}

/* ---- the sums ---- */

/* The names of the items, one behind the other in `vmstat`, which is cut up. */
static void item_names(struct strbuf *vmstat, const char *const **ret, size_t *ret_nr)
{
	VEC(const char *) names = {0};
	char *save = NULL;

	for (char *line = vmstat->len ? strtok_r(vmstat->s, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " ")] = '\0';
		if (names.nr || !strcmp(line, "pgpgin"))
			*vec_push(&names) = line;
	}
	*ret = names.data;
	*ret_nr = names.nr;
}

void memcg_events_text(const struct memcg_events *m, struct strbuf *sb)
{
	uint32_t state = STATE_GROUP;
	struct sum_key key;
	struct strbuf vmstat = {0};
	const char *const *names;
	size_t nr;

	if (!m->open || bpf_map_get(m->state_fd, &state, &key.group) || !key.group)
		return;
	host_read_file("/proc/vmstat", &vmstat);
	item_names(&vmstat, &names, &nr);
	for (key.item = 0; key.item < nr; key.item++) {
		uint64_t sum;

		if (bpf_map_get(m->sums_fd, &key, &sum) == 0)
			strbuf_addf(sb, "events.%s %" PRIu64 "\n", names[key.item], sum);
	}
	free((void *)names);
	strbuf_finish(&vmstat);
}
