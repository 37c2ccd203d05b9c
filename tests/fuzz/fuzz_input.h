#ifndef MELMILL_TESTS_FUZZ_FUZZ_INPUT_H_
#define MELMILL_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// The function that a fuzzer NAME_fuzzer.cc defines. It runs the code under
// test on any bytes. Returns 0; any error ends the process.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace melmill {

// Ends the process if `holds` is false, and prints the broken promise.
void Require(bool holds, std::string_view promise);

// Bounds the work on one input during its lifetime: at most a second of
// processor time and, where a sanitizer can tell, 8 MiB of heap at once, or
// what is given. Inputs are a few KiB.
class InputLimits {
 public:
  static constexpr int64_t kMaxHeapBytes = int64_t{8} << 20;

  explicit InputLimits(int64_t max_heap_bytes = kMaxHeapBytes);
  ~InputLimits();
  InputLimits(const InputLimits&) = delete;
  InputLimits& operator=(const InputLimits&) = delete;

 private:
  int64_t start_ns_;
  int64_t max_heap_bytes_;
};

inline std::span<const std::byte> AsBytes(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string_view AsText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file in memory with these bytes, for readers that want a path. The whole
// process has only one; the path is valid until the next call.
std::string FileOf(std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_TESTS_FUZZ_FUZZ_INPUT_H_
