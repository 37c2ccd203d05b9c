#ifndef MELMILL_TESTS_SUPPORT_HEAP_METER_H_
#define MELMILL_TESTS_SUPPORT_HEAP_METER_H_

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

// Measures the memory of operator new. It replaces operator new for the whole
// program, so include this in only one source file of a program.

namespace melmill {

inline std::atomic<size_t> heap_live_bytes = 0;
inline std::atomic<size_t> heap_peak_bytes = 0;

// The largest number of bytes that were live at once since construction, minus
// those that were live then.
class HeapMeter {
 public:
  HeapMeter() : start_bytes_(heap_live_bytes) {
    heap_peak_bytes = start_bytes_;
  }
  size_t PeakBytes() const { return heap_peak_bytes - start_bytes_; }

 private:
  size_t start_bytes_;
};

// Counts a block from malloc or aligned_alloc.
inline void* CountBlock(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  const size_t usable_bytes = malloc_usable_size(block);
  const size_t live_bytes = heap_live_bytes += usable_bytes;
  size_t peak_bytes = heap_peak_bytes;
  while (live_bytes > peak_bytes &&
         !heap_peak_bytes.compare_exchange_weak(peak_bytes, live_bytes)) {
  }
  return block;
}

}  // namespace melmill

void* operator new(size_t num_bytes) {
  return melmill::CountBlock(std::malloc(num_bytes > 0 ? num_bytes : 1));
}

void* operator new(size_t num_bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(num_bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* operator new(size_t num_bytes, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  const size_t num_units = num_bytes / unit + 1;
  return melmill::CountBlock(std::aligned_alloc(unit, num_units * unit));
}

void operator delete(void* block) noexcept {
  melmill::heap_live_bytes -= malloc_usable_size(block);
  std::free(block);
}

void operator delete(void* block, size_t) noexcept { operator delete(block); }

void operator delete(void* block, std::align_val_t) noexcept {
  operator delete(block);
}

void operator delete(void* block, size_t, std::align_val_t) noexcept {
  operator delete(block);
}

#endif  // MELMILL_TESTS_SUPPORT_HEAP_METER_H_
