// Mutates inputs of the fuzzers of HDF5 files. libFuzzer alone mostly inserts
// and erases bytes, and such a file is refused because of its size.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

// The maximum width of a field.
constexpr size_t kFieldBytes = 8;

// Picks a place in a small structure: at a byte that is not zero or shortly
// after one, since the high bytes of a number are there.
size_t PickPlace(const std::vector<size_t>& used, size_t size,
                 std::mt19937& random) {
  const size_t at = used[random() % used.size()] + random() % kFieldBytes;
  return std::min(at, size - 1);
}

void ChangeBytes(uint8_t* data, size_t size, const std::vector<size_t>& used,
                 std::mt19937& random) {
  const size_t at = PickPlace(used, size, random);
  const size_t from = PickPlace(used, size, random);
  const size_t num_bytes =
      std::min({size_t{1} << random() % 4, size - at, size - from});
  switch (random() % 5) {
    case 0:
      data[at] = static_cast<uint8_t>(random());
      break;
    case 1:
      data[at] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 2:
      data[at] = static_cast<uint8_t>(data[at] + random() % 5 - 2);
      break;
    case 3:
      std::memset(data + at, random() % 2 == 0 ? 0 : 0xFF, num_bytes);
      break;
    default:
      std::memmove(data + at, data + from, num_bytes);
      break;
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  std::mt19937 random(seed);
  std::vector<size_t> used;
  for (size_t i = 0; i < size; ++i) {
    if (data[i] != 0) used.push_back(i);
  }
  if (used.empty() || random() % 8 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const size_t num_changes = 1 + random() % 3;
  for (size_t i = 0; i < num_changes; ++i) {
    ChangeBytes(data, size, used, random);
  }
  return size;
}
