#ifndef MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_
#define MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace melmill {

// An allocator whose containers do not set the values that resize adds: they
// are about to be written.
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

// Samples of a clip, that clips in turn are appended to: resize(n) leaves new
// ones unset, resize(n, 0.0f) does not.
using SampleVector = std::vector<float, UnsetAllocator<float>>;

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_SAMPLE_VECTOR_H_
