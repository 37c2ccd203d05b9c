#ifndef MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_
#define MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace melmill {

// An allocator for containers whose resize leaves new values uninitialised,
// since they are about to be written.
template <typename T>
class UnsetAllocator : public std::allocator<T> {
 public:
  template <typename U>
  struct rebind {
    using other = UnsetAllocator<U>;
  };

  using std::allocator<T>::allocator;

  template <typename U>
  void construct(U* value) noexcept {
    ::new (static_cast<void*>(value)) U;
  }
  template <typename U, typename... Args>
  void construct(U* value, Args&&... args) {
    ::new (static_cast<void*>(value)) U(std::forward<Args>(args)...);
  }
};

// Samples of a clip. resize(n) leaves new ones uninitialised; resize(n, 0.0f)
// sets them.
using SampleVector = std::vector<float, UnsetAllocator<float>>;

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_
