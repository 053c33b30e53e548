/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Room for the program's heap under valgrind. See vgheap.h. */
#include "capture/vgheap.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t pattern[] = { 0xb8, 0x00, 0x00, 0x80, 0x00, 0xba, 0x00, 0x00, 0x10, 0x00 };

/* Address of the only occurrence of the pattern in one segment, 0 for none, UINT64_MAX for several. */
static uint64_t find_in(const uint8_t *file, const Elf64_Phdr *ph)
{
	const uint8_t *start = file + ph->p_offset, *end = start + ph->p_filesz;
	const uint8_t *at = memmem(start, (size_t)(end - start), pattern, sizeof(pattern));

	if (!at)
		return 0;
	if (memmem(at + 1, (size_t)(end - at - 1), pattern, sizeof(pattern)))
		return UINT64_MAX;
	return ph->p_vaddr + (uint64_t)(at - start) + 1;
}

static uint64_t find(const uint8_t *file, size_t size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)file;
	uint64_t found = 0;

	if (size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 || eh->e_type != ET_EXEC ||
	    eh->e_phoff > size || eh->e_phnum * sizeof(Elf64_Phdr) > size - eh->e_phoff ||
	    eh->e_phoff % _Alignof(Elf64_Phdr))
		return 0;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = (const Elf64_Phdr *)(file + eh->e_phoff) + i;
		uint64_t at;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || ph->p_offset > size ||
		    ph->p_filesz > size - ph->p_offset)
			continue;
		at = find_in(file, ph);
		if (at && found)
			return 0;
		if (at)
			found = at;
	}
	return found == UINT64_MAX ? 0 : found;
}

uint64_t vg_heap_find(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t found = 0;
	struct stat st;
	void *file;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED) {
			found = find(file, (size_t)st.st_size);
			munmap(file, (size_t)st.st_size);
		}
	}
	close(fd);
	return found;
}

bool vg_heap_raise(pid_t pid, uint64_t addr)
{
	const uint32_t from = VG_HEAP_DEFAULT, to = VG_HEAP_RAISED;
	char path[64];
	uint32_t now;
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = pread(fd, &now, sizeof(now), (off_t)addr) == sizeof(now) && now == from &&
	     pwrite(fd, &to, sizeof(to), (off_t)addr) == sizeof(to);
	close(fd);
	return ok;
}
