/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where results go. A whole text is written at once: to a file through a temporary name beside it
 * and a rename, so that there is the old file or the new one and never half of it; to standard
 * output with every error looked at. "-" is standard output; devices and pipes are written in
 * place.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

/*
 * Before anything is opened: standard descriptors exist, SIGPIPE is an error, SIGINT ends with 130.
 */
void output_init(void);
/* Writes it all, or prints why not. A cli_status. */
int output_write(const char *path, const char *text, size_t len);
/* Flushes and closes standard output; CLI_HOST with a message when something did not get there. */
int output_finish(int status);

#endif
