#ifndef MELMILL_DSP_SIMD_ALIGNED_ARRAY_H_
#define MELMILL_DSP_SIMD_ALIGNED_ARRAY_H_

#include <algorithm>
#include <cstddef>

#include "dsp/simd/aligned_memory.h"

namespace melmill {

// A fixed number of values, initially zero. They start on a cache line
// boundary, which is also the alignment of the widest vectors. Move-only.
template <typename T>
class AlignedArray {
 public:
  explicit AlignedArray(size_t size)
      : values_(AllocateAligned<T>(size)), size_(size) {
    std::fill_n(values_.get(), size, T{});
  }

  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return values_.get()[i]; }
  const T& operator[](size_t i) const { return values_.get()[i]; }

 private:
  AlignedMemory<T> values_;
  size_t size_;
};

}  // namespace melmill

#endif  // MELMILL_DSP_SIMD_ALIGNED_ARRAY_H_
