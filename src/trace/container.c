/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Frames of a trace file, see container.h. A frame is checked before a number in it is used: first the
 * size, then the hash, then the limits.
 */
#include <errno.h>
#include <inttypes.h>

#ifdef HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "base/err.h"
#include "trace/container.h"
#include "trace/format.h"

enum {
	AT_SIZE = 4, AT_SIGNATURE = 8, AT_TYPE = 16, AT_VERSION = 18, AT_FIXED = 20, AT_INCOMPAT = 24,
	AT_COMPAT = 28, AT_HASH = 32, AT_NUMBERS = 40,
};

uint64_t trace_hash(const void *p, size_t size)
{
	return XXH3_64bits(p, size);
}

static void put_numbers(uint8_t *p, const uint64_t *numbers, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		put_le64(p + 8 * i, numbers[i]);
}

static void get_numbers(const uint8_t *p, uint64_t *numbers, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		numbers[i] = get_le64(p + 8 * i);
}

size_t trace_frame_put(uint8_t *buf, unsigned type, const struct trace_head *head, const void *variable)
{
	size_t size = TRACE_FRAME_FIXED + head->variable_bytes;
	uint64_t numbers[TRACE_HEAD_NUMBERS];

	put_le32(buf, TRACE_FRAME_MAGIC);
	put_le32(buf + AT_SIZE, (uint32_t)(size - 8));
	memcpy(buf + AT_SIGNATURE, TRACE_SIGNATURE, 8);
	put_le16(buf + AT_TYPE, (uint16_t)type);
	put_le16(buf + AT_VERSION, TRACE_VERSION);
	put_le32(buf + AT_FIXED, TRACE_FRAME_FIXED);
	put_le32(buf + AT_INCOMPAT, 0);
	put_le32(buf + AT_COMPAT, 0);
	put_le64(buf + AT_HASH, 0);
	memcpy(numbers, head, sizeof(numbers));
	put_numbers(buf + AT_NUMBERS, numbers, TRACE_HEAD_NUMBERS);
	if (head->variable_bytes)
		memcpy(buf + TRACE_FRAME_FIXED, variable, head->variable_bytes);
	put_le64(buf + AT_HASH, trace_hash(buf, size));
	return size;
}

int trace_frame_probe(const uint8_t *p)
{
	return trace_frame_probe_part(p, TRACE_PROBE_BYTES);
}

int trace_frame_probe_part(const uint8_t *p, size_t size)
{
	uint8_t magic[4];

	put_le32(magic, TRACE_FRAME_MAGIC);
	if (memcmp(p, magic, size < 4 ? size : 4))
		return 0;
	return size <= AT_SIGNATURE || !memcmp(p + AT_SIGNATURE, TRACE_SIGNATURE, size - AT_SIGNATURE);
}

size_t trace_frame_size(const uint8_t *p)
{
	size_t size = (size_t)get_le32(p + AT_SIZE) + 8;

	if (size < AT_NUMBERS || size > TRACE_HEADER_BYTES + TRACE_METADATA_BYTES)
		return 0;
	return size;
}

/* The limits of what a good hash vouches for: a hostile file has good hashes too. */
static int check_limits(const struct trace_head *h, unsigned type, size_t room, struct mmr_error *err)
{
	if (h->variable_bytes != room)
		return err_set(err, -EBADMSG, "frame's variable part has %zu bytes, not %" PRIu64, room,
			       h->variable_bytes);
	if (type != TRACE_BLOCK)
		return h->payload_bytes ? err_set(err, -EBADMSG, "columns where no block is") : 0;
	if (h->column_bytes > TRACE_COLUMN_BYTES || h->payload_bytes > TRACE_PAYLOAD_BYTES)
		return err_set(err, -EBADMSG, "block of %" PRIu64 " bytes, of %d allowed",
			       h->column_bytes, TRACE_COLUMN_BYTES);
	if (h->here.events > TRACE_BLOCK_EVENTS || h->here.runs > TRACE_BLOCK_RUNS)
		return err_set(err, -EBADMSG, "block of %" PRIu64 " events and %" PRIu64 " runs is over the limit",
			       h->here.events, h->here.runs);
	if (!h->time_unit_ns)
		return err_set(err, -EBADMSG, "block with a time unit of 0");
	return 0;
}

int trace_frame_check(uint8_t *p, size_t size, unsigned *ret_type, struct trace_head *ret_head,
		      const uint8_t **ret_variable, struct mmr_error *err)
{
	uint64_t numbers[TRACE_HEAD_NUMBERS] = {0}, hash = get_le64(p + AT_HASH), found;
	unsigned type = get_le16(p + AT_TYPE);
	size_t fixed = get_le32(p + AT_FIXED);

	put_le64(p + AT_HASH, 0);
	found = trace_hash(p, size);
	put_le64(p + AT_HASH, hash);
	if (found != hash)
		return err_set(err, -EBADMSG, "damaged frame header: its checksum is wrong");
	if (get_le16(p + AT_VERSION) != TRACE_VERSION)
		return err_set(err, -EPROTONOSUPPORT, "trace format version %u, this program reads %d",
			       get_le16(p + AT_VERSION), TRACE_VERSION);
	if (get_le32(p + AT_INCOMPAT))
		return err_set(err, -EPROTONOSUPPORT, "trace needs features 0x%x, unknown to this program",
			       get_le32(p + AT_INCOMPAT));
	*ret_type = type;
	*ret_variable = p + size;
	if (type < TRACE_BLOCK || type > TRACE_END) {
		memset(ret_head, 0, sizeof(*ret_head));
		return 0;
	}
	if (fixed < TRACE_FRAME_FIXED || fixed > TRACE_HEADER_BYTES || fixed > size)
		return err_set(err, -EBADMSG, "frame header of %zu bytes", fixed);
	get_numbers(p + AT_NUMBERS, numbers, TRACE_HEAD_NUMBERS);
	memcpy(ret_head, numbers, sizeof(*ret_head));
	*ret_variable = p + fixed;
	return check_limits(ret_head, type, size - fixed, err);
}
