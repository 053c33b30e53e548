/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading job files: see spec.h. */
#include "gen/spec.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "gen/spec-keys.h"

#define NEW_SECTION "\x01section"	/* a key that no file can hold: says that a section begins */
#define MAX_JOBS 4096			/* threads in all */

/* ---- values ---- */

int gen_weighted_parse(const char *text, uint64_t max, struct gen_weighted *ret, struct mmr_error *err)
{
	*ret = (struct gen_weighted){ 0 };
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ","), colon = strcspn(at, ":,");
		char value[32], weight[32] = "1";

		if (ret->nr == GEN_WEIGHTS || colon >= sizeof(value) || len - colon >= sizeof(weight))
			return err_set(err, -EINVAL, "'%.60s' is no list as in 0:80,2:15", text);
		snprintf(value, sizeof(value), "%.*s", (int)colon, at);
		if (colon < len)
			snprintf(weight, sizeof(weight), "%.*s", (int)(len - colon - 1), at + colon + 1);
		if (parse_size(value, &ret->value[ret->nr], err) || parse_u64(weight, &ret->weight[ret->nr], err))
			return -EINVAL;
		if (ret->value[ret->nr] > max || !ret->weight[ret->nr] || ret->weight[ret->nr] > 1000000)
			return err_set(err, -EINVAL, "'%.60s': values up to %" PRIu64 ", weights of 1 to 1000000",
				       text, max);
		ret->total += ret->weight[ret->nr++];
		at += len;
		if (!*at)
			return 0;
	}
}

static void set_name(char to[GEN_TEXT], const char *name)
{
	snprintf(to, GEN_TEXT, "%s", name);
}

static void defaults(const struct gen_section *s, void *conf)
{
	config_defaults(&s->numbers, conf);
}

/* -ENOENT: no such key in this kind of section. */
static int set_key(const struct gen_section *s, void *conf, const char *key, const char *value, struct mmr_error *err)
{
	const struct config_row *row = config_find(&s->numbers, key);

	if (row)
		return config_set(row, conf, value, err);
	for (size_t i = 0; i < s->nr_texts; i++) {
		if (strcmp(s->texts[i].key, key))
			continue;
		if (strlen(value) >= GEN_TEXT)
			return err_set(err, -EINVAL, "value of '%s' is longer than %d bytes", key, GEN_TEXT - 1);
		memcpy((char *)conf + s->texts[i].offset, value, strlen(value) + 1);
		return 0;
	}
	return -ENOENT;
}

/* ---- reading ---- */

struct parser {
	struct gen_spec *spec;
	const char *next;		/* text that was not read yet */
	unsigned line;
	char pending[GEN_TEXT];		/* stands for a line: the key that says that a section begins */
	const struct gen_section *section;
	void *conf;			/* of the section that is being read */
	struct gen_region region;	/* what [global] said */
	struct gen_work work;
	struct gen_kernel kernel;
	struct mmr_error err;
	bool failed;
};

static int fail(struct parser *p)
{
	p->failed = true;
	return 0;
}

/* fgets() for libinih, which neither counts lines for its callback nor tells of empty sections. */
static char *read_line(char *buf, int size, void *ctx)
{
	struct parser *p = ctx;
	size_t len = strcspn(p->next, "\n");

	if (p->pending[0]) {
		snprintf(buf, (size_t)size, "%s", p->pending);
		p->pending[0] = '\0';
		return buf;
	}
	if (!*p->next || p->failed)
		return NULL;
	p->line++;
	if (len >= (size_t)size) {
		err_set(&p->err, -EINVAL, "the line is longer than %d bytes", size - 1);
		fail(p);
		return NULL;
	}
	memcpy(buf, p->next, len);
	buf[len] = '\0';
	p->next += len + (p->next[len] == '\n');
	if (buf[strspn(buf, " \t")] == '[')
		snprintf(p->pending, sizeof(p->pending), "%s=1", NEW_SECTION);
	return buf;
}

static int unknown(struct parser *p, const char *what, const char *word, const char *const *names, size_t nr)
{
	const char *near = nearest(word, names, nr);

	if (near)
		err_set(&p->err, -EINVAL, "unknown %s '%.60s', did you mean '%s'?", what, word, near);
	else
		err_set(&p->err, -EINVAL, "unknown %s '%.60s'", what, word);
	return fail(p);
}

/* "region heap" -> the name, NULL when it is missing or long. */
static const char *name_of(struct parser *p, const char *section)
{
	const char *name = section + strcspn(section, " \t");

	name += strspn(name, " \t");
	if (*name && strlen(name) < GEN_TEXT)
		return name;
	err_set(&p->err, -EINVAL, "the section '%.60s' needs a name, as in [job reader]", section);
	return NULL;
}

static bool name_taken(struct parser *p, const char *name, bool taken)
{
	if (taken)
		err_set(&p->err, -EINVAL, "there are two sections named '%.60s'", name);
	return taken;
}

static int begin_region(struct parser *p, const char *section)
{
	const char *name = name_of(p, section);
	struct gen_region *r;

	if (!name || name_taken(p, name, gen_region_named(p->spec, name)))
		return fail(p);
	r = vec_push(&p->spec->regions);
	*r = p->region;
	set_name(r->name, name);
	r->line = p->line;
	p->section = &gen_section_region;
	p->conf = r;
	return 1;
}

static int begin_job(struct parser *p, const char *section)
{
	const char *name = name_of(p, section);
	struct gen_work *w;

	if (!name || name_taken(p, name, gen_job_named(p->spec, name)))
		return fail(p);
	w = vec_push(&p->spec->works);
	*w = p->work;
	set_name(w->name, name);
	w->line = p->line;
	p->section = &gen_section_job;
	p->conf = w;
	return 1;
}

static int begin_phase(struct parser *p)
{
	struct gen_work w;

	if (!p->spec->works.nr || p->section != &gen_section_job) {
		err_set(&p->err, -EINVAL, "[phase] stands behind no job");
		return fail(p);
	}
	w = p->spec->works.data[p->spec->works.nr - 1];
	w.is_phase = true;
	w.line = p->line;
	*vec_push(&p->spec->works) = w;
	p->conf = &p->spec->works.data[p->spec->works.nr - 1];
	return 1;
}

static int begin_kernel(struct parser *p, const char *section)
{
	const char *name = name_of(p, section);
	struct gen_kernel *k;

	if (!name)
		return fail(p);
	k = vec_push(&p->spec->kernels);
	*k = p->kernel;
	set_name(k->name, name);
	k->line = p->line;
	p->section = &gen_section_kernel;
	p->conf = k;
	return 1;
}

static int begin_section(struct parser *p, const char *section)
{
	static const char *const names[] = { "global", "region", "job", "phase", "kernel" };
	size_t len = strcspn(section, " \t");
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)len, section);
	if (!strcmp(word, "region"))
		return begin_region(p, section);
	if (!strcmp(word, "job"))
		return begin_job(p, section);
	if (!strcmp(word, "phase"))
		return begin_phase(p);
	if (!strcmp(word, "kernel"))
		return begin_kernel(p, section);
	if (strcmp(word, "global"))
		return unknown(p, "section", word, names, ARRAY_SIZE(names));
	if (p->spec->regions.nr || p->spec->works.nr || p->spec->kernels.nr) {
		err_set(&p->err, -EINVAL, "[global] must come first");
		return fail(p);
	}
	p->section = &gen_section_global;
	p->conf = &p->spec->global;
	return 1;
}

static void add_names(const struct gen_section *s, const char **names, size_t *nr)
{
	for (const char *key; (key = gen_key(s->name, *nr)) != NULL;)
		names[(*nr)++] = key;
}

static int unknown_key(struct parser *p, const char *key)
{
	const char *names[64];
	size_t nr = 0;

	add_names(p->section, names, &nr);
	BUG_ON(nr > ARRAY_SIZE(names));
	return unknown(p, "key", key, names, nr);
}

/* [global] may hold defaults of any key; a key of several kinds of sections is set for all of them. */
static int set_global(struct parser *p, const char *key, const char *value)
{
	struct {
		const struct gen_section *section;
		void *conf;
	} to[] = { { &gen_section_global, &p->spec->global }, { &gen_section_region, &p->region },
		   { &gen_section_job, &p->work }, { &gen_section_kernel, &p->kernel } };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		int rc = set_key(to[i].section, to[i].conf, key, value, &p->err);

		found |= rc == 0;
		if (rc && rc != -ENOENT)
			return fail(p);
	}
	return found ? 1 : unknown_key(p, key);
}

static int on_key(void *ctx, const char *section, const char *key, const char *value)
{
	struct parser *p = ctx;
	int rc;

	if (!strcmp(key, NEW_SECTION))
		return begin_section(p, section);
	if (!p->section) {
		err_set(&p->err, -EINVAL, "the key '%.60s' stands in no section", key);
		return fail(p);
	}
	if (p->section == &gen_section_global)
		return set_global(p, key, value);
	rc = set_key(p->section, p->conf, key, value, &p->err);
	if (rc == -ENOENT)
		return unknown_key(p, key);
	return rc ? fail(p) : 1;
}

/* ---- checks ---- */

const struct gen_region *gen_region_named(const struct gen_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->regions.nr; i++)
		if (!strcmp(spec->regions.data[i].name, name))
			return &spec->regions.data[i];
	return NULL;
}

const struct gen_work *gen_job_named(const struct gen_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->works.nr; i++)
		if (!spec->works.data[i].is_phase && !strcmp(spec->works.data[i].name, name))
			return &spec->works.data[i];
	return NULL;
}

static int check_words(const struct gen_region *r, struct mmr_error *err)
{
	struct gen_words words;
	struct gen_policy pol;
	int rc = gen_advice_parse(r->advise, &words, err);

	return rc || !r->policy[0] ? rc : gen_policy_parse(r->policy, &pol, err);
}

static int check_region(const struct gen_region *r, struct mmr_error *err)
{
	if (r->align & (r->align - 1))
		return err_set(err, -EINVAL, "align is no power of two");
	if (r->size & 4095 || r->offset & 4095)
		return err_set(err, -EINVAL, "size and offset must be multiples of 4K");
	if (r->kind == GEN_HUGETLB && (r->page_size & (r->page_size - 1) || r->size % r->page_size))
		return err_set(err, -EINVAL, "size is no multiple of page_size, or that is no power of two");
	if (r->file[0] && r->kind != GEN_FILE)
		return err_set(err, -EINVAL, "'file' goes with kind=file only");
	return check_words(r, err);
}

/* Bytes of the region that the work uses. */
static int check_extent(const struct gen_work *w, const struct gen_region *r, struct mmr_error *err)
{
	uint64_t length = w->size ? w->size : w->offset < r->size ? r->size - w->offset : 0;

	if (!length || length > r->size || w->offset > r->size - length)
		return err_set(err, -EINVAL, "start and length lie outside of the region '%s'", r->name);
	if (w->block % w->word)
		return err_set(err, -EINVAL, "block is no multiple of word");
	if (w->block > length)
		return err_set(err, -EINVAL, "block is larger than what is used of the region");
	if (w->offset % w->word || 4096 % w->word || (w->pattern == GEN_STRIDE && w->stride % w->word))
		return err_set(err, -EINVAL, "word must be a power of two that divides start and stride");
	if (w->word & (w->word - 1))
		return err_set(err, -EINVAL, "word is no power of two");
	return 0;
}

/* What one kind of memory permits. */
static int check_use(const struct gen_work *w, const struct gen_region *r, struct mmr_error *err)
{
	bool writes = w->rw != GEN_READ || w->pattern == GEN_GUPS;

	if (w->io != GEN_IO_NONE && r->kind != GEN_FILE)
		return err_set(err, -EINVAL, "io needs a region of kind=file, '%s' is none", r->name);
	if (w->io == GEN_IO_NONE && writes && (r->prot == GEN_R || r->prot == GEN_RX))
		return err_set(err, -EINVAL, "the region '%s' may not be written (prot)", r->name);
	if (w->io == GEN_IO_NONE && (w->direct || w->fsync_every || w->fadvise))
		return err_set(err, -EINVAL, "direct, fsync_every and fadvise go with io only");
	return 0;
}

static int check_work(const struct gen_spec *spec, const struct gen_work *w, struct mmr_error *err)
{
	const struct gen_region *r = gen_region_named(spec, w->region);
	int rc;

	if (!r && !w->region[0])
		return err_set(err, -EINVAL, "the job has no region");
	if (!r)
		return err_set(err, -EINVAL, "there is no region '%.60s'", w->region);
	if (w->after[0] && !gen_job_named(spec, w->after))
		return err_set(err, -EINVAL, "after: there is no job '%.60s'", w->after);
	if (w->follow[0] && !gen_job_named(spec, w->follow))
		return err_set(err, -EINVAL, "follow: there is no job '%.60s'", w->follow);
	if ((w->after[0] && !strcmp(w->after, w->name)) || (w->follow[0] && !strcmp(w->follow, w->name)))
		return err_set(err, -EINVAL, "the job waits for itself");
	if (w->cpus >> (spec->global.cpus < 64 ? spec->global.cpus : 63) > (spec->global.cpus >= 64))
		return err_set(err, -EINVAL, "cpus_allowed: there are %u CPUs only", (unsigned)spec->global.cpus);
	rc = check_extent(w, r, err);
	return rc ? rc : check_use(w, r, err);
}

static int check_kernel(const struct gen_kernel *k, struct mmr_error *err)
{
	struct gen_weighted w;
	bool pages = k->alloc == GEN_PAGES;
	int rc = gen_weighted_parse(pages ? k->orders : k->sizes, pages ? 13 : 1ull << 31, &w, err);

	return rc ? err_prefix(err, rc, "%s", pages ? "orders" : "sizes") : 0;
}

/* Prefixes the error with the line of the section. */
static int at_line(struct mmr_error *err, int rc, unsigned line)
{
	return rc ? err_prefix(err, rc, "line %u", line) : 0;
}

static int check_all(const struct gen_spec *spec, struct mmr_error *err)
{
	uint64_t threads = 0;
	int rc = 0;

	for (size_t i = 0; i < spec->regions.nr && !rc; i++)
		rc = at_line(err, check_region(&spec->regions.data[i], err), spec->regions.data[i].line);
	for (size_t i = 0; i < spec->works.nr && !rc; i++) {
		rc = at_line(err, check_work(spec, &spec->works.data[i], err), spec->works.data[i].line);
		threads += spec->works.data[i].is_phase ? 0 : spec->works.data[i].numjobs;
	}
	for (size_t i = 0; i < spec->kernels.nr && !rc; i++)
		rc = at_line(err, check_kernel(&spec->kernels.data[i], err), spec->kernels.data[i].line);
	if (rc)
		return rc;
	if (threads > MAX_JOBS)
		return err_set(err, -EINVAL, "there are more than %d threads and processes", MAX_JOBS);
	if (!spec->works.nr && !spec->kernels.nr)
		return err_set(err, -EINVAL, "there is neither a [job] nor a [kernel] section");
	return 0;
}

int gen_spec_parse(struct gen_spec *spec, const char *text, struct mmr_error *err)
{
	struct parser p = { .spec = spec, .next = text };
	int rc;

	*spec = (struct gen_spec){ 0 };
	defaults(&gen_section_global, &spec->global);
	defaults(&gen_section_region, &p.region);
	defaults(&gen_section_job, &p.work);
	defaults(&gen_section_kernel, &p.kernel);
	set_name(p.kernel.orders, "0");
	set_name(p.kernel.sizes, "64");
	rc = ini_parse_stream(read_line, &p, on_key, &p);
	if (p.failed)
		rc = at_line(&p.err, -EINVAL, p.line);
	else if (rc)
		rc = err_set(&p.err, -EINVAL, "line %d is neither [section] nor key = value", p.line);
	else
		rc = check_all(spec, &p.err);
	if (rc && err)
		*err = p.err;
	if (rc)
		gen_spec_finish(spec);
	return rc;
}

void gen_spec_finish(struct gen_spec *spec)
{
	vec_finish(&spec->regions);
	vec_finish(&spec->works);
	vec_finish(&spec->kernels);
}

/* ---- printing ---- */

static void print_section(const struct gen_section *s, const char *kind, const char *name, const void *conf,
			  struct strbuf *out)
{
	char buf[CONFIG_TEXT];

	strbuf_addf(out, "[%s%s%s]\n", kind, *name ? " " : "", name);
	for (size_t i = 0; i < s->numbers.nr; i++)
		strbuf_addf(out, "%s = %s\n", s->numbers.rows[i].key,
			    config_format(&s->numbers.rows[i], conf, buf, sizeof(buf)));
	for (size_t i = 0; i < s->nr_texts; i++)
		if (((const char *)conf)[s->texts[i].offset])
			strbuf_addf(out, "%s = %s\n", s->texts[i].key, (const char *)conf + s->texts[i].offset);
	strbuf_addstr(out, "\n");
}

void gen_spec_print(const struct gen_spec *spec, struct strbuf *out)
{
	print_section(&gen_section_global, "global", "", &spec->global, out);
	for (size_t i = 0; i < spec->regions.nr; i++)
		print_section(&gen_section_region, "region", spec->regions.data[i].name, &spec->regions.data[i], out);
	for (size_t i = 0; i < spec->works.nr; i++) {
		const struct gen_work *w = &spec->works.data[i];

		print_section(&gen_section_job, w->is_phase ? "phase" : "job", w->is_phase ? "" : w->name, w, out);
	}
	for (size_t i = 0; i < spec->kernels.nr; i++)
		print_section(&gen_section_kernel, "kernel", spec->kernels.data[i].name, &spec->kernels.data[i], out);
}
