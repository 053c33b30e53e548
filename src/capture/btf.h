/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where the members of the kernel's structs lie, as the kernel itself says (/sys/kernel/btf/vmlinux).
 *
 * Interface:
 *   - btf_open(): -ENOENT where the kernel was built without; btf_close()
 *   - btf_parse(): the same from bytes that stay where they are, to be tested
 *   - btf_member(): offset of a member of a named struct, unnamed structs and unions inside it included
 */
#ifndef CAPTURE_BTF_H
#define CAPTURE_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "base/vec.h"

struct btf {
	struct strbuf text; /* the file, where btf_open() read it */
	const char *strings;
	size_t strings_len;
	VEC(const void *) types; /* [id - 1]: struct btf_type and what follows it */
};

int btf_open(struct btf *b, struct mmr_error *err);
/* -EBADMSG when it is no BTF of this byte order, or is cut. */
int btf_parse(struct btf *b, const void *data, size_t size);
void btf_close(struct btf *b);
/* In bytes; false when there is no such struct or member, or when it is a bit field. */
bool btf_member(const struct btf *b, const char *type, const char *member, uint32_t *ret_bytes);

#endif
