/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the mmreplay authors */
/*
 * A Valgrind tool that writes every access of a program as page runs. Linked with Valgrind's core, and therefore under the
 * GNU General Public License, version 2 or later, unlike the rest of mmreplay: see README in this folder.
 *
 * A page run is what consecutive accesses of one stream (instructions or data) of a thread do to one page: mmreplay-trace(5).
 * The code that Valgrind makes for the program compares each data access with the page of the open run, inline; only
 * another page, or the first access of the other kind, calls a function. Nothing is counted one by one: stretches of code
 * without an exit add what they hold to totals, and a call says how much of its stretch came before it. A run is the
 * difference between two totals.
 *
 * All that the inline code needs stands in the thread's own register file, in the part that Valgrind keeps for tools (shadow
 * registers): so threads do not disturb each other, and an address is an offset.
 *
 * The rest is in frame.h (what is written, when runs close). Nothing here changes what the program does.
 */
#include <pub_tool_basics.h>
#include <pub_tool_tooliface.h>
#include <pub_tool_guest.h>
#include <pub_tool_libcassert.h>
#include <pub_tool_libcbase.h>
#include <pub_tool_libcfile.h>
#include <pub_tool_libcprint.h>
#include <pub_tool_libcproc.h>
#include <pub_tool_machine.h>
#include <pub_tool_mallocfree.h>
#include <pub_tool_options.h>
#include <pub_tool_threadstate.h>
#include <pub_tool_vki.h>

#include "capture/valgrind/frame.h"

/*
 * Of the core, not declared for tools: a descriptor out of the program's reach; a file mapped among the core's own; the
 * value of --log-file. (An option of our own would be refused by the tool that stands in for us under 32-bit programs.)
 */
extern Int VG_(safe_fd)(Int fd);
extern const HChar *VG_(clo_log_fname_unexpanded);
extern SysRes VG_(am_shared_mmap_file_float_valgrind)(SizeT length, UInt prot, Int fd, Off64T offset);

#define PAGE_SHIFT	12
#define PAGE_BYTES	(1ull << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_BYTES - 1))
#define NO_PAGE		0x8000000000000000ull	/* not canonical: no access comes near it */

/* In the shadow registers of each thread. */
typedef struct {
	ULong insn_page;		/* address of the page of the open instruction run */
	ULong read_page;		/* of the open data run, once something in it was read */
	ULong write_page;		/* the same, once something was written */
	ULong nr_insns, nr_reads, nr_writes;	/* totals, up to the stretch that runs */
	ULong limit;			/* of nr_insns: the runs close at the next jump */
	ULong next_insn;		/* where the code goes on if it does not jump */
} Streams;

/* What of a stretch came before a place in it: 16 bits each of instructions, reads, writes, and the size of the access. */
#define PLACE(size, insns, reads, writes) \
	((ULong)(size) | (ULong)(reads) << 16 | (ULong)(writes) << 32 | (ULong)(insns) << 48)
#define PLACE_SIZE(place)	((place) & 0xffff)
#define PLACE_READS(place)	((place) >> 16 & 0xffff)
#define PLACE_WRITES(place)	((place) >> 32 & 0xffff)
#define PLACE_INSNS(place)	((place) >> 48)

static SizeT shadow_offset;		/* of Streams in the guest state */
static struct frame_ring *ring;
static struct frame_run *runs;		/* of the frame that is being built, in the ring */
static UInt nr_runs;
static ULong start;			/* of that frame, in bytes since the first one */
static struct frame_run *insn_run, *data_run;	/* open ones, of the thread that runs; NULL none */
static ULong insn_mark, read_mark, write_mark;	/* totals when they were opened */
static Streams *streams;		/* of that thread; NULL: nothing is open */
static ThreadId current = VG_INVALID_THREADID;
static Int out_fd = -1;

/* ---- output ---- */

static Int open_file(const HChar *suffix, Int flags)
{
	HChar *log = VG_(expand_file_name)("--log-file", VG_(clo_log_fname_unexpanded));
	HChar *path = VG_(malloc)("mmreplay.path", VG_(strlen)(log) + VG_(strlen)(suffix) + 1);
	SysRes res;

	VG_(strcpy)(path, log);
	VG_(strcat)(path, suffix);
	res = VG_(open)(path, flags, 0);
	if (sr_isError(res)) {
		VG_(umsg)("cannot open '%s'\n", path);
		VG_(exit)(1);
	}
	VG_(free)(path);
	VG_(free)(log);
	return VG_(safe_fd)((Int)sr_Res(res));
}

/* Room for one frame in one piece behind `start`: waits for the reader. */
static void begin_frame(void)
{
	ULong most = FRAME_RUNS_MAX * sizeof(runs[0]);

	if (FRAME_RING_BYTES - start % FRAME_RING_BYTES < most)
		start += FRAME_RING_BYTES - start % FRAME_RING_BYTES;
	while ((Long)(start + most - ring->taken) > (Long)FRAME_RING_BYTES)
		VG_(poll)(NULL, 0, 1);
	runs = (struct frame_run *)((UChar *)(ring + 1) + start % FRAME_RING_BYTES);
	nr_runs = 0;
}

static void open_output(void)
{
	SysRes res;
	Int fd;

	if (!VG_(clo_log_fname_unexpanded)) {
		VG_(umsg)("this tool is started by mmreplay capture\n");
		VG_(exit)(1);
	}
	out_fd = open_file("", VKI_O_WRONLY);
	fd = open_file(".ring", VKI_O_RDWR);
	res = VG_(am_shared_mmap_file_float_valgrind)(FRAME_FILE_BYTES, VKI_PROT_READ | VKI_PROT_WRITE, fd, 0);
	VG_(close)(fd);
	if (sr_isError(res)) {
		VG_(umsg)("cannot map the ring of page runs\n");
		VG_(exit)(1);
	}
	ring = (struct frame_ring *)sr_Res(res);
	ring->taken = start = 0;
	begin_frame();
}

/* Hands over what there is. The runs are closed. */
static void write_frame(ThreadId tid)
{
	struct frame_header h = { FRAME_MAGIC, tid, start, nr_runs };

	if (!nr_runs)
		return;
	/* Short enough to go at once or not at all: nobody listens any more. */
	if (VG_(write)(out_fd, &h, sizeof(h)) != sizeof(h))
		VG_(exit)(1);
	start += nr_runs * sizeof(runs[0]);
	begin_frame();
}

/* ---- runs ---- */

static inline struct frame_run *new_run(ULong page_and_bits)
{
	struct frame_run *r = &runs[nr_runs++];

	if (UNLIKELY(nr_runs > FRAME_RUNS_MAX))
		VG_(tool_panic)("more runs than a stretch of code can make");
	r->page = page_and_bits;
	r->nr_reads = r->nr_writes = r->other_at = r->nr_split = 0;
	return r;
}

static void end_insn_run(ULong insns)
{
	if (insn_run)
		insn_run->nr_reads = (UShort)(insns - insn_mark);
}

static void end_data_run(ULong reads, ULong writes)
{
	if (!data_run)
		return;
	data_run->nr_reads = (UShort)(reads - read_mark);
	data_run->nr_writes = (UShort)(writes - write_mark);
}

static void close_runs(Streams *s)
{
	end_insn_run(s->nr_insns);
	end_data_run(s->nr_reads, s->nr_writes);
	insn_run = data_run = NULL;
	s->insn_page = s->read_page = s->write_page = NO_PAGE;
	s->limit = s->nr_insns + FRAME_INSTRUCTIONS;
}

/* Every call from the program's code comes through here. */
static Streams *streams_of(void *guest_state)
{
	return streams = (Streams *)((UChar *)guest_state + shadow_offset);
}

/* Closes and writes what the thread that ran last has open. */
static void close_current(void)
{
	if (streams)
		close_runs(streams);
	streams = NULL;
	write_frame(current);
}

/* ---- called by the code ---- */

/* Enough instructions: closes, if the code has just jumped. Code without a jump goes on until the runs' room gets short. */
static void at_start(void *guest_state, Addr addr)
{
	Streams *s = streams_of(guest_state);

	if (addr == s->next_insn && nr_runs < FRAME_RUNS_MAX / 2)
		return;
	close_runs(s);
	write_frame(current);
}

/* An instruction on another page, with `insns` of its stretch before it. */
static void other_insn_page(void *guest_state, Addr page, ULong insns)
{
	Streams *s = streams_of(guest_state);

	insns += s->nr_insns;
	end_insn_run(insns);
	insn_run = new_run(page >> PAGE_SHIFT | FRAME_INSN);
	insn_mark = insns;
	s->insn_page = page;
}

/* The second half of an instruction that straddles two pages: it counts in both. */
static void split_insn(void *guest_state, Addr page, ULong insns)
{
	Streams *s = streams_of(guest_state);

	end_insn_run(s->nr_insns + insns + 1);
	insn_run = new_run(page >> PAGE_SHIFT | FRAME_INSN);
	insn_run->nr_split = 1;
	insn_mark = s->nr_insns + insns;
	s->insn_page = page;
}

static void open_data_run(Streams *s, Addr page, Bool write, ULong reads, ULong writes)
{
	data_run = new_run(page >> PAGE_SHIFT | (write ? FRAME_WRITE_FIRST : 0));
	read_mark = reads;
	write_mark = writes;
	s->read_page = write ? NO_PAGE : page;
	s->write_page = write ? page : NO_PAGE;
}

/*
 * A data access that the inline code could not place: another page, another kind, or two pages. It is not in `reads` and
 * `writes` yet.
 */
static inline void data_access(Streams *s, Addr addr, ULong place, Bool write)
{
	ULong reads = s->nr_reads + PLACE_READS(place), writes = s->nr_writes + PLACE_WRITES(place);
	Addr page = addr & PAGE_MASK, last = (addr + PLACE_SIZE(place) - 1) & PAGE_MASK;

	if ((write ? s->read_page : s->write_page) == page && (write ? s->write_page : s->read_page) == NO_PAGE) {
		/* The first access of the other kind. */
		data_run->other_at = (UShort)(write ? reads - read_mark : writes - write_mark);
		if (write)
			s->write_page = page;
		else
			s->read_page = page;
	} else if ((write ? s->write_page : s->read_page) != page) {
		end_data_run(reads, writes);
		open_data_run(s, page, write, reads, writes);
	}
	if (UNLIKELY(last != page)) {
		end_data_run(reads + !write, writes + write);
		open_data_run(s, last, write, reads, writes);
		data_run->nr_split = 1;
	}
}

static void other_read(void *guest_state, Addr addr, ULong place)
{
	data_access(streams_of(guest_state), addr, place, False);
}

static void other_write(void *guest_state, Addr addr, ULong place)
{
	data_access(streams_of(guest_state), addr, place, True);
}

/* ---- instrumentation ---- */

/* A block on its way. */
typedef struct {
	IRSB *out;
	Addr page;			/* that the last instruction lies in; NO_PAGE: not known */
	UInt insns, reads, writes;	/* of the stretch since the last exit */
	Addr next;			/* behind the last instruction; 0 before the first */
} Block;

static IRExpr *u64(ULong v)
{
	return IRExpr_Const(IRConst_U64(v));
}

static IRExpr *assign(Block *b, IRType ty, IRExpr *e)
{
	IRTemp t = newIRTemp(b->out->tyenv, ty);

	addStmtToIRSB(b->out, IRStmt_WrTmp(t, e));
	return IRExpr_RdTmp(t);
}

static IRExpr *get_field(Block *b, SizeT field)
{
	return assign(b, Ity_I64, IRExpr_Get((Int)(shadow_offset + field), Ity_I64));
}

static void put_field(Block *b, SizeT field, IRExpr *e)
{
	addStmtToIRSB(b->out, IRStmt_Put((Int)(shadow_offset + field), e));
}

#define FIELD(name) offsetof_streams_##name
#define offsetof_streams_insn_page	((SizeT)&((Streams *)0)->insn_page)
#define offsetof_streams_read_page	((SizeT)&((Streams *)0)->read_page)
#define offsetof_streams_write_page	((SizeT)&((Streams *)0)->write_page)
#define offsetof_streams_nr_insns	((SizeT)&((Streams *)0)->nr_insns)
#define offsetof_streams_nr_reads	((SizeT)&((Streams *)0)->nr_reads)
#define offsetof_streams_nr_writes	((SizeT)&((Streams *)0)->nr_writes)
#define offsetof_streams_limit		((SizeT)&((Streams *)0)->limit)
#define offsetof_streams_next_insn	((SizeT)&((Streams *)0)->next_insn)

/* Calls fn when guard (a 1-bit expression) holds. It reads and writes the streams. */
static void call(Block *b, const HChar *name, void *fn, IRExpr **args, IRExpr *guard)
{
	IRDirty *d = unsafeIRDirty_0_N(0, name, VG_(fnptr_to_fnentry)(fn), args);

	d->guard = guard;
	d->nFxState = 1;
	VG_(memset)(&d->fxState, 0, sizeof(d->fxState));
	d->fxState[0].fx = Ifx_Modify;
	d->fxState[0].offset = (UShort)shadow_offset;
	d->fxState[0].size = sizeof(Streams);
	addStmtToIRSB(b->out, IRStmt_Dirty(d));
}

static void add_to(Block *b, SizeT field, ULong n)
{
	put_field(b, field, assign(b, Ity_I64, IRExpr_Binop(Iop_Add64, get_field(b, field), u64(n))));
}

/* What a guard says and the access's own condition. */
static IRExpr *both(Block *b, IRExpr *guard, IRExpr *condition)
{
	IRExpr *x, *y;

	if (!condition)
		return guard;
	x = assign(b, Ity_I32, IRExpr_Unop(Iop_1Uto32, guard));
	y = assign(b, Ity_I32, IRExpr_Unop(Iop_1Uto32, condition));
	x = assign(b, Ity_I32, IRExpr_Binop(Iop_And32, x, y));
	return assign(b, Ity_I1, IRExpr_Unop(Iop_32to1, x));
}

static ULong place_of(const Block *b, Int size)
{
	return PLACE(size, b->insns, b->reads, b->writes);
}

/* One data access. condition: a 1-bit atom under which it happens, NULL always. */
static void data(Block *b, IRExpr *addr, Int size, Bool write, IRExpr *condition)
{
	SizeT page = write ? FIELD(write_page) : FIELD(read_page);
	SizeT total = write ? FIELD(nr_writes) : FIELD(nr_reads);
	IRExpr *offset, *outside;

	offset = assign(b, Ity_I64, IRExpr_Binop(Iop_Sub64, addr, get_field(b, page)));
	outside = assign(b, Ity_I1, IRExpr_Binop(Iop_CmpLT64U, u64(PAGE_BYTES - (ULong)size), offset));
	call(b, write ? "other_write" : "other_read", write ? other_write : other_read,
	     mkIRExprVec_3(IRExpr_GSPTR(), addr, u64(place_of(b, size))), both(b, outside, condition));
	if (condition) {
		IRExpr *one = assign(b, Ity_I64, IRExpr_Unop(Iop_1Uto64, condition));

		put_field(b, total, assign(b, Ity_I64, IRExpr_Binop(Iop_Add64, get_field(b, total), one)));
	} else if (write) {
		b->writes++;
	} else {
		b->reads++;
	}
}

/* The thread may leave here: what the stretch holds goes into the totals. */
static void before_exit(Block *b)
{
	if (b->insns)
		add_to(b, FIELD(nr_insns), b->insns);
	if (b->reads)
		add_to(b, FIELD(nr_reads), b->reads);
	if (b->writes)
		add_to(b, FIELD(nr_writes), b->writes);
	b->insns = b->reads = b->writes = 0;
	put_field(b, FIELD(next_insn), u64(b->next));
}

/* The place behind a jump: the only one where runs close by themselves. */
static void behind_jump(Block *b, Addr addr)
{
	IRExpr *used = assign(b, Ity_I1, IRExpr_Binop(Iop_CmpLE64U, get_field(b, FIELD(limit)),
						      get_field(b, FIELD(nr_insns))));

	call(b, "at_start", at_start, mkIRExprVec_2(IRExpr_GSPTR(), u64(addr)), used);
	b->page = NO_PAGE;
}

static void enter_page(Block *b, Addr page)
{
	IRExpr *differs = assign(b, Ity_I1, IRExpr_Binop(Iop_CmpNE64, get_field(b, FIELD(insn_page)), u64(page)));

	call(b, "other_insn_page", other_insn_page, mkIRExprVec_3(IRExpr_GSPTR(), u64(page), u64(b->insns)), differs);
	b->page = page;
}

/* One instruction of `len` bytes. */
static void insn(Block *b, Addr addr, UInt len)
{
	Addr page = addr & PAGE_MASK, last = (addr + len - 1) & PAGE_MASK;

	if (b->next && addr != b->next) {
		/* Valgrind followed a jump inside of the block. */
		before_exit(b);
		behind_jump(b, addr);
	}
	if (b->page != page)
		enter_page(b, page);
	if (last != page) {
		call(b, "split_insn", split_insn, mkIRExprVec_3(IRExpr_GSPTR(), u64(last), u64(b->insns)),
		     IRExpr_Const(IRConst_U1(True)));
		b->page = last;
	}
	b->next = addr + len;
	b->insns++;
}

static Int size_of(const IRSB *sb, IRExpr *e)
{
	return sizeofIRType(typeOfIRExpr(sb->tyenv, e));
}

static Int size_of_result(IRLoadGOp cvt)
{
	IRType to, from;

	typeOfIRLoadGOp(cvt, &to, &from);
	return sizeofIRType(from);
}

static void atomic(Block *b, const IRSB *sb, const IRCAS *cas)
{
	Int size = size_of(sb, cas->dataLo) * (cas->dataHi ? 2 : 1);

	data(b, cas->addr, size, False, NULL);
	data(b, cas->addr, size, True, NULL);
}

/* A helper of Valgrind's own that stands for an instruction, and touches memory. */
static void helper(Block *b, const IRDirty *d)
{
	if (d->mFx == Ifx_None)
		return;
	if (d->mFx == Ifx_Read || d->mFx == Ifx_Modify)
		data(b, d->mAddr, d->mSize, False, d->guard);
	if (d->mFx == Ifx_Write || d->mFx == Ifx_Modify)
		data(b, d->mAddr, d->mSize, True, d->guard);
}

/* What comes before the statement itself. */
static void before_statement(Block *b, const IRSB *sb, const IRStmt *st)
{
	switch (st->tag) {
	case Ist_IMark:
		insn(b, st->Ist.IMark.addr + st->Ist.IMark.delta, st->Ist.IMark.len);
		break;
	case Ist_WrTmp:
		if (st->Ist.WrTmp.data->tag == Iex_Load)
			data(b, st->Ist.WrTmp.data->Iex.Load.addr,
			     sizeofIRType(st->Ist.WrTmp.data->Iex.Load.ty), False, NULL);
		break;
	case Ist_Store:
		data(b, st->Ist.Store.addr, size_of(sb, st->Ist.Store.data), True, NULL);
		break;
	case Ist_LoadG:
		data(b, st->Ist.LoadG.details->addr, size_of_result(st->Ist.LoadG.details->cvt), False,
		     st->Ist.LoadG.details->guard);
		break;
	case Ist_StoreG:
		data(b, st->Ist.StoreG.details->addr, size_of(sb, st->Ist.StoreG.details->data), True,
		     st->Ist.StoreG.details->guard);
		break;
	case Ist_CAS:
		atomic(b, sb, st->Ist.CAS.details);
		break;
	case Ist_Dirty:
		helper(b, st->Ist.Dirty.details);
		break;
	case Ist_Exit:
		before_exit(b);
		break;
	default:
		break;
	}
}

static IRSB *instrument(VgCallbackClosure *closure, IRSB *sb, const VexGuestLayout *layout,
			const VexGuestExtents *extents, const VexArchInfo *arch, IRType guest_word, IRType host_word)
{
	Block b = { .out = deepCopyIRSBExceptStmts(sb), .page = NO_PAGE };
	Int i = 0;

	(void)closure;
	(void)layout;
	(void)extents;
	(void)arch;
	if (guest_word != host_word)
		VG_(tool_panic)("host and guest differ in word size");
	while (i < sb->stmts_used && sb->stmts[i]->tag != Ist_IMark)
		addStmtToIRSB(b.out, sb->stmts[i++]);
	if (i < sb->stmts_used)
		behind_jump(&b, sb->stmts[i]->Ist.IMark.addr + sb->stmts[i]->Ist.IMark.delta);
	for (; i < sb->stmts_used; i++) {
		before_statement(&b, sb, sb->stmts[i]);
		addStmtToIRSB(b.out, sb->stmts[i]);
	}
	before_exit(&b);
	return b.out;
}

/* ---- when the core takes over ---- */

/* Another thread's turn. */
static void start_client_code(ThreadId tid, ULong blocks)
{
	(void)blocks;
	if (tid == current)
		return;
	close_current();
	current = tid;
}

static void pre_syscall(ThreadId tid, UInt nr, UWord *args, UInt nr_args)
{
	(void)nr;
	(void)args;
	(void)nr_args;
	(void)tid;
	close_current();
}

static void post_syscall(ThreadId tid, UInt nr, UWord *args, UInt nr_args, SysRes res)
{
	(void)tid;
	(void)nr;
	(void)args;
	(void)nr_args;
	(void)res;
}

static void pre_signal(ThreadId tid, Int signo, Bool alt_stack)
{
	(void)signo;
	(void)alt_stack;
	(void)tid;
	close_current();
}

/* The child has a log and a ring of its own. */
static void after_fork(ThreadId tid)
{
	current = tid;
	if (out_fd >= 0)
		VG_(close)(out_fd);
	open_output();
}

static void post_options(void)
{
	open_output();
}

static void fini(Int status)
{
	(void)status;
	close_current();
}

static void pre_options(void)
{
	VG_(details_name)("mmreplay");
	VG_(details_version)(NULL);
	VG_(details_description)("page runs of every access");
	VG_(details_copyright_author)("Copyright the mmreplay authors, GPL-2.0-or-later");
	VG_(details_bug_reports_to)("the mmreplay authors");
	VG_(details_avg_translation_sizeB)(500);
	VG_(basic_tool_funcs)(post_options, instrument, fini);
	VG_(needs_syscall_wrapper)(pre_syscall, post_syscall);
	VG_(track_start_client_code)(start_client_code);
	VG_(track_pre_deliver_signal)(pre_signal);
	VG_(atfork)(NULL, NULL, after_fork);
	shadow_offset = sizeof(VexGuestArchState);
}

VG_DETERMINE_INTERFACE_VERSION(pre_options)
