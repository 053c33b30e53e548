/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* /proc/swaps, /proc/pressure/memory. Kernel counterpart: mm/swapfile.c (swap_show), kernel/sched/psi.c (psi_show). */
#include <inttypes.h>

#include "mm/psi.h"
#include "mm/swapfile.h"
#include "report/procfs.h"
#include "report/report.h"

static bool is_file(const struct swap_info_struct *si)
{
	return si->kind == SWAP_FILE || si->kind == SWAP_DISK_FILE;
}

/* The path that such an area would have; the column is 40 wide. */
static void put_area_name(struct procfs *p, const struct swap_info_struct *si)
{
	size_t from = p->text.len, len;

	if (si->kind == SWAP_ZRAM)
		strbuf_addf(&p->text, "/dev/zram%u", si->type);
	else if (is_file(si))
		strbuf_addf(&p->text, "/swapfile%u", si->type);
	else
		strbuf_addf(&p->text, "/dev/%s%u", si->kind == SWAP_DISK ? "sda" : "nvme0n1p", si->type + 1);
	len = p->text.len - from;
	strbuf_addf(&p->text, "%*s", (int)(len < 40 ? 40 - len : 1), " ");
}

static void put_size(struct procfs *p, uint64_t pages)
{
	uint64_t kb = procfs_kb(p->mem, pages);

	strbuf_addf(&p->text, "\t%" PRIu64 "%s", kb, kb < 10000000 ? "\t" : "");
}

void procfs_swaps(struct procfs *p)
{
	const struct swap_system *sys = p->mem->swap;

	strbuf_addstr(&p->text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (unsigned i = 0; sys && i < sys->nr_info; i++) {
		put_area_name(p, sys->info[i]);
		strbuf_addstr(&p->text, is_file(sys->info[i]) ? "file\t" : "partition");
		put_size(p, sys->info[i]->pages);
		put_size(p, sys->info[i]->inuse_pages);
		strbuf_addf(&p->text, "\t%d\n", sys->info[i]->prio);
	}
	procfs_done(p, "proc/swaps");
}

static void put_share(struct procfs *p, const char *name, const unsigned avg[3], uint64_t total_ns)
{
	static const unsigned windows[] = {10, 60, 300};

	strbuf_addstr(&p->text, name);
	for (unsigned i = 0; i < 3; i++)
		strbuf_addf(&p->text, " avg%u=%u.%02u", windows[i], avg[i] / 100, avg[i] % 100);
	strbuf_addf(&p->text, " total=%" PRIu64 "\n", total_ns / 1000);
}

void procfs_put_pressure(struct procfs *p, const struct psi_group *group)
{
	struct psi_averages avg = psi_averages(p->mem, group);

	put_share(p, "some", avg.some, group->some_ns);
	put_share(p, "full", avg.full, group->full_ns);
}

void procfs_pressure(struct procfs *p)
{
	const char *reason = report_no_recency(p->r);

	p->file = "proc/pressure/memory";
	if (reason) {
		procfs_unknown(p, "some", reason);
		procfs_unknown(p, "full", reason);
	}
	procfs_put_pressure(p, &p->mem->psi);
	procfs_done(p, "proc/pressure/memory");
}
