/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * An event as a line of text or of JSON, as `mmreplay dump` prints it.
 *
 *	text	TIME_NS CPU TASK NAME field=value ... data="text"
 *	JSON	{"time_ns":..,"cpu":..,"task":..,"kind":"mmap","addr":"0x..",...,"data":".."}
 *
 * Addresses and bit masks are hexadecimal, results of system calls are signed, everything else is
 * decimal.
 */
#ifndef CLI_EVENT_TEXT_H
#define CLI_EVENT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include <mmreplay/trace.h>

void event_put(const struct mmr_event *ev, bool json, FILE *f);

#endif
