/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Numbers of the trace format, version 1. mmreplay-trace(5) is the specification.
 *
 * A file is a row of blocks, an index and an end frame. A block is a zstd skippable frame (the block's
 * header) and a zstd frame (its columns); index and end are skippable frames.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stdint.h>
#include <string.h>

enum {
	TRACE_VERSION		= 1,
	TRACE_FRAME_MAGIC	= 0x184d2a5d,	/* one of zstd's magics for skippable frames */
	TRACE_ZSTD_LEVEL	= 3,

	/* limits: a file that names more is refused */
	TRACE_COLUMN_BYTES	= 1 << 20,	/* columns of a block before compression */
	TRACE_PAYLOAD_BYTES	= TRACE_COLUMN_BYTES + (TRACE_COLUMN_BYTES >> 8) + 1024,
	TRACE_METADATA_BYTES	= 1 << 20,
	TRACE_HEADER_BYTES	= 1 << 10,	/* fixed part of a frame of ours */
	TRACE_BLOCK_EVENTS	= 1 << 20,
	TRACE_BLOCK_RUNS	= 1 << 20,
	TRACE_INDEX_ENTRIES	= 4096,
	TRACE_KINDS		= 128,		/* kinds in one block; numbers of kinds we know are below */
	TRACE_FIELDS		= 32,		/* fields of one kind */
	TRACE_DICT_ENTRIES	= 1 << 16,	/* different runs in one block */
	TRACE_PADDING		= 16 << 10,	/* readable bytes after the columns in memory */
};

/* Bytes 8-15 of every frame of ours; like PNG's, it shows damage by transfers in text mode. */
#define TRACE_SIGNATURE "\x89mmr\r\n\x1a\n"

enum trace_frame_type { TRACE_BLOCK = 1, TRACE_INDEX = 2, TRACE_END = 3 };

/* A column's number: kind of event, and field. Kind 0 are the columns that all events share. */
enum trace_common_field { TRACE_COL_KIND, TRACE_COL_TASK, TRACE_COL_CPU, TRACE_COL_TIME };
/* Columns of a kind: fields from 0 on; of ADDR fields the offset in the granule and the tag; data */
enum {
	TRACE_COL_OFFSET = 0x20, TRACE_COL_TAG = 0x40, TRACE_COL_DATA_LEN = 0x60, TRACE_COL_DATA,
};
/* Columns of MMR_RUNS: the runs themselves */
enum {
	TRACE_COL_SYMBOLS = 0x80, TRACE_COL_WIDE, TRACE_COL_SHAPES, TRACE_COL_PAGES, TRACE_COL_COUNTS,
};

/* How the numbers of a column are stored. */
enum trace_coding {
	TRACE_CONST,		/* no bytes: all are `base` */
	TRACE_PLANES,		/* LEB128: the first bytes of all, then the second bytes of those that
				 * have one, and so on to the tenth */
	TRACE_BYTES,		/* no numbers; `base` is free for the column */
};

enum { TRACE_NR_PLANES = 10 };

static inline uint16_t get_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t get_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t get_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline void put_le16(void *p, uint16_t v)
{
	v = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
	memcpy(p, &v, sizeof(v));
}

static inline void put_le32(void *p, uint32_t v)
{
	v = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
	memcpy(p, &v, sizeof(v));
}

static inline void put_le64(void *p, uint64_t v)
{
	v = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
	memcpy(p, &v, sizeof(v));
}

/* An address is granule number, offset in the granule and tag (LAM, TBI, MTE: the top byte). */
struct trace_addr {
	uint64_t page, offset, tag;
};

static inline struct trace_addr addr_split(uint64_t addr)
{
	uint64_t sign = (uint64_t)((int64_t)(addr << 8) >> 63);	/* what an address without a tag has on top */
	uint64_t plain = (addr & UINT64_MAX >> 8) | sign << 56;

	return (struct trace_addr){plain >> 12, addr & 0xfff, (addr ^ plain) >> 56};
}

static inline uint64_t addr_join(struct trace_addr a)
{
	return (a.page << 12 | (a.offset & 0xfff)) ^ a.tag << 56;
}

static inline uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ -(difference >> 63);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

#endif
