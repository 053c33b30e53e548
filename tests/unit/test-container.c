/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Frames: what is put is got, every bit is under the checksum, limits and features are honoured. */
#include "support/test.h"

#include <errno.h>

#include "trace/container.h"
#include "trace/format.h"

static const struct trace_head sample = {
	.sequence = 3, .offset = 1000, .before = {.events = 10, .runs = 20}, .here = {.events = 5, .runs = 6},
	.first_ns = 1, .last_ns = 2, .base_time = 1, .time_unit_ns = 1, .column_bytes = 100, .payload_bytes = 50,
	.payload_hash = 77, .variable_bytes = 4,
};

static int check(uint8_t *buf, size_t size, struct trace_head *head, const uint8_t **variable)
{
	struct mmr_error err;
	unsigned type;

	return trace_frame_check(buf, size, &type, head, variable, &err);
}

/* After a change that is meant: the checksum of the frame is made good again. */
static void mend(uint8_t *buf, size_t size)
{
	put_le64(buf + 32, 0);
	put_le64(buf + 32, trace_hash(buf, size));
}

static void what_is_put_is_got(void **state)
{
	uint8_t buf[TRACE_FRAME_FIXED + 4];
	const uint8_t *variable;
	struct trace_head head;
	struct mmr_error err;
	unsigned type;

	(void)state;
	assert_int_equal(trace_frame_put(buf, TRACE_BLOCK, &sample, "meta"), sizeof(buf));
	assert_true(trace_frame_probe(buf));
	assert_int_equal(trace_frame_size(buf), sizeof(buf));
	assert_int_equal(trace_frame_check(buf, sizeof(buf), &type, &head, &variable, &err), 0);
	assert_int_equal(type, TRACE_BLOCK);
	assert_memory_equal(&head, &sample, sizeof(head));
	assert_memory_equal(variable, "meta", 4);
	/* the layout that mmreplay-trace(5) states */
	assert_memory_equal(buf, "\x5d\x2a\x4d\x18", 4);
	assert_memory_equal(buf + 8, "\x89mmr\r\n\x1a\n", 8);
	assert_int_equal(TRACE_FRAME_FIXED, 216);
	assert_int_equal(get_le64(buf + 40), 3);
	assert_int_equal(get_le64(buf + 56), 10);
	assert_int_equal(get_le64(buf + 208), 4);
}

static void every_bit_is_checked(void **state)
{
	uint8_t buf[TRACE_FRAME_FIXED + 4];
	const uint8_t *variable;
	struct trace_head head;

	(void)state;
	trace_frame_put(buf, TRACE_BLOCK, &sample, "meta");
	for (size_t bit = 0; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(check(buf, sizeof(buf), &head, &variable), -EBADMSG);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), 0);
}

static void sizes_are_limited(void **state)
{
	uint8_t buf[TRACE_FRAME_FIXED + 4];

	(void)state;
	trace_frame_put(buf, TRACE_BLOCK, &sample, "meta");
	put_le32(buf + 4, UINT32_MAX);
	assert_int_equal(trace_frame_size(buf), 0);
	put_le32(buf + 4, 31);
	assert_int_equal(trace_frame_size(buf), 0);
	put_le32(buf + 4, 32);
	assert_int_equal(trace_frame_size(buf), 40);
}

static int check_head(const struct trace_head *h, unsigned type)
{
	uint8_t buf[TRACE_FRAME_FIXED + 4];
	const uint8_t *variable;
	struct trace_head head;

	trace_frame_put(buf, type, h, "meta");
	return check(buf, TRACE_FRAME_FIXED + h->variable_bytes, &head, &variable);
}

static void hostile_numbers_are_refused(void **state)
{
	struct trace_head h;

	(void)state;
#define HOSTILE(change) do { \
		h = sample; \
		change; \
		assert_int_equal(check_head(&h, TRACE_BLOCK), -EBADMSG); \
	} while (0)
	HOSTILE(h.column_bytes = TRACE_COLUMN_BYTES + 1);
	HOSTILE(h.payload_bytes = TRACE_PAYLOAD_BYTES + 1);
	HOSTILE(h.here.events = TRACE_BLOCK_EVENTS + 1);
	HOSTILE(h.here.runs = UINT64_MAX);
	HOSTILE(h.time_unit_ns = 0);
#undef HOSTILE
	h = sample;
	assert_int_equal(check_head(&h, TRACE_INDEX), -EBADMSG);
	h.payload_bytes = 0;
	assert_int_equal(check_head(&h, TRACE_INDEX), 0);
}

static void versions_features_and_types(void **state)
{
	uint8_t buf[TRACE_FRAME_FIXED + 4];
	const uint8_t *variable;
	struct trace_head head;

	(void)state;
	trace_frame_put(buf, TRACE_BLOCK, &sample, "meta");
	buf[28] = 0xff;		/* compatible features */
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), 0);
	buf[24] = 1;		/* incompatible ones */
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), -EPROTONOSUPPORT);
	buf[24] = 0;
	buf[18] = 2;		/* version */
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), -EPROTONOSUPPORT);
	buf[18] = 1;
	buf[16] = 9;		/* type */
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), 0);
	assert_int_equal(head.payload_bytes, 0);
}

/* A later version may have more numbers: the variable part is where the frame says. */
static void a_longer_fixed_part_is_read(void **state)
{
	uint8_t buf[TRACE_FRAME_FIXED + 12];
	const uint8_t *variable;
	struct trace_head head;

	(void)state;
	trace_frame_put(buf, TRACE_BLOCK, &sample, "meta");
	memcpy(buf + TRACE_FRAME_FIXED, "8 bytes+meta", 12);
	put_le32(buf + 4, sizeof(buf) - 8);
	put_le32(buf + 20, TRACE_FRAME_FIXED + 8);
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), 0);
	assert_memory_equal(variable, "meta", 4);
	put_le32(buf + 20, TRACE_FRAME_FIXED - 8);
	mend(buf, sizeof(buf));
	assert_int_equal(check(buf, sizeof(buf), &head, &variable), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_got),
		cmocka_unit_test(every_bit_is_checked),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(hostile_numbers_are_refused),
		cmocka_unit_test(versions_features_and_types),
		cmocka_unit_test(a_longer_fixed_part_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
