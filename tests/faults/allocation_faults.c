// Memory of which one allocation fails, as a library to preload: numbers what
// malloc, calloc, realloc, aligned_alloc, memalign and posix_memalign are asked
// for (and through them C++'s operator new) in all threads, from the entry of
// main on. By environment:
//
//   ALLOCATION_FAULTS_AT     the number of the one that fails, from 1 (0: none)
//   ALLOCATION_FAULTS_STACK  number only the program's own with this stack
//   ALLOCATION_FAULTS_LOG    a file: the frames of the one that failed,
//                            innermost first, as backtrace_symbols_fd writes
//                            them. If none shall fail: a line "NUMBER STACK"
//                            for each of the program's own allocations, in
//                            hexadecimal, and at the end "NUMBER end", the
//                            number of all
//
// An allocation is the program's own if the innermost frame outside the C and
// C++ libraries lies in the program: what std::string or fopen allocate for it
// counts, what oneTBB or HDF5 allocate for it does not. Its stack is a hash of
// the innermost frames in the program, where libraries call back too, and of
// the frames within these: a call of the C++ library allocates in several
// places. Memory that libraries map themselves (oneTBB's allocator does) has no
// number.

#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "tests/support/interpose.h"

#define MAX_RANGES 64
#define MAX_FRAMES 64
#define MAX_HASHED_FRAMES 6

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

enum Owner { kNobody, kProgram, kRuntime };

// Code of one loaded file.
struct Range {
  uintptr_t begin;
  uintptr_t end;
  uintptr_t file_begin;
  enum Owner owner;
};

struct Stack {
  uint64_t hash;  // 0: not the program's own
  int num_frames;
};

static struct Range ranges[MAX_RANGES];
static int num_ranges;
static atomic_int counts;  // whether main was entered
static atomic_long num_allocations;
static long failing;
static uint64_t failing_stack;
static int log_fd = -1;
static int (*real_main)(int, char**, char**);
// The unwinder must not be asked about its own allocations.
static __thread int is_busy __attribute__((tls_model("initial-exec")));

static enum Owner OwnerOfFile(const char* path, int is_first) {
  static const char* const kRuntimeFiles[] = {
      "libc.so",  "libstdc++.so", "libgcc_s.so",
      "ld-linux", "libm.so",      "allocation_faults.so"};
  if (is_first) return kProgram;
  for (size_t i = 0; i < sizeof(kRuntimeFiles) / sizeof(*kRuntimeFiles); ++i) {
    if (strstr(path, kRuntimeFiles[i]) != NULL) return kRuntime;
  }
  return kNobody;
}

static int AddFile(struct dl_phdr_info* file, size_t num_bytes,
                   void* is_first) {
  (void)num_bytes;
  const enum Owner owner = OwnerOfFile(file->dlpi_name, *(int*)is_first);
  *(int*)is_first = 0;
  for (int i = 0; i < file->dlpi_phnum; ++i) {
    const ElfW(Phdr)* part = &file->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
    if (num_ranges == MAX_RANGES) abort();
    const uintptr_t begin = file->dlpi_addr + part->p_vaddr;
    ranges[num_ranges++] =
        (struct Range){begin, begin + part->p_memsz, file->dlpi_addr, owner};
  }
  return 0;
}

static const struct Range* RangeOf(uintptr_t address) {
  for (int i = 0; i < num_ranges; ++i) {
    if (address >= ranges[i].begin && address < ranges[i].end) {
      return &ranges[i];
    }
  }
  return NULL;
}

static _Unwind_Reason_Code AddFrame(struct _Unwind_Context* frame,
                                    void* argument) {
  struct Stack* stack = argument;
  const uintptr_t address = _Unwind_GetIP(frame);
  const struct Range* range = RangeOf(address);
  const enum Owner owner = range == NULL ? kNobody : range->owner;
  if (owner == kNobody && stack->num_frames == 0) {
    stack->hash = 0;
    return _URC_END_OF_STACK;
  }
  if (owner != kProgram && stack->num_frames > 0) return _URC_NO_REASON;
  // FNV-1a, of 64 bits at a time.
  if (stack->hash == 0) stack->hash = 0xcbf29ce484222325;
  stack->hash = (stack->hash ^ (address - range->file_begin)) * 0x100000001b3;
  if (owner != kProgram) return _URC_NO_REASON;
  return ++stack->num_frames < MAX_HASHED_FRAMES ? _URC_NO_REASON
                                                 : _URC_END_OF_STACK;
}

static uint64_t StackOfCaller(void) {
  struct Stack stack = {0, 0};
  _Unwind_Backtrace(AddFrame, &stack);
  return stack.hash;
}

static void LogFrames(void) {
  if (log_fd < 0) return;
  void* frames[MAX_FRAMES];
  const int num_frames = backtrace(frames, MAX_FRAMES);
  backtrace_symbols_fd(frames, num_frames, log_fd);
}

// Numbers an allocation; whether it is the one that fails.
static int IsFault(void) {
  const int wants_stack = failing == 0 || failing_stack != 0;
  const uint64_t stack = wants_stack ? StackOfCaller() : 0;
  if (failing_stack != 0 && stack != failing_stack) return 0;
  const long number = atomic_fetch_add(&num_allocations, 1) + 1;
  if (failing == 0 && stack != 0 && log_fd >= 0) {
    dprintf(log_fd, "%ld %lx\n", number, stack);
  }
  return number == failing;
}

static int Fails(void) {
  if (!atomic_load(&counts) || is_busy) return 0;
  is_busy = 1;
  const int saved_errno = errno;
  const int is_fault = IsFault();
  if (is_fault) LogFrames();
  errno = is_fault ? ENOMEM : saved_errno;
  is_busy = 0;
  return is_fault;
}

void* malloc(size_t num_bytes) {
  return Fails() ? NULL : __libc_malloc(num_bytes);
}

void* calloc(size_t count, size_t num_bytes) {
  return Fails() ? NULL : __libc_calloc(count, num_bytes);
}

void* realloc(void* memory, size_t num_bytes) {
  return Fails() ? NULL : __libc_realloc(memory, num_bytes);
}

void* memalign(size_t alignment, size_t num_bytes) {
  return Fails() ? NULL : __libc_memalign(alignment, num_bytes);
}

void* aligned_alloc(size_t alignment, size_t num_bytes) {
  return Fails() ? NULL : __libc_memalign(alignment, num_bytes);
}

int posix_memalign(void** memory, size_t alignment, size_t num_bytes) {
  if (Fails()) return ENOMEM;
  *memory = __libc_memalign(alignment, num_bytes);
  return *memory == NULL ? ENOMEM : 0;
}

static void Start(void) {
  void* frame;
  backtrace(&frame, 1);  // loads the unwinder
  int is_first = 1;
  dl_iterate_phdr(AddFile, &is_first);
  failing = atol(Setting("ALLOCATION_FAULTS_AT", "0"));
  failing_stack = strtoull(Setting("ALLOCATION_FAULTS_STACK", "0"), NULL, 16);
  const char* log = getenv("ALLOCATION_FAULTS_LOG");
  if (log != NULL) {
    log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  }
}

static int CountedMain(int num_arguments, char** arguments, char** variables) {
  Start();
  atomic_store(&counts, 1);
  return real_main(num_arguments, arguments, variables);
}

__attribute__((destructor)) static void End(void) {
  if (!atomic_exchange(&counts, 0) || failing != 0 || log_fd < 0) return;
  dprintf(log_fd, "%ld end\n", atomic_load(&num_allocations));
}

int __libc_start_main(int (*main)(int, char**, char**), int num_arguments,
                      char** arguments, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void* stack_end) {
  REAL(__libc_start_main);
  real_main = main;
  return real(CountedMain, num_arguments, arguments, init, fini, rtld_fini,
              stack_end);
}
