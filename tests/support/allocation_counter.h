#ifndef MELMILL_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
#define MELMILL_TESTS_SUPPORT_ALLOCATION_COUNTER_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

// Counts the calls of operator new. It replaces operator new for the whole
// program, so include this in only one source file of a program.

namespace melmill {

inline std::atomic<int64_t> num_allocations{0};

}  // namespace melmill

// If this were inlined, GCC would take the pair of malloc and delete for a
// mistake.
[[gnu::noinline]] void* operator new(size_t size) {
  ++melmill::num_allocations;
  if (void* memory = std::malloc(std::max<size_t>(size, 1))) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t size,
                                     const std::nothrow_t&) noexcept {
  ++melmill::num_allocations;
  return std::malloc(std::max<size_t>(size, 1));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

#endif  // MELMILL_TESTS_SUPPORT_ALLOCATION_COUNTER_H_
