/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* BTF: a header, types one behind the other, strings. See btf.h. Format: Documentation/bpf/btf.rst. */
#include "capture/btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include "capture/host.h"

#define MAX_DEPTH 8 /* of unnamed structs in each other */

/* Bytes behind a struct btf_type; SIZE_MAX: a kind that is not known. */
static size_t type_rest(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT: case BTF_KIND_VAR: case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT: case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * 12;
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR: case BTF_KIND_FWD: case BTF_KIND_TYPEDEF: case BTF_KIND_VOLATILE: case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT: case BTF_KIND_FUNC: case BTF_KIND_FLOAT: case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return SIZE_MAX;
	}
}

int btf_parse(struct btf *b, const void *data, size_t size)
{
	const struct btf_header *h = data;
	const char *p, *end;

	b->types.nr = 0;
	if (size < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) || h->hdr_len > size ||
	    h->type_off > size - h->hdr_len || h->type_len > size - h->hdr_len - h->type_off ||
	    h->str_off > size - h->hdr_len || h->str_len > size - h->hdr_len - h->str_off || h->str_len == 0)
		return -EBADMSG;
	b->strings = (const char *)data + h->hdr_len + h->str_off;
	b->strings_len = h->str_len;
	if (b->strings[h->str_len - 1])
		return -EBADMSG;
	p = (const char *)data + h->hdr_len + h->type_off;
	for (end = p + h->type_len; p < end;) {
		const struct btf_type *t = (const void *)p;
		size_t left = (size_t)(end - p), rest;

		if (left < sizeof(*t))
			return -EBADMSG;
		rest = type_rest(t);
		if (rest > left - sizeof(*t))
			return -EBADMSG;
		*vec_push(&b->types) = t;
		p += sizeof(*t) + rest;
	}
	return 0;
}

int btf_open(struct btf *b, struct mmr_error *err)
{
	int ret;

	*b = (struct btf){0};
	ret = host_read_file("/sys/kernel/btf/vmlinux", &b->text);
	if (ret == 0)
		ret = btf_parse(b, b->text.s, b->text.len);
	if (ret) {
		btf_close(b);
		return err_set(err, ret, "/sys/kernel/btf/vmlinux: %s (CONFIG_DEBUG_INFO_BTF)", strerror(-ret));
	}
	return 0;
}

void btf_close(struct btf *b)
{
	vec_finish(&b->types);
	strbuf_finish(&b->text);
}

static const char *name_of(const struct btf *b, uint32_t off)
{
	return off < b->strings_len ? b->strings + off : "";
}

static const struct btf_type *type_of(const struct btf *b, uint32_t id)
{
	return id && id <= b->types.nr ? b->types.data[id - 1] : NULL;
}

static bool is_record(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT || BTF_INFO_KIND(t->info) == BTF_KIND_UNION;
}

static bool find_member(const struct btf *b, const struct btf_type *t, const char *member, unsigned depth,
			uint32_t *ret_bits)
{
	const struct btf_member *m = (const void *)(t + 1);

	for (unsigned i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		bool is_field = BTF_INFO_KFLAG(t->info) && BTF_MEMBER_BITFIELD_SIZE(m[i].offset);
		uint32_t at = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset) : m[i].offset, inner;
		const struct btf_type *sub = type_of(b, m[i].type);
		const char *name = name_of(b, m[i].name_off);

		if (!is_field && !strcmp(name, member)) {
			*ret_bits = at;
			return true;
		}
		if (!*name && sub && is_record(sub) && depth < MAX_DEPTH &&
		    find_member(b, sub, member, depth + 1, &inner)) {
			*ret_bits = at + inner;
			return true;
		}
	}
	return false;
}

bool btf_member(const struct btf *b, const char *type, const char *member, uint32_t *ret_bytes)
{
	for (size_t i = 0; i < b->types.nr; i++) {
		const struct btf_type *t = b->types.data[i];
		uint32_t bits;

		if (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT || strcmp(name_of(b, t->name_off), type) != 0 ||
		    !find_member(b, t, member, 0, &bits) || bits % 8)
			continue;
		*ret_bytes = bits / 8;
		return true;
	}
	return false;
}
