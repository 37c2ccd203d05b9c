#include "tests/fuzz/fuzz_input.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "io/file/system_calls.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MELMILL_COUNTS_HEAP 1
#endif
#endif
#ifdef MELMILL_COUNTS_HEAP
// From sanitizer/allocator_interface.h, which GCC does not install.
extern "C" int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void*, size_t),
    void (*free_hook)(const volatile void*));
extern "C" size_t __sanitizer_get_allocated_size(const volatile void*);
#endif

namespace melmill {
namespace {

constexpr int64_t kMaxNs = 1'000'000'000;

int64_t ProcessorNs() {
  timespec time = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * kMaxNs + time.tv_nsec;
}

// The bytes allocated since an input began, minus those freed. Freeing older
// blocks would make this wrong, but fuzzers hold none.
int64_t heap_bytes = 0;
int64_t peak_heap_bytes = 0;

void StartHeapCount() {
#ifdef MELMILL_COUNTS_HEAP
  [[maybe_unused]] static const int once =
      __sanitizer_install_malloc_and_free_hooks(
          [](const volatile void*, size_t num_bytes) {
            heap_bytes += static_cast<int64_t>(num_bytes);
            peak_heap_bytes = std::max(peak_heap_bytes, heap_bytes);
          },
          [](const volatile void* block) {
            heap_bytes -=
                static_cast<int64_t>(__sanitizer_get_allocated_size(block));
          });
#endif
  heap_bytes = 0;
  peak_heap_bytes = 0;
}

}  // namespace

void Require(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %.*s\n",
               static_cast<int>(promise.size()), promise.data());
  std::abort();
}

InputLimits::InputLimits(int64_t max_heap_bytes)
    : start_ns_(ProcessorNs()), max_heap_bytes_(max_heap_bytes) {
  StartHeapCount();
}

InputLimits::~InputLimits() {
  Require(ProcessorNs() - start_ns_ <= kMaxNs, "takes no more than a second");
  Require(peak_heap_bytes <= max_heap_bytes_, "takes no more than 8 MiB");
}

std::string FileOf(std::span<const std::byte> bytes) {
  static const int fd = ::memfd_create("input", MFD_CLOEXEC);
  const bool made =
      fd >= 0 && ::ftruncate(fd, 0) == 0 && WriteExactly(fd, 0, bytes) == 0;
  Require(made, "the machine has room for a file in memory");
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace melmill
