/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Texts of /proc and sysfs into policies and masks. */
#include "capture/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"

#define F_STATIC_NODES	 (1u << 15)
#define F_RELATIVE_NODES (1u << 14)
#define F_NUMA_BALANCING (1u << 13)
#define NR_NODES	 (POLICY_WORDS * 64)

/* By MPOL_* number. */
static const char *const modes[] = {"default", "prefer",	"bind", "interleave",
				    "local",   "prefer (many)", "weighted interleave"};

bool policy_parse_nodes(const char *text, uint64_t nodes[POLICY_WORDS])
{
	memset(nodes, 0, POLICY_WORDS * sizeof(nodes[0]));
	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoul(end + 1, &end, 10);
		if (first > last || last >= NR_NODES)
			return false;
		for (unsigned long n = first; n <= last; n++)
			nodes[n / 64] |= 1ull << (n % 64);
		text = *end == ',' ? end + 1 : end;
		if (*end != ',')
			break;
	}
	return *text == '\0' || *text == ' ' || *text == '\n';
}

/* "=static|balancing" */
static const char *parse_flags(const char *text, uint64_t *mode)
{
	static const struct {
		const char *word;
		uint64_t bit;
	} flags[] = {{"static", F_STATIC_NODES},
		     {"relative", F_RELATIVE_NODES},
		     {"balancing", F_NUMA_BALANCING}};

	while (*text == '=' || *text == '|') {
		size_t i = 0;

		text++;
		while (i < ARRAY_SIZE(flags) &&
		       strncmp(text, flags[i].word, strlen(flags[i].word)) != 0)
			i++;
		if (i == ARRAY_SIZE(flags))
			return NULL;
		*mode |= flags[i].bit;
		text += strlen(flags[i].word);
	}
	return text;
}

bool policy_parse(const char *text, struct policy *ret)
{
	size_t best = SIZE_MAX, len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		size_t n = strlen(modes[i]);

		if (n > len && strncmp(text, modes[i], n) == 0 && strchr(" =:\n", text[n])) {
			best = i;
			len = n;
		}
	}
	if (best == SIZE_MAX)
		return false;
	*ret = (struct policy){.mode = best};
	text = parse_flags(text + len, &ret->mode);
	if (!text)
		return false;
	return *text != ':' || policy_parse_nodes(text + 1, ret->nodes);
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
	return a->mode == b->mode && !memcmp(a->nodes, b->nodes, sizeof(a->nodes));
}

size_t policy_data(const uint64_t nodes[POLICY_WORDS], char data[POLICY_WORDS * 8])
{
	unsigned words = POLICY_WORDS;

	while (words > 1 && !nodes[words - 1])
		words--;
	for (unsigned i = 0; i < words * 8; i++)
		data[i] = (char)(nodes[i / 8] >> (i % 8 * 8));
	return words * 8;
}

/* The line of a file that begins with `key`, behind it; the first line for "". */
static bool read_line(const char *path, const char *key, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(buf, (int)size, f))
		found = strncmp(buf, key, strlen(key)) == 0;
	if (f)
		fclose(f);
	if (found)
		memmove(buf, buf + strlen(key), strlen(buf + strlen(key)) + 1);
	return found;
}

bool policy_cpuset(pid_t pid, uint64_t nodes[POLICY_WORDS])
{
	uint64_t all[POLICY_WORDS];
	char path[64], line[1024];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!read_line("/sys/devices/system/node/has_memory", "", line, sizeof(line)) ||
	    !policy_parse_nodes(line, all) ||
	    !read_line(path, "Mems_allowed_list:\t", line, sizeof(line)) ||
	    !policy_parse_nodes(line, nodes))
		return false;
	for (unsigned i = 0; i < POLICY_WORDS; i++)
		nodes[i] &= all[i];
	return memcmp(all, nodes, sizeof(all)) != 0;
}

bool policy_own(struct policy *ret)
{
	int mode = 0;

	*ret = (struct policy){0};
	if (syscall(SYS_get_mempolicy, &mode, ret->nodes, NR_NODES + 1, 0, 0))
		return false;
	ret->mode = (uint64_t)mode;
	return mode != 0;
}
