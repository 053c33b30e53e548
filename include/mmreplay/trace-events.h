/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Every event kind that a trace can hold, in one list.
 *
 *	MMR_EVENTS(EV, F)
 *	EV(NUMBER, NAME, "name", "meaning", F(field, ENC, "unit and meaning") ...)
 *
 * The list is the single source of the enum, of the field names that `mmreplay dump` prints, of the
 * columns that the codec writes and of the table in mmreplay-trace(5). Numbers are for ever: a kind
 * that goes out of use keeps its number, a new field is added at the end of its row only.
 *
 * Every field is an unsigned 64-bit integer. Its encoding says how it is stored in a block:
 *	ADDR	an address: the granule as the difference to the nearest of the task's last ADDR granules; offset
 *		in the granule and tag bits apart
 *	DELTA	the difference to the nearest of the last values of this field in events of this task
 *	UINT	as it is
 * An event may also carry up to MMR_DATA_MAX bytes of data: a path, a name, text.
 *
 * Addresses are byte addresses, lengths are bytes, times are nanoseconds of the trace's clock, unless
 * the field says otherwise. A system call's event stands where the call returned; `ret` is what it
 * returned (a negative errno is stored as its two's complement).
 */
#ifndef MMREPLAY_TRACE_EVENTS_H
#define MMREPLAY_TRACE_EVENTS_H

#define MMR_EVENTS(EV, F) \
/* 1-15: the trace itself */ \
EV(1, RUNS, "runs", "page runs of one task follow here in the order of their first access", \
	F(nr, UINT, "number of runs")) \
EV(2, LOST, "lost", "events were lost here", \
	F(nr, UINT, "events lost, 0 when the number is not known") \
	F(source, UINT, "enum mmr_source") \
	F(bytes, UINT, "bytes lost, 0 when not known")) \
EV(3, COUNTERS, "counters", "counters of the kernel; the data is text, one `name value` a line", \
	F(scope, UINT, "enum mmr_scope: whose counters") \
	F(when, UINT, "enum mmr_when: start, end, interval, exec, exit")) \
EV(4, PMU_COUNT, "pmu_count", "reading of a hardware or software counter; the data is its name", \
	F(event, UINT, "index of the event in the metadata") \
	F(value, DELTA, "count") \
	F(enabled, DELTA, "ns enabled") \
	F(running, DELTA, "ns running")) \
EV(5, MARK, "mark", "a marker of the program or of the user; the data is its text", \
	F(id, UINT, "number of the marker")) \
EV(6, CPU_ONLINE, "cpu_online", "a CPU came or went", \
	F(cpu, UINT, "number of the CPU") \
	F(online, UINT, "1 online, 0 offline")) \
EV(7, THROTTLE, "throttle", "the kernel stopped or resumed sampling", \
	F(on, UINT, "1 throttled, 0 resumed")) \
/* 16-31: life of tasks */ \
EV(16, TASK, "task", "a task that exists when the trace begins, or that the capture first hears of", \
	F(tid, UINT, "thread id in the kernel") \
	F(pid, UINT, "process id in the kernel") \
	F(ppid, UINT, "process id of the parent") \
	F(mm, UINT, "task id of the task whose address space it shares; its own id when it has one; 0 none: a kernel thread")) \
EV(17, FORK, "fork", "fork, vfork, clone; the event's task is the parent", \
	F(child, UINT, "task id of the child") \
	F(tid, UINT, "thread id of the child in the kernel") \
	F(pid, UINT, "process id of the child in the kernel") \
	F(flags, UINT, "CLONE_* flags; CLONE_VM shares the address space")) \
EV(18, EXEC, "exec", "execve succeeded: a new, empty address space; the data is the path", \
	F(arg_start, ADDR, "start of the argument and environment strings, 0 unknown") \
	F(arg_end, ADDR, "end of those strings (top of the used stack)") \
	F(stack, ADDR, "initial stack pointer, 0 unknown")) \
EV(19, EXIT, "exit", "a task ended", \
	F(code, UINT, "status as wait(2) reports it")) \
EV(20, SWITCH, "switch", "from here on the event's task runs on the event's CPU", \
	F(prev, UINT, "task id that ran before, 0 idle or not traced")) \
EV(21, COMM, "comm", "a task was named; the data is the name", \
	F(exec, UINT, "1 when execve named it")) \
EV(22, RLIMIT, "rlimit", "a resource limit that concerns memory", \
	F(resource, UINT, "RLIMIT_* number") \
	F(cur, UINT, "soft limit") \
	F(max, UINT, "hard limit")) \
EV(23, SIGNAL, "signal", "a signal was delivered to a handler", \
	F(signo, UINT, "number of the signal") \
	F(frame, ADDR, "address of the signal frame, 0 unknown")) \
EV(24, SYSCALL, "syscall", "any other system call, where the capture records them", \
	F(nr, UINT, "number of the call") \
	F(ret, UINT, "what it returned")) \
/* 32-63: address space */ \
EV(32, FILE, "file", "identity of a file; the data is its path", \
	F(file, UINT, "file id, used by all other events") \
	F(dev, UINT, "device number") \
	F(ino, UINT, "inode number") \
	F(generation, UINT, "generation of the inode") \
	F(size, UINT, "size in bytes") \
	F(type, UINT, "enum mmr_file_type")) \
EV(33, FILE_CACHE, "file_cache", "pages of a file that are in the page cache", \
	F(file, UINT, "file id") \
	F(index, DELTA, "first page, in granules of 4 KiB") \
	F(nr, UINT, "pages, in granules of 4 KiB") \
	F(order, UINT, "log2 of the granules in each folio, counted from index; 255 unknown") \
	F(flags, UINT, "MMR_CACHE_* bits")) \
EV(34, BUILD_ID, "build_id", "build id of a file, in the data", \
	F(file, UINT, "file id")) \
EV(35, VMA, "vma", "a memory area as it is now; replaces whatever lay there; the data is its name", \
	F(addr, ADDR, "start") \
	F(len, UINT, "length") \
	F(prot, UINT, "PROT_* bits") \
	F(flags, UINT, "MAP_* bits, and MMR_VMA_* bits") \
	F(file, UINT, "file id, 0 for none") \
	F(offset, UINT, "offset in the file, in bytes")) \
EV(36, MMAP, "mmap", "mmap", \
	F(addr, ADDR, "address given back") \
	F(len, UINT, "length asked for") \
	F(prot, UINT, "PROT_* bits") \
	F(flags, UINT, "MAP_* bits") \
	F(file, UINT, "file id, 0 for none") \
	F(offset, UINT, "offset in the file, in bytes")) \
EV(37, MUNMAP, "munmap", "munmap", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length")) \
EV(38, MREMAP, "mremap", "mremap", \
	F(addr, ADDR, "old address") \
	F(old_len, UINT, "old length") \
	F(new_len, UINT, "new length") \
	F(flags, UINT, "MREMAP_* bits") \
	F(ret, ADDR, "new address")) \
EV(39, MPROTECT, "mprotect", "mprotect, pkey_mprotect", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(prot, UINT, "PROT_* bits")) \
EV(40, BRK, "brk", "the end of the heap moved", \
	F(brk, ADDR, "new end of the heap") \
	F(start, ADDR, "start of the heap, 0 unknown")) \
EV(41, MADVISE, "madvise", "madvise", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(advice, UINT, "MADV_* number") \
	F(ret, UINT, "what it returned")) \
EV(42, MLOCK, "mlock", "mlock, mlock2, munlock", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(flags, UINT, "MLOCK_ONFAULT bit") \
	F(lock, UINT, "1 lock, 0 unlock")) \
EV(43, MLOCKALL, "mlockall", "mlockall, munlockall", \
	F(flags, UINT, "MCL_* bits, 0 for munlockall")) \
EV(44, MBIND, "mbind", "mbind, set_mempolicy_home_node; the data is the node mask, little endian", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(mode, UINT, "MPOL_* mode and mode flags") \
	F(flags, UINT, "MPOL_MF_* bits") \
	F(ret, UINT, "what it returned") \
	F(home, UINT, "node + 1 of set_mempolicy_home_node, which has no mode; 0 mbind")) \
EV(45, SET_MEMPOLICY, "set_mempolicy", "set_mempolicy; the data is the node mask, little endian", \
	F(mode, UINT, "MPOL_* mode and mode flags") \
	F(existing, UINT, "1 the policy was there when the capture began")) \
EV(46, MIGRATE_PAGES, "migrate_pages", "migrate_pages; the data is both node masks, little endian", \
	F(pid, UINT, "process id, 0 its own") \
	F(ret, UINT, "what it returned: pages that could not be moved")) \
EV(47, MSYNC, "msync", "msync", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(flags, UINT, "MS_* bits")) \
EV(48, SHMAT, "shmat", "shmat", \
	F(addr, ADDR, "address given back") \
	F(len, UINT, "length") \
	F(prot, UINT, "PROT_* bits") \
	F(file, UINT, "file id of the segment")) \
EV(49, SHMDT, "shmdt", "shmdt", \
	F(addr, ADDR, "address")) \
EV(50, STACK, "stack", "the stack area was made or grew", \
	F(addr, ADDR, "start now") \
	F(end, ADDR, "end") \
	F(limit, UINT, "RLIMIT_STACK")) \
EV(51, RESIDENT, "resident", "pages that are mapped now, when a capture attaches or after exec", \
	F(addr, ADDR, "address of the first page") \
	F(nr, UINT, "pages, in granules of 4 KiB") \
	F(flags, UINT, "MMR_RES_* bits") \
	F(pfn, DELTA, "frame of the first page, 0 unknown")) \
EV(52, PRCTL, "prctl", "prctl calls that concern memory (THP disable, VMA names)", \
	F(option, UINT, "PR_* number") \
	F(arg, UINT, "argument")) \
EV(53, MOVE_PAGES, "move_pages", "move_pages: pages one behind the other that were to go to one node", \
	F(pid, UINT, "process id, 0 its own") \
	F(addr, ADDR, "address of the first page") \
	F(nr, UINT, "pages, in granules of 4 KiB") \
	F(node, UINT, "node") \
	F(flags, UINT, "MPOL_MF_* bits")) \
EV(54, CPUSET, "cpuset", "the nodes that the task's cpuset allows; the data is the node mask, little endian", \
	F(existing, UINT, "1 it was so when the capture began")) \
/* 64-79: touches */ \
EV(64, FAULT, "fault", "a page fault that the kernel handled: a certain touch", \
	F(addr, ADDR, "address that faulted") \
	F(flags, UINT, "MMR_FAULT_* bits") \
	F(pfn, DELTA, "frame mapped afterwards in base pages, 0 unknown") \
	F(ip, DELTA, "instruction pointer, 0 unknown")) \
EV(65, SAMPLE, "sample", "one sampled access", \
	F(addr, ADDR, "address of the data") \
	F(flags, UINT, "MMR_FAULT_* bits") \
	F(ip, DELTA, "instruction pointer, 0 unknown") \
	F(weight, UINT, "latency in cycles, 0 unknown") \
	F(data_src, UINT, "union perf_mem_data_src, 0 unknown") \
	F(phys, DELTA, "physical address, 0 unknown") \
	F(page_shift, UINT, "log2 of the page size, 0 unknown") \
	F(event, UINT, "index of the event in the metadata") \
	F(period, UINT, "events this sample stands for")) \
EV(66, KTOUCH, "ktouch", "the kernel copied to or from user memory: a touch of every page of the range", \
	F(addr, ADDR, "address") \
	F(len, UINT, "length") \
	F(write, UINT, "1 the kernel wrote to the program's memory, 0 it read")) \
/* 80-95: file input and output */ \
EV(80, OPEN, "open", "a file was opened", \
	F(file, UINT, "file id") \
	F(flags, UINT, "O_* bits") \
	F(open, UINT, "id of the open file, the same for all descriptors that share it; 0 unknown")) \
EV(81, CLOSE, "close", "a file was closed: the last descriptor of the open file went", \
	F(file, UINT, "file id") \
	F(open, UINT, "id of the open file, the same for all descriptors that share it; 0 unknown")) \
EV(82, READ, "read", "read from a file through the page cache or past it (O_DIRECT)", \
	F(file, UINT, "file id") \
	F(offset, UINT, "offset in bytes") \
	F(len, UINT, "bytes read") \
	F(addr, ADDR, "address of the buffer, 0 none (sendfile, splice)") \
	F(flags, UINT, "MMR_IO_* bits") \
	F(open, UINT, "id of the open file, the same for all descriptors that share it; 0 unknown")) \
EV(83, WRITE, "write", "written to a file through the page cache or past it (O_DIRECT)", \
	F(file, UINT, "file id") \
	F(offset, UINT, "offset in bytes") \
	F(len, UINT, "bytes written") \
	F(addr, ADDR, "address of the buffer, 0 none (sendfile, splice)") \
	F(flags, UINT, "MMR_IO_* bits") \
	F(open, UINT, "id of the open file, the same for all descriptors that share it; 0 unknown")) \
EV(84, FSYNC, "fsync", "fsync, fdatasync, sync_file_range, syncfs, sync", \
	F(file, UINT, "file id, 0 all files") \
	F(offset, UINT, "offset in bytes") \
	F(len, UINT, "bytes, 0 for all") \
	F(flags, UINT, "MMR_SYNC_* bits")) \
EV(85, FADVISE, "fadvise", "posix_fadvise, readahead", \
	F(file, UINT, "file id") \
	F(offset, UINT, "offset in bytes") \
	F(len, UINT, "bytes") \
	F(advice, UINT, "POSIX_FADV_* number, MMR_FADV_READAHEAD") \
	F(open, UINT, "id of the open file, the same for all descriptors that share it; 0 unknown")) \
EV(86, TRUNCATE, "truncate", "truncate, ftruncate, fallocate", \
	F(file, UINT, "file id") \
	F(size, UINT, "new size in bytes") \
	F(hole, UINT, "bytes punched out before size, 0 for none; of fallocate: the bytes before size that it is about") \
	F(mode, UINT, "of fallocate: its FALLOC_FL_* bits + 1; 0 another call")) \
EV(87, FILLED, "filled", "the kernel added pages of a file to the page cache (filemap tracepoint)", \
	F(file, UINT, "file id") \
	F(index, DELTA, "page, in granules of 4 KiB") \
	F(order, UINT, "log2 of the granules") \
	F(pfn, DELTA, "frame")) \
EV(88, DROPPED, "dropped", "the kernel removed pages of a file from the page cache", \
	F(file, UINT, "file id") \
	F(index, DELTA, "page, in granules of 4 KiB") \
	F(order, UINT, "log2 of the granules") \
	F(pfn, DELTA, "frame")) \
/* 96-111: kernel memory */ \
EV(96, PAGE_ALLOC, "page_alloc", "the kernel allocated pages", \
	F(pfn, DELTA, "first frame in base pages") \
	F(order, UINT, "log2 of the pages") \
	F(gfp, UINT, "GFP flags as the traced kernel numbers them") \
	F(migratetype, UINT, "migrate type as the traced kernel numbers them")) \
EV(97, PAGE_FREE, "page_free", "the kernel freed pages", \
	F(pfn, DELTA, "first frame in base pages") \
	F(order, UINT, "log2 of the pages") \
	F(batched, UINT, "1 from a batch")) \
EV(98, KMALLOC, "kmalloc", "kmalloc", \
	F(ptr, DELTA, "address") \
	F(req, UINT, "bytes asked for") \
	F(alloc, UINT, "bytes given") \
	F(gfp, UINT, "GFP flags") \
	F(node, UINT, "node + 1, 0 any") \
	F(call, DELTA, "call site")) \
EV(99, KFREE, "kfree", "kfree", \
	F(ptr, DELTA, "address") \
	F(call, DELTA, "call site")) \
EV(100, CACHE_ALLOC, "cache_alloc", "kmem_cache_alloc; the data is the cache's name when first seen", \
	F(ptr, DELTA, "address") \
	F(cache, UINT, "id of the cache") \
	F(req, UINT, "bytes asked for") \
	F(alloc, UINT, "bytes given") \
	F(gfp, UINT, "GFP flags") \
	F(node, UINT, "node + 1, 0 any")) \
EV(101, CACHE_FREE, "cache_free", "kmem_cache_free", \
	F(ptr, DELTA, "address") \
	F(cache, UINT, "id of the cache")) \
EV(102, VMALLOC, "vmalloc", "vmalloc", \
	F(addr, DELTA, "address") \
	F(len, UINT, "bytes") \
	F(gfp, UINT, "GFP flags")) \
EV(103, VFREE, "vfree", "vfree", \
	F(addr, DELTA, "address")) \
EV(104, DMA, "dma", "a device moved data by physical address", \
	F(device, UINT, "id of the device") \
	F(addr, DELTA, "physical address, or virtual when bit 0 of flags is set") \
	F(len, UINT, "bytes") \
	F(flags, UINT, "bit 0 virtual address of the task, bit 1 to memory")) \
EV(105, FRAMES, "frames", "what frames are when the trace begins", \
	F(pfn, DELTA, "first frame in base pages") \
	F(nr, UINT, "frames") \
	F(use, UINT, "enum mmr_frames")) \
EV(106, DMA_ALLOC, "dma_alloc", "memory that a device and the CPU share (dma_alloc_coherent)", \
	F(device, UINT, "id of the device") \
	F(addr, DELTA, "physical address, whole pages: names it until it is freed") \
	F(len, UINT, "bytes")) \
EV(107, DMA_FREE, "dma_free", "such memory was given back", \
	F(device, UINT, "id of the device") \
	F(addr, DELTA, "physical address")) \
/* 112-127: allocator of the program */ \
EV(112, MALLOC, "malloc", "the program's allocator gave out memory", \
	F(addr, ADDR, "address") \
	F(len, UINT, "bytes")) \
EV(113, FREE, "free", "the program's allocator took memory back", \
	F(addr, ADDR, "address"))

#endif
