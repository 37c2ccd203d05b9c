#ifndef MELMILL_DSP_SAMPLES_REUSABLE_BUFFER_H_
#define MELMILL_DSP_SAMPLES_REUSABLE_BUFFER_H_

#include <cstddef>
#include <span>

#include "dsp/simd/aligned_memory.h"

namespace melmill {

// Memory that is used again and again. It grows until Release and is not
// cleared. It starts on a cache line boundary, so that no store of the kernels
// crosses one.
template <typename T>
class ReusableBuffer {
 public:
  // The first `size` values, uninitialised. The old contents are lost if the
  // buffer must grow.
  std::span<T> Resize(size_t size) {
    if (size > capacity_) {
      Release();  // before the larger one is allocated
      values_ = AllocateAligned<T>(size);
      capacity_ = size;
    }
    size_ = size;
    return span();
  }

  void Release() {
    values_.reset();
    size_ = capacity_ = 0;
  }

  size_t capacity_bytes() const { return capacity_ * sizeof(T); }
  std::span<T> span() { return {values_.get(), size_}; }
  std::span<const T> span() const { return {values_.get(), size_}; }
  size_t size() const { return size_; }

 private:
  AlignedMemory<T> values_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_REUSABLE_BUFFER_H_
