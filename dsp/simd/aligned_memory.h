#ifndef MELMILL_DSP_SIMD_ALIGNED_MEMORY_H_
#define MELMILL_DSP_SIMD_ALIGNED_MEMORY_H_

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace melmill {

// Cache lines, and the widest vectors, have this many bytes.
inline constexpr std::align_val_t kVectorAlignment{64};

struct AlignedDeleter {
  void operator()(void* memory) const {
    ::operator delete(memory, kVectorAlignment);
  }
};

// Memory that starts on a cache line boundary.
template <typename T>
using AlignedMemory = std::unique_ptr<T, AlignedDeleter>;

// Room for `size` values, uninitialised.
template <typename T>
AlignedMemory<T> AllocateAligned(size_t size) {
  static_assert(std::is_trivially_copyable_v<T>);
  return AlignedMemory<T>(
      static_cast<T*>(::operator new(size * sizeof(T), kVectorAlignment)));
}

}  // namespace melmill

#endif  // MELMILL_DSP_SIMD_ALIGNED_MEMORY_H_
