#include "pipeline/row/feature_sink.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace melmill {

Result<void> NoFeatures::Write(uint64_t, std::span<const std::byte>) {
  return {};
}

Result<void> NoFeatures::Read(uint64_t, std::span<std::byte> features) {
  std::fill(features.begin(), features.end(), std::byte{0});
  return {};
}

Result<void> MemorySink::Write(uint64_t offset_bytes,
                               std::span<const std::byte> features) {
  const auto begin = static_cast<size_t>(offset_bytes);
  bytes_.resize(std::max(bytes_.size(), begin + features.size()));
  std::memcpy(bytes_.data() + begin, features.data(), features.size());
  return {};
}

Result<void> MemorySink::Read(uint64_t offset_bytes,
                              std::span<std::byte> features) {
  assert(offset_bytes + features.size() <= bytes_.size());
  std::memcpy(features.data(), bytes_.data() + offset_bytes, features.size());
  return {};
}

}  // namespace melmill
