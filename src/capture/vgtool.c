/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which Valgrind tool watches the program: see vgtool.h. */
#include "capture/vgtool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"

#define TOOL "mmreplay-amd64-linux"
#define TOOL_32 "mmreplay-x86-linux"

bool vg_tool_find(char *path, size_t size)
{
	static const char *const places[] = { "../libexec/mmreplay/" TOOL, "../capture/valgrind/" TOOL };
	const char *given = getenv("MMREPLAY_TOOL");
	char exe[PATH_MAX], *slash;
	ssize_t n;

	if (given) {
		snprintf(path, size, "%s", given);
		return access(path, X_OK) == 0;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		char name[PATH_MAX + 64], *real;

		*slash = '\0';
		snprintf(name, sizeof(name), "%s/%s", exe, places[i]);
		real = realpath(name, NULL);
		if (real && access(real, X_OK) == 0) {
			snprintf(path, size, "%s", real);
			free(real);
			return true;
		}
		free(real);
	}
	return false;
}

/* Valgrind's own folder of tools. */
static const char *find_folder(void)
{
	static const char *const folders[] = {
		"/usr/libexec/valgrind", "/usr/lib/x86_64-linux-gnu/valgrind", "/usr/lib/valgrind",
		"/usr/lib64/valgrind", "/usr/local/libexec/valgrind", "/usr/local/lib/valgrind",
	};
	const char *given = getenv("VALGRIND_LIB");
	char name[PATH_MAX];

	if (given)
		return given;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(name, sizeof(name), "%s/lackey-amd64-linux", folders[i]);
		if (access(name, X_OK) == 0)
			return folders[i];
	}
	return NULL;
}

int vg_tool_link(const char *dir, const char *tool, struct mmr_error *err)
{
	const char *from = find_folder();
	struct dirent *e;
	int fd, ret = 0;
	DIR *d;

	if (!from)
		return err_set(err, -ENOENT, "the folder of valgrind's tools was not found: set VALGRIND_LIB");
	d = opendir(from);
	if (!d)
		return err_set(err, -errno, "cannot read '%s': %s", from, strerror(errno));
	if (mkdir(dir, 0700) || (fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		closedir(d);
		return err_set(err, -errno, "cannot make the folder '%s': %s", dir, strerror(errno));
	}
	while ((e = readdir(d)) && !ret) {
		char target[PATH_MAX];

		if (e->d_name[0] == '.')
			continue;
		snprintf(target, sizeof(target), "%s/%s", from, e->d_name);
		if (symlinkat(target, fd, e->d_name))
			ret = -errno;
	}
	if (!ret && tool && symlinkat(tool, fd, TOOL))
		ret = -errno;
	/* 32-bit programs run unwatched. */
	if (!ret && tool) {
		char target[PATH_MAX];

		snprintf(target, sizeof(target), "%s/none-x86-linux", from);
		if (symlinkat(target, fd, TOOL_32))
			ret = -errno;
	}
	close(fd);
	closedir(d);
	return ret ? err_set(err, ret, "cannot link into '%s': %s", dir, strerror(-ret)) : 0;
}

void vg_tool_unlink(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}
