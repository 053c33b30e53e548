/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One row per system call. A call that failed changes nothing and becomes no event, except madvise
 * and mlock: they work page by page, and the event keeps what they returned where it has a field
 * for it.
 *
 * The node masks of mbind, set_mempolicy and migrate_pages lie in the program's memory: nodemask.h
 * reads them, and the caller adds them to the event. Left out: move_pages, whose arrays can be of any
 * length.
 */
#include "capture/syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "base/strbuf.h"

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

typedef bool to_event(const struct syscall_call *c, const struct syscall_map *map,
		      struct mmr_event *ev);

static bool failed(const struct syscall_call *c)
{
	return c->ret >= (uint64_t)-4095;
}

static bool ev_mmap(const struct syscall_call *c, const struct syscall_map *map,
		    struct mmr_event *ev)
{
	if (failed(c))
		return false;
	ev->kind = MMR_MMAP;
	ev->MMAP.addr = c->ret;
	ev->MMAP.len = c->args[1];
	ev->MMAP.prot = c->args[2];
	ev->MMAP.flags = c->args[3];
	ev->MMAP.file = map->file;
	ev->MMAP.offset = c->args[3] & MAP_ANONYMOUS ? 0 : c->args[5];
	return true;
}

static bool ev_munmap(const struct syscall_call *c, const struct syscall_map *map,
		      struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MUNMAP;
	ev->MUNMAP.addr = c->args[0];
	ev->MUNMAP.len = c->args[1];
	return !failed(c);
}

static bool ev_mremap(const struct syscall_call *c, const struct syscall_map *map,
		      struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MREMAP;
	ev->MREMAP.addr = c->args[0];
	ev->MREMAP.old_len = c->args[1];
	ev->MREMAP.new_len = c->args[2];
	ev->MREMAP.flags = c->args[3];
	ev->MREMAP.ret = c->ret;
	return !failed(c);
}

static bool ev_mprotect(const struct syscall_call *c, const struct syscall_map *map,
			struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MPROTECT;
	ev->MPROTECT.addr = c->args[0];
	ev->MPROTECT.len = c->args[1];
	ev->MPROTECT.prot = c->args[2];
	return !failed(c);
}

static bool ev_brk(const struct syscall_call *c, const struct syscall_map *map,
		   struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_BRK;
	ev->BRK.brk = c->ret;
	ev->BRK.start = 0; /* the decoder knows it */
	return true;
}

static bool ev_madvise(const struct syscall_call *c, const struct syscall_map *map,
		       struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MADVISE;
	ev->MADVISE.addr = c->args[0];
	ev->MADVISE.len = c->args[1];
	ev->MADVISE.advice = c->args[2];
	ev->MADVISE.ret = c->ret;
	return c->ret != (uint64_t)-EINVAL;
}

static bool lock_event(const struct syscall_call *c, uint64_t flags, uint64_t lock,
		       struct mmr_event *ev)
{
	ev->kind = MMR_MLOCK;
	ev->MLOCK.addr = c->args[0];
	ev->MLOCK.len = c->args[1];
	ev->MLOCK.flags = flags;
	ev->MLOCK.lock = lock;
	return !failed(c);
}

static bool ev_mlock(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	(void)map;
	return lock_event(c, 0, 1, ev);
}

static bool ev_mlock2(const struct syscall_call *c, const struct syscall_map *map,
		      struct mmr_event *ev)
{
	(void)map;
	return lock_event(c, c->args[2], 1, ev);
}

static bool ev_munlock(const struct syscall_call *c, const struct syscall_map *map,
		       struct mmr_event *ev)
{
	(void)map;
	return lock_event(c, 0, 0, ev);
}

static bool ev_mlockall(const struct syscall_call *c, const struct syscall_map *map,
			struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MLOCKALL;
	ev->MLOCKALL.flags = c->args[0];
	return !failed(c);
}

static bool ev_munlockall(const struct syscall_call *c, const struct syscall_map *map,
			  struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MLOCKALL;
	ev->MLOCKALL.flags = 0;
	return !failed(c);
}

static bool ev_mbind(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MBIND;
	ev->MBIND.addr = c->args[0];
	ev->MBIND.len = c->args[1];
	ev->MBIND.mode = c->args[2];
	ev->MBIND.flags = c->args[5];
	ev->MBIND.ret = c->ret;
	/* With MPOL_MF_MOVE and STRICT, EIO comes after the policy was set. */
	return !failed(c) || (int64_t)c->ret == -EIO;
}

static bool ev_home_node(const struct syscall_call *c, const struct syscall_map *map,
			 struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MBIND;
	ev->MBIND.addr = c->args[0];
	ev->MBIND.len = c->args[1];
	ev->MBIND.home = c->args[2] + 1;
	return !failed(c);
}

static bool ev_set_mempolicy(const struct syscall_call *c, const struct syscall_map *map,
			     struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_SET_MEMPOLICY;
	ev->SET_MEMPOLICY.mode = c->args[0];
	return !failed(c);
}

static bool ev_migrate_pages(const struct syscall_call *c, const struct syscall_map *map,
			     struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MIGRATE_PAGES;
	ev->MIGRATE_PAGES.pid = c->args[0];
	ev->MIGRATE_PAGES.ret = c->ret;
	return !failed(c);
}

static bool ev_msync(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_MSYNC;
	ev->MSYNC.addr = c->args[0];
	ev->MSYNC.len = c->args[1];
	ev->MSYNC.flags = c->args[2];
	return !failed(c);
}

static bool ev_shmat(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	if (failed(c))
		return false;
	ev->kind = MMR_SHMAT;
	ev->SHMAT.addr = c->ret;
	ev->SHMAT.len = map->len;
	ev->SHMAT.prot = PROT_READ | (c->args[2] & SHM_RDONLY ? 0 : PROT_WRITE) |
			 (c->args[2] & SHM_EXEC ? PROT_EXEC : 0);
	ev->SHMAT.file = map->file;
	return true;
}

static bool ev_shmdt(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	(void)map;
	ev->kind = MMR_SHMDT;
	ev->SHMDT.addr = c->args[0];
	return !failed(c);
}

static bool ev_prctl(const struct syscall_call *c, const struct syscall_map *map,
		     struct mmr_event *ev)
{
	(void)map;
	if (c->args[0] != PR_SET_THP_DISABLE && c->args[0] != PR_SET_VMA && c->args[0] != PR_SET_MM)
		return false;
	ev->kind = MMR_PRCTL;
	ev->PRCTL.option = c->args[0];
	ev->PRCTL.arg = c->args[1];
	return !failed(c);
}

static const struct {
	long nr;
	to_event *fn;
} rows[] = {
	{SYS_mmap, ev_mmap},
	{SYS_munmap, ev_munmap},
	{SYS_brk, ev_brk},
	{SYS_mremap, ev_mremap},
	{SYS_mprotect, ev_mprotect},
	{SYS_pkey_mprotect, ev_mprotect},
	{SYS_madvise, ev_madvise},
	{SYS_mlock, ev_mlock},
	{SYS_mlock2, ev_mlock2},
	{SYS_munlock, ev_munlock},
	{SYS_mlockall, ev_mlockall},
	{SYS_munlockall, ev_munlockall},
	{SYS_mbind, ev_mbind},
	{SYS_set_mempolicy_home_node, ev_home_node},
	{SYS_set_mempolicy, ev_set_mempolicy},
	{SYS_migrate_pages, ev_migrate_pages},
	{SYS_msync, ev_msync},
	{SYS_shmat, ev_shmat},
	{SYS_shmdt, ev_shmdt},
	{SYS_prctl, ev_prctl},
};

char *syscalls_filter(void)
{
	struct strbuf sb = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		strbuf_addf(&sb, "%sid == %ld", i ? " || " : "", rows[i].nr);
	return sb.s;
}

static to_event *find(long nr)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].nr == nr)
			return rows[i].fn;
	}
	return NULL;
}

bool syscalls_known(long nr)
{
	return find(nr) != NULL;
}

bool syscalls_maps(long nr)
{
	return nr == SYS_mmap || nr == SYS_shmat;
}

bool syscalls_unmaps(long nr)
{
	return nr == SYS_munmap;
}

bool syscalls_event(const struct syscall_call *call, const struct syscall_map *map,
		    struct mmr_event *ev)
{
	to_event *fn = find(call->nr);

	return fn && fn(call, map, ev);
}
