/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Words in job files that stand for numbers of system calls: see spec.h. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "base/units.h"
#include "gen/spec.h"

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define WEIGHTED_INTERLEAVE 6	/* MPOL_WEIGHTED_INTERLEAVE, from 6.9 on */
#define PREFERRED_MANY 5

struct word {
	const char *word;
	uint64_t value;
};

static const struct word advices[] = {
	{ "random", MADV_RANDOM }, { "sequential", MADV_SEQUENTIAL }, { "willneed", MADV_WILLNEED },
	{ "dontneed", MADV_DONTNEED }, { "free", MADV_FREE }, { "dontfork", MADV_DONTFORK },
	{ "mergeable", MADV_MERGEABLE }, { "hugepage", MADV_HUGEPAGE }, { "nohugepage", MADV_NOHUGEPAGE },
	{ "cold", MADV_COLD }, { "pageout", MADV_PAGEOUT }, { "populate_read", MADV_POPULATE_READ },
	{ "populate_write", MADV_POPULATE_WRITE }, { "collapse", MADV_COLLAPSE },
};

static const struct word policies[] = {
	{ "default", MPOL_DEFAULT }, { "preferred", MPOL_PREFERRED }, { "bind", MPOL_BIND },
	{ "interleave", MPOL_INTERLEAVE }, { "local", MPOL_LOCAL }, { "preferred-many", PREFERRED_MANY },
	{ "weighted-interleave", WEIGHTED_INTERLEAVE },
};

static int find_word(const struct word *words, size_t nr, const char *what, const char *word, uint64_t *ret,
		     struct mmr_error *err)
{
	const char *names[32], *near;

	BUG_ON(nr > ARRAY_SIZE(names));
	for (size_t i = 0; i < nr; i++) {
		names[i] = words[i].word;
		if (!strcmp(word, words[i].word)) {
			*ret = words[i].value;
			return 0;
		}
	}
	near = nearest(word, names, nr);
	if (near)
		return err_set(err, -EINVAL, "unknown %s '%.60s', did you mean '%s'?", what, word, near);
	return err_set(err, -EINVAL, "unknown %s '%.60s'", what, word);
}

int gen_advice_parse(const char *text, struct gen_words *ret, struct mmr_error *err)
{
	ret->nr = 0;
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, ",");
		char word[64];
		int rc;

		if (len >= sizeof(word) || ret->nr == ARRAY_SIZE(ret->value))
			return err_set(err, -EINVAL, "advise: '%.60s' is too long", text);
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		rc = find_word(advices, ARRAY_SIZE(advices), "advice", word, &ret->value[ret->nr++], err);
		if (rc)
			return rc;
		at += len + (at[len] == ',');
	}
	return 0;
}

int gen_policy_parse(const char *text, struct gen_policy *ret, struct mmr_error *err)
{
	static const struct config_row nodes = { "policy", CONFIG_NODES, 0, "none", 0, 0, NULL, "" };
	size_t len = strcspn(text, ":");
	char word[64];
	int rc;

	*ret = (struct gen_policy){ 0 };
	if (len >= sizeof(word))
		return err_set(err, -EINVAL, "policy: '%.60s' is too long", text);
	snprintf(word, sizeof(word), "%.*s", (int)len, text);
	rc = find_word(policies, ARRAY_SIZE(policies), "policy", word, &ret->mode, err);
	if (!rc && text[len])
		rc = config_set(&nodes, &ret->nodes, text + len + 1, err);
	if (!rc && !ret->nodes && ret->mode != MPOL_DEFAULT && ret->mode != MPOL_LOCAL)
		rc = err_set(err, -EINVAL, "policy '%.60s' needs nodes, as in bind:0-1", text);
	return rc;
}
