/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* One event as a line. */
#include "cli/event-text.h"

#include <inttypes.h>
#include <string.h>

#include "base/bug.h"
#include "report/json.h"

static bool is_signed(const struct mmr_field_info *f)
{
	return f->enc == MMR_ENC_UINT && !strcmp(f->name, "ret");
}

static bool is_hex(const struct mmr_field_info *f)
{
	static const char *const names[] = {"flags", "ip",	 "ptr", "call",
					    "phys",  "data_src", "gfp"};

	if (f->enc == MMR_ENC_ADDR)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(f->name, names[i]))
			return true;
	return false;
}

static void put_field(const struct mmr_field_info *field, uint64_t value, bool json, FILE *f)
{
	const char *quote = json ? "\"" : "";

	fprintf(f, json ? ",\"%s\":" : " %s=", field->name);
	if (is_signed(field))
		fprintf(f, "%" PRId64, (int64_t)value);
	else if (is_hex(field))
		fprintf(f, "%s0x%" PRIx64 "%s", quote, value, quote);
	else
		fprintf(f, "%" PRIu64, value);
}

/* Text of any bytes as a JSON string or one like it: jansson does the quoting. */
static void put_data(const struct mmr_event *ev, bool json, FILE *f)
{
	json_t *obj = json_object();
	const char *key;
	json_t *v;

	j_bytes(obj, "data", ev->data, ev->data_len);
	json_object_foreach(obj, key, v)
	{
		fprintf(f, json ? ",\"%s\":" : " %s=", key);
		json_dumpf(v, f, JSON_ENCODE_ANY | JSON_COMPACT);
	}
	json_decref(obj);
}

void event_put(const struct mmr_event *ev, bool json, FILE *f)
{
	const struct mmr_kind_info *info = mmr_kind_info(ev->kind);
	char number[24];

	if (!info)
		snprintf(number, sizeof(number), "kind-%u", ev->kind);
	fprintf(f,
		json ? "{\"time_ns\":%" PRIu64 ",\"cpu\":%u,\"task\":%u,\"kind\":\"%s\""
		     : "%" PRIu64 " %u %u %s",
		ev->time_ns, ev->cpu, ev->task, info ? info->name : number);
	for (unsigned i = 0; info && i < info->nr_fields; i++)
		put_field(&info->fields[i], ev->arg[i], json, f);
	if (ev->data_len)
		put_data(ev, json, f);
	fputs(json ? "}\n" : "\n", f);
}
