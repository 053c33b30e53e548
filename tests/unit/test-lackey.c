/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Lackey's lines: accesses of every form, text, hostile lines, and pieces of every length. */
#include "support/test.h"

#include "capture/lackey.h"

struct seen {
	char text[4096];	/* text lines, each with a newline */
	size_t nr_text, longest;
	struct mmr_run run[64];
	size_t nr_runs;
};

static void see_line(void *ctx, const char *line, size_t len)
{
	struct seen *seen = ctx;
	size_t at = strlen(seen->text);

	seen->nr_text++;
	if (len > seen->longest)
		seen->longest = len;
	if (at + len + 2 < sizeof(seen->text))
		snprintf(seen->text + at, sizeof(seen->text) - at, "%.*s\n", (int)len, line);
}

static int see_runs(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err)
{
	struct seen *seen = ctx;

	(void)err;
	for (size_t i = 0; i < nr && seen->nr_runs < 64; i++)
		seen->run[seen->nr_runs++] = run[i];
	return 0;
}

/* Feeds a text in pieces of `piece` bytes. */
static void feed(struct seen *seen, struct runs *runs, const char *text, size_t len, size_t piece)
{
	struct lackey l;

	memset(seen, 0, sizeof(*seen));
	runs_init(runs, see_runs, NULL, seen);
	lackey_init(&l, runs, see_line, seen);
	for (size_t at = 0; at < len;) {
		size_t room, n = len - at < piece ? len - at : piece;
		char *buf = lackey_space(&l, &room);

		assert_true(room > 0);
		if (n > room)
			n = room;
		memcpy(buf, text + at, n);
		lackey_advance(&l, n);
		at += n;
	}
	lackey_end(&l);
	runs_close(runs);
	lackey_finish(&l);
	runs_finish(runs);
}

static const char forms[] =
	"==12== Lackey\n"
	"I  00401234,3\n"
	" L 1fff000ff8,8\n"
	" S 1fff000ffc,8\n"
	"SYSCALL[1,1](3) sys_close ( 3 )[sync] --> Success(0x0) \n"
	" M 004a5010,4\n"
	" L 7fffffffefff,16\n"
	"I  fffffffffffff000,12\n"
	" S 004a5020,512\n"
	"\n"
	" --> [pre-success] Success(0x0) \n"
	" L 00000001,1";

static void check_forms(const struct seen *seen, const struct runs *r)
{
	assert_int_equal(r->nr_kind[RUNS_FETCH], 2);
	assert_int_equal(r->nr_kind[RUNS_LOAD], 3);
	assert_int_equal(r->nr_kind[RUNS_STORE], 2);
	assert_int_equal(r->nr_kind[RUNS_MODIFY], 1);
	assert_string_equal(seen->text, "==12== Lackey\n"
			    "SYSCALL[1,1](3) sys_close ( 3 )[sync] --> Success(0x0) \n"
			    "\n --> [pre-success] Success(0x0) \n");
	assert_int_equal(seen->nr_runs, 9);
	assert_int_equal(seen->run[0].page, 0x401 | MMR_RUN_INSN);
	assert_int_equal(seen->run[1].page, 0x1fff000);
	assert_int_equal(seen->run[1].nr_reads, 1);
	assert_int_equal(seen->run[1].nr_writes, 1);
	assert_int_equal(seen->run[1].other_at, 1);
	assert_int_equal(seen->run[2].page, 0x1fff001 | MMR_RUN_WRITE_FIRST);
	assert_int_equal(seen->run[2].nr_split, 1);
	assert_int_equal(seen->run[3].page, 0x4a5);
	assert_int_equal(seen->run[3].nr_reads, 1);
	assert_int_equal(seen->run[3].nr_writes, 1);
	assert_int_equal(seen->run[4].page, 0x7fffffffe);
	assert_int_equal(seen->run[5].page, 0x7ffffffff);
	assert_int_equal(seen->run[6].page, 0xfffffffffffff | MMR_RUN_INSN);
}

/* The same text gives the same, wherever it is cut. */
static void test_pieces(void **state)
{
	struct seen seen;
	struct runs r;

	(void)state;
	for (size_t piece = 1; piece <= sizeof(forms); piece++) {
		feed(&seen, &r, forms, sizeof(forms) - 1, piece);
		check_forms(&seen, &r);
	}
}

/* What looks like an access and is none is text, and counts no access. */
static void test_hostile(void **state)
{
	static const char *const lines[] = {
		"I  ", "I  ,4", "I  00401000,", "I  00401000,0", "I  00401000,4097", "I  0040100g,4",
		"I  00401000,4x", "I  00401000 4", "I  00401000,99999999999999999999",
		"I  10000000000000000,4", "I  ffffffffffffffff,2", " L 0040100G,4", " L  0401000,4",
		" L 00401000,-4", " X 00401000,4", "I 00401000,4", "  L 00401000,4", " L 00401000,4 ",
		"I  00401000,:", " S 00401000,1;", "i  00401000,4", " L 004A1000,4", "\xff\xff\xff\xff",
	};
	struct seen seen;
	struct runs r;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "%s\n", lines[i]);

		feed(&seen, &r, text, (size_t)n, 4096);
		assert_int_equal(seen.nr_text, 1);
		assert_int_equal(seen.nr_runs, 0);
		for (int k = 0; k < RUNS_NR_KINDS; k++)
			assert_int_equal(r.nr_kind[k], 0);
	}
}

/* A line without end costs bounded memory, and the lines behind it are still read. */
static void test_long(void **state)
{
	size_t len = 3 * LACKEY_BUFFER;
	char *text = malloc(len + 64);
	struct seen seen;
	struct runs r;
	int n;

	(void)state;
	memset(text, 'a', len);
	n = snprintf(text + len, 64, "\n L 00401000,4\n");
	feed(&seen, &r, text, len + (size_t)n, 100000);
	assert_int_equal(seen.nr_text, 1);
	assert_int_equal(seen.longest, LACKEY_LINE_MAX);
	assert_int_equal(r.nr_kind[RUNS_LOAD], 1);
	/* Zeros only: an address that never ends */
	memset(text, '0', len);
	memcpy(text, "I  ", 3);
	feed(&seen, &r, text, len + (size_t)n, 100000);
	assert_int_equal(seen.nr_text, 1);
	assert_int_equal(r.nr_kind[RUNS_LOAD], 1);
	assert_int_equal(r.nr_kind[RUNS_FETCH], 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
