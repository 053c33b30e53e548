/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What a program's address space is before its first instruction under valgrind. See image.h. */
#include "capture/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bug.h"

#define PAGE		4096ull
#define PAGE_DOWN(x)	((x) & ~(PAGE - 1))
#define PAGE_UP(x)	PAGE_DOWN((x) + PAGE - 1)
#define STACK_TOP	0x7ffffffff000ull
#define ELF_ET_DYN_BASE	(STACK_TOP / 3 * 2)
#define STACK_MAX	(64ull << 20)	/* valgrind's own limit is 16 MiB */
#define PHDRS_MAX	512
#define STRINGS_MAX	(8u << 20)	/* argument and environment strings: the kernel's limit is 6 MiB */
#define STRING_HEAD	4096		/* of each string that is looked at */
#define AREAS_MAX	65536

/* One line of /proc/PID/maps. */
struct area {
	uint64_t start, end, offset, dev, ino;
	char prot[5];
	char path[IMAGE_PATH_MAX];
};

static bool parse_area(char *line, struct area *a)
{
	unsigned major, minor;
	int n = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &a->start,
		   &a->end, a->prot, &a->offset, &major, &minor, &a->ino, &n) != 7)
		return false;
	a->dev = makedev(major, minor);
	line[strcspn(line, "\n")] = 0;
	snprintf(a->path, sizeof(a->path), "%s", n > 0 ? line + n : "");
	return true;
}

/* ---- executable files ---- */

struct elf {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[PHDRS_MAX];
	bool has_interp;
	bool has_abi_note;	/* NT_GNU_ABI_TAG: linked with glibc's start files */
};

/* Looks for the note among those of one segment. */
static bool find_abi_note(int fd, const Elf64_Phdr *ph)
{
	char buf[4096];
	ssize_t n = pread(fd, buf, ph->p_filesz < sizeof(buf) ? ph->p_filesz : sizeof(buf),
			  (off_t)ph->p_offset);
	size_t at = 0, len = n > 0 ? (size_t)n : 0;

	while (at + sizeof(Elf64_Nhdr) + 4 <= len) {
		Elf64_Nhdr note;

		memcpy(&note, buf + at, sizeof(note));
		at += sizeof(note);
		if (note.n_type == NT_GNU_ABI_TAG && note.n_namesz == 4 &&
		    memcmp(buf + at, "GNU", 4) == 0)
			return true;
		if (note.n_namesz > len || note.n_descsz > len)
			return false;
		at += ((size_t)note.n_namesz + 3) / 4 * 4 + ((size_t)note.n_descsz + 3) / 4 * 4;
	}
	return false;
}

static int read_elf(const char *path, struct elf *elf, struct mmr_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	size_t size;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	if (pread(fd, &elf->eh, sizeof(elf->eh), 0) != sizeof(elf->eh) ||
	    memcmp(elf->eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->eh.e_ident[EI_CLASS] != ELFCLASS64 || elf->eh.e_machine != EM_X86_64 ||
	    elf->eh.e_phentsize != sizeof(Elf64_Phdr) || elf->eh.e_phnum > PHDRS_MAX) {
		ret = err_set(err, -ENOEXEC, "'%s' is not an x86-64 ELF file", path);
		goto out;
	}
	size = elf->eh.e_phnum * sizeof(Elf64_Phdr);
	if (pread(fd, elf->ph, size, (off_t)elf->eh.e_phoff) != (ssize_t)size) {
		ret = err_set(err, -ENOEXEC, "'%s' has no program headers", path);
		goto out;
	}
	for (unsigned i = 0; i < elf->eh.e_phnum; i++) {
		elf->has_interp |= elf->ph[i].p_type == PT_INTERP;
		if (elf->ph[i].p_type == PT_NOTE)
			elf->has_abi_note |= find_abi_note(fd, &elf->ph[i]);
	}
out:
	close(fd);
	return ret;
}

static void add_segment(struct image *im, unsigned file, const Elf64_Phdr *ph)
{
	struct image_segment *s;
	uint64_t file_end = ph->p_vaddr + ph->p_filesz, end = ph->p_vaddr + ph->p_memsz;

	s = vec_push(&im->segment);
	*s = (struct image_segment){ .file = file, .vaddr = PAGE_DOWN(ph->p_vaddr),
				     .offset = PAGE_DOWN(ph->p_offset) };
	s->file_len = ph->p_filesz ? PAGE_UP(file_end) - s->vaddr : 0;
	if (end > file_end) {
		s->bss_len = PAGE_UP(end) - s->vaddr - s->file_len;
		if (ph->p_flags & PF_W && PAGE_UP(file_end) != file_end && ph->p_filesz) {
			s->zero_start = file_end;
			s->zero_len = PAGE_UP(file_end) - file_end;
		}
	}
	s->prot = (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
		  (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Reads the segments; `start` is where the tool mapped the file's first one. */
static int add_file(struct image *im, const struct area *a, const struct elf *elf, struct mmr_error *err)
{
	struct image_file *f = &im->file[im->nr_files];
	bool has_load = false;

	snprintf(f->path, sizeof(f->path), "%s", a->path);
	f->dev = a->dev;
	f->ino = a->ino;
	f->is_dyn = elf->eh.e_type == ET_DYN;
	f->align = PAGE;
	for (unsigned i = 0; i < elf->eh.e_phnum; i++) {
		const Elf64_Phdr *ph = &elf->ph[i];

		if (ph->p_type != PT_LOAD || !ph->p_memsz)
			continue;
		if (ph->p_vaddr + ph->p_memsz < ph->p_vaddr || ph->p_memsz < ph->p_filesz ||
		    ph->p_vaddr + ph->p_memsz >= STACK_TOP)
			return err_set(err, -ENOEXEC, "'%s' has a segment out of range", a->path);
		if (!has_load) {
			f->first = PAGE_DOWN(ph->p_vaddr);
			f->first_offset = PAGE_DOWN(ph->p_offset);
		}
		has_load = true;
		f->last = PAGE_UP(ph->p_vaddr + ph->p_memsz);
		if (ph->p_align > f->align && (ph->p_align & (ph->p_align - 1)) == 0)
			f->align = ph->p_align;
		add_segment(im, im->nr_files, ph);
	}
	if (!has_load)
		return err_set(err, -ENOEXEC, "'%s' has nothing to load", a->path);
	f->tool_bias = f->is_dyn ? a->start - f->first : 0;
	im->nr_files++;
	return 0;
}

/*
 * The program's own files among the areas: all that are mapped from their first segment's offset and are
 * neither the tool nor anything else. At most two: the executable and its interpreter.
 */
static int find_files(struct image *im, const struct area *areas, size_t nr, uint64_t tool_dev,
		      uint64_t tool_ino, struct mmr_error *err)
{
	const struct area *found[2];
	struct elf *elf = xcalloc(2, sizeof(*elf));
	unsigned n = 0;
	int ret = 0;

	for (size_t i = 0; i < nr && n < 2; i++) {
		const struct area *a = &areas[i];

		if (!a->ino || a->path[0] != '/' || (a->ino == tool_ino && a->dev == tool_dev) ||
		    a->prot[3] == 's')
			continue;
		if (n == 1 && a->ino == found[0]->ino && a->dev == found[0]->dev)
			continue;
		ret = read_elf(a->path, &elf[n], err);
		if (ret)
			goto out;
		found[n++] = a;
	}
	if (n == 0) {
		ret = err_set(err, -ENOEXEC, "the program is not mapped when valgrind starts it");
		goto out;
	}
	/* The executable first: it is the one that names an interpreter. */
	for (unsigned i = 0; i < n && !ret; i++) {
		unsigned at = n == 2 && !elf[0].has_interp ? 1 - i : i;

		ret = add_file(im, found[at], &elf[at], err);
		if (i == 0)
			im->reads_vdso = n == 1 && elf[at].has_abi_note;
	}
	if (n == 2)
		im->reads_vdso = strstr(im->file[1].path, "/ld-linux") != NULL;
out:
	free(elf);
	return ret;
}

/* ---- the stack ---- */

struct remote {
	int fd;
};

static bool remote_read(const struct remote *r, uint64_t addr, void *buf, size_t size)
{
	return pread(r->fd, buf, size, (off_t)addr) == (ssize_t)size;
}

static void remote_write(const struct remote *r, uint64_t addr, const void *buf, size_t size)
{
	if (pwrite(r->fd, buf, size, (off_t)addr) != (ssize_t)size)
		return;		/* the program runs with valgrind's library, as it would anyway */
}

/* Length of a string with its NUL, 0 when it cannot be read. */
static size_t remote_strsize(const struct remote *r, uint64_t addr, char *head, size_t head_size)
{
	char buf[256];
	size_t len = 0;

	memset(head, 0, head_size);
	while (len < STRINGS_MAX) {
		size_t want = sizeof(buf) - (addr + len) % sizeof(buf), got;

		if (!remote_read(r, addr + len, buf, want))
			return 0;
		got = strnlen(buf, want);
		for (size_t i = 0; i < got && len + i + 1 < head_size; i++)
			head[len + i] = buf[i];
		len += got;
		if (got < want)
			return len + 1;
	}
	return 0;
}

/*
 * What valgrind adds to the environment, in bytes that a native run would not have: 0 for other strings.
 *
 * Valgrind also has a library of its own loaded into dynamic programs, for nothing that lackey does. So
 * that the program maps what it maps natively, the variable is given another name, or back its own value,
 * before the program can see it.
 */
static size_t added_bytes(const struct remote *r, uint64_t addr, const char *head, size_t size)
{
	static const char preload[] = "LD_PRELOAD=", renamed[] = "VG_PRELOAD=";
	const size_t n = sizeof(preload) - 1;
	const char *colon;

	if (strncmp(head, IMAGE_PAD_VAR "=", sizeof(IMAGE_PAD_VAR)) == 0 ||
	    strncmp(head, renamed, n) == 0)
		return size;
	if (strncmp(head, preload, n) != 0 || !strstr(head, "vgpreload_core"))
		return 0;
	colon = strchr(head, ':');
	if (!colon) {
		remote_write(r, addr, renamed, n);
		return size;
	}
	if (size <= STRING_HEAD)
		remote_write(r, addr + n, colon + 1, strlen(colon));
	return (size_t)(colon + 1 - (head + n));
}

/*
 * The strings that the kernel would put on the stack, and from them where it would put the stack pointer:
 * strings from the top down (file name, environment, arguments), platform, 16 random bytes, then
 * auxiliary vector, pointers and argc, aligned to 16.
 */
static int native_stack(struct image *im, const struct remote *r, struct mmr_error *err)
{
	uint64_t p = im->tool_sp, word, argc, args = 0, env = 0, nr_env = 0, aux_words = 0, sp;
	uint64_t execfn = 0;
	char head[STRING_HEAD];

	if (!remote_read(r, p, &argc, 8) || argc == 0 || argc > STRINGS_MAX)
		return err_set(err, -EIO, "cannot read the program's initial stack");
	for (uint64_t i = 0; i < argc; i++) {
		size_t n;

		if (!remote_read(r, p + 8 + i * 8, &word, 8) ||
		    !(n = remote_strsize(r, word, head, sizeof(head))))
			return err_set(err, -EIO, "cannot read the program's arguments");
		args += n;
	}
	for (p += 16 + argc * 8;; p += 8) {
		size_t n, added;

		if (!remote_read(r, p, &word, 8))
			return err_set(err, -EIO, "cannot read the program's environment");
		if (!word)
			break;
		n = remote_strsize(r, word, head, sizeof(head));
		if (!n || env + n > STRINGS_MAX)
			return err_set(err, -EIO, "cannot read the program's environment");
		added = added_bytes(r, word, head, n);
		env += n - added;
		nr_env += added != n;
	}
	for (p += 8;; p += 16) {
		uint64_t aux[2];

		if (!remote_read(r, p, aux, 16) || aux_words > 256)
			return err_set(err, -EIO, "cannot read the program's auxiliary vector");
		aux_words += 2;
		if (aux[0] == AT_EXECFN) {
			execfn = remote_strsize(r, aux[1], head, sizeof(head));
			snprintf(im->comm, sizeof(im->comm), "%.15s",
				 strrchr(head, '/') ? strrchr(head, '/') + 1 : head);
		}
		if (aux[0] == AT_NULL)
			break;
	}
	sp = STACK_TOP - 8 - execfn - env;
	im->native_arg_end = STACK_TOP - 8;
	im->native_arg_start = sp - args;
	sp = (im->native_arg_start & ~15ull) - sizeof("x86_64") - 16;
	sp -= aux_words * 8;
	sp = (sp - (argc + 1 + nr_env + 1 + 1) * 8) & ~15ull;
	im->native_sp = sp;
	im->native_stack_end = STACK_TOP;
	im->sp_differs = (im->tool_sp - sp) % PAGE != 0;
	return 0;
}

/* The client's stack is zero below the initial stack pointer, where argc stands. */
static int find_stack(struct image *im, const struct area *areas, size_t nr, const struct remote *r,
		      struct mmr_error *err)
{
	const struct area *stack = NULL;
	uint64_t word, sp;

	for (size_t i = 0; i < nr; i++)
		if (!areas[i].ino && !areas[i].path[0] && strcmp(areas[i].prot, "rw-p") == 0 &&
		    areas[i].start < 0x7f0000000000ull)
			stack = &areas[i];
	if (!stack)
		return err_set(err, -EIO, "the program's stack is not mapped when valgrind starts it");
	for (sp = stack->start; sp < stack->end; sp += 8)
		if (!remote_read(r, sp, &word, 8) || word)
			break;
	im->tool_sp = sp;
	im->tool_stack_end = stack->end;
	im->tool_stack_start = stack->end - STACK_MAX;
	return native_stack(im, r, err);
}

/* The heap's first page is mapped by valgrind: an anonymous executable area below its own. */
static void find_brk(struct image *im, const struct area *areas, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!areas[i].ino && strcmp(areas[i].prot, "rwxp") == 0 &&
		    areas[i].start < 0x58000000) {
			im->tool_brk = areas[i].start;
			return;
		}
}

/* Sizes of the kernel's own pages, as this process sees them. */
static void find_vdso(struct image *im)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[IMAGE_PATH_MAX + 128];
	struct area a;

	while (f && fgets(line, sizeof(line), f)) {
		if (!parse_area(line, &a))
			continue;
		struct image_special *s;

		if (strncmp(a.path, "[vvar", 5) != 0 && strcmp(a.path, "[vdso]") != 0)
			continue;
		s = vec_push(&im->special);
		s->len = a.end - a.start;
		s->prot = PROT_READ | (a.prot[2] == 'x' ? PROT_EXEC : 0);
		snprintf(s->name, sizeof(s->name), "%.*s", (int)sizeof(s->name) - 1, a.path);
		im->vdso_len += s->len;
	}
	if (f)
		fclose(f);
}

int image_read(struct image *im, pid_t pid, struct mmr_error *err)
{
	VEC(struct area) areas = {0};
	struct remote r = { .fd = -1 };
	char path[64], line[IMAGE_PATH_MAX + 128];
	struct stat tool;
	FILE *f;
	int ret;

	memset(im, 0, sizeof(*im));
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &tool))
		return err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	r.fd = open(path, O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f || r.fd < 0) {
		ret = err_set(err, -errno, "cannot read the memory of process %d: %s", pid, strerror(errno));
		goto out;
	}
	while (fgets(line, sizeof(line), f) && areas.nr < AREAS_MAX) {
		vec_reserve(&areas, areas.nr + 1);
		areas.nr += parse_area(line, &areas.data[areas.nr]);
	}
	ret = find_files(im, areas.data, areas.nr, tool.st_dev, tool.st_ino, err);
	if (!ret)
		ret = find_stack(im, areas.data, areas.nr, &r, err);
	find_brk(im, areas.data, areas.nr);
	find_vdso(im);
out:
	if (f)
		fclose(f);
	if (r.fd >= 0)
		close(r.fd);
	vec_finish(&areas);
	return ret;
}

void image_finish(struct image *im)
{
	vec_finish(&im->special);
	vec_finish(&im->segment);
}

/* ---- native places ---- */

uint64_t image_mmap_base(uint64_t stack_limit_bytes)
{
	uint64_t gap = stack_limit_bytes, pad = 256 * PAGE;

	if (gap + pad > gap)
		gap += pad;
	if (gap < 128ull << 20)
		gap = 128ull << 20;
	else if (gap > STACK_TOP / 6 * 5)
		gap = STACK_TOP / 6 * 5;
	return PAGE_UP(STACK_TOP - gap);
}

/* Searches room for all segments of a file together, as the kernel does for an interpreter. */
static void place_file(struct image_file *f, struct layout *l)
{
	uint64_t len = f->last - f->first;
	struct layout_request req = { .tool = f->first + f->tool_bias, .len = len,
				      .offset = f->first_offset, .has_file = true };

	f->native_bias = layout_mmap(l, &req) - f->first;
}

static void place_native(struct image *im, struct layout *l)
{
	struct image_file *exe = &im->file[0];

	if (!exe->is_dyn) {
		exe->native_bias = 0;
		layout_add(l, exe->first, exe->last - exe->first, exe->first);
	} else if (im->nr_files > 1) {
		uint64_t base = PAGE_DOWN((ELF_ET_DYN_BASE & ~(exe->align - 1)) - exe->first);

		exe->native_bias = base;
		layout_add(l, exe->first + exe->tool_bias, exe->last - exe->first, exe->first + base);
	} else {
		place_file(exe, l);
	}
	if (im->nr_files > 1)
		place_file(&im->file[1], l);
	im->native_brk = PAGE_UP(exe->is_dyn && im->nr_files == 1 ? ELF_ET_DYN_BASE :
				 exe->last + exe->native_bias);
	im->vdso = layout_reserve(l, im->vdso_len);
}

/*
 * The stack moves by whole pages, so that the stack pointer's page becomes its native one. Where the
 * tool's strings need a page more than the native ones, its last pages share the last native one.
 */
static void place_stack(struct image *im, struct layout *l)
{
	uint64_t delta = PAGE_DOWN(im->native_sp) - PAGE_DOWN(im->tool_sp);
	uint64_t tool_top = im->native_stack_end - delta, end = im->tool_stack_end;

	if (tool_top > end)
		tool_top = end;
	layout_add(l, im->tool_stack_start, tool_top - im->tool_stack_start,
		   im->tool_stack_start + delta);
	for (; tool_top < end; tool_top += PAGE)
		layout_add(l, tool_top, PAGE, im->native_stack_end - PAGE);
}

void image_place(struct image *im, struct layout *l)
{
	if (l->native) {
		place_native(im, l);
		place_stack(im, l);
		return;
	}
	for (unsigned i = 0; i < im->nr_files; i++) {
		struct image_file *f = &im->file[i];

		f->native_bias = f->tool_bias;
		layout_add(l, f->first + f->tool_bias, f->last - f->first, f->first + f->tool_bias);
	}
	im->native_brk = im->tool_brk;
	im->native_sp = im->tool_sp;
	im->native_stack_end = im->tool_stack_end;
	im->native_arg_start = im->tool_sp;
	im->native_arg_end = im->tool_stack_end;
	im->vdso_len = 0;
	layout_add(l, im->tool_stack_start, im->tool_stack_end - im->tool_stack_start,
		   im->tool_stack_start);
}
