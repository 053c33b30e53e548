/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `files`: how programs got at their files (copied by read and write, mapped, beside the page cache), what that made
 * the devices do, and what is in the page cache at the end. Null where the trace has no system calls on files.
 */
#include "mm/writeback.h"
#include "report/report.h"

const char *report_no_file_calls(const struct mmr_replay *r)
{
	return r->counts.file_calls ? NULL : "the trace has no system calls on files";
}

static uint64_t node_sum(const struct memory *mem, enum node_stat_item item)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		sum += mem->nodes[n] ? mem->nodes[n]->vm_stat[item] : 0;
	return sum;
}

/* Entries that evicted pages left behind, and pages in folios of more than one. */
static void put_cache(json_t *files, const struct memory *mem)
{
	uint64_t shadows = 0, large = 0, index, value;
	json_t *obj = j_object(files, "cache");
	const struct list_head *pos;

	list_for_each(pos, &mem->address_spaces) {
		const struct address_space *mapping = list_entry(pos, struct address_space, all);

		shadows += mapping->is_shmem ? 0 : mapping->exceptional.nr;
		for (index = 0; radix_next(&mapping->pages, index, &index, &value); index++)
			large += !!(pfn_to_page(mem, (pfn_t)(value - 1))->flags & (PG_HEAD | PG_TAIL));
	}
	j_u64(obj, "pages", node_sum(mem, NR_FILE_PAGES) - node_sum(mem, NR_SWAPCACHE));
	j_u64(obj, "shmem_pages", node_sum(mem, NR_SHMEM));
	j_u64(obj, "large_folio_pages", large);
	j_u64(obj, "dirty_pages", node_sum(mem, NR_FILE_DIRTY));
	j_u64(obj, "shadow_entries", shadows);
}

void report_files(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	const struct writeback *wb = mem->writeback;
	const char *reason = report_no_file_calls(rep->r);
	json_t *files;

	if (reason) {
		report_null(rep, rep->root, "files", "files", reason);
		return;
	}
	files = j_object(rep->root, "files");
	j_u64(files, "copied_read_bytes", wb->bytes_read);
	j_u64(files, "copied_written_bytes", wb->bytes_written);
	j_u64(files, "mapped_bytes", wb->bytes_mapped);
	j_u64(files, "spliced_bytes", wb->bytes_spliced);
	j_u64(files, "direct_read_bytes", wb->bytes_direct_read);
	j_u64(files, "direct_written_bytes", wb->bytes_direct_written);
	/* pgpgin and pgpgout know of swap too. */
	j_u64(files, "device_read_bytes", (mem->vm_event[PGPGIN] << 10) - (mem->vm_event[PSWPIN] << mem->geo->page_shift));
	j_u64(files, "device_written_bytes",
	      (mem->vm_event[PGPGOUT] << 10) - (mem->vm_event[PSWPOUT] << mem->geo->page_shift));
	put_cache(files, mem);
}
