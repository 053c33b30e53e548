/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Names of events through libpfm4; see event-names.h. */
#include "capture/event-names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <perfmon/pfmlib_perf_event.h>

int event_encode(const char *name, struct event_code *ret, struct mmr_error *err)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	pfm_perf_encode_arg_t arg = {.attr = &attr, .fstr = &ret->fstr, .size = sizeof(arg)};

	memset(ret, 0, sizeof(*ret));
	if (pfm_initialize() != PFM_SUCCESS)
		return err_set(err, -EINVAL, "libpfm4 cannot be initialised");
	int code =
		pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &arg);

	if (code != PFM_SUCCESS)
		return err_set(err, -EINVAL, "event '%s': %s", name, pfm_strerror(code));
	ret->type = attr.type;
	ret->config = attr.config;
	ret->config1 = attr.config1;
	ret->config2 = attr.config2;
	ret->precise_ip = attr.precise_ip;
	ret->exclude_user = attr.exclude_user;
	ret->exclude_kernel = attr.exclude_kernel;
	ret->exclude_hv = attr.exclude_hv;
	ret->is_tracepoint = attr.type == PERF_TYPE_TRACEPOINT;
	return 0;
}

void event_code_finish(struct event_code *code)
{
	free(code->fstr);
	code->fstr = NULL;
}

bool event_pmu_next(int *pos, struct event_pmu *ret)
{
	pfm_pmu_info_t info;

	if (pfm_initialize() != PFM_SUCCESS)
		return false;
	while (*pos < PFM_PMU_MAX) {
		memset(&info, 0, sizeof(info));
		info.size = sizeof(info);
		int code = pfm_get_pmu_info((pfm_pmu_t)(*pos)++, &info);

		if (code == PFM_SUCCESS && info.is_present) {
			*ret = (struct event_pmu){info.name, info.desc, info.is_present,
						  info.nevents};
			return true;
		}
	}
	return false;
}
