#include "pipeline/row/feature_sink.h"

#include <algorithm>

namespace melmill {

Result<void> NoFeatures::Write(uint64_t, std::span<const std::byte>) {
  return {};
}

Result<void> NoFeatures::Read(uint64_t, std::span<std::byte> features) {
  std::fill(features.begin(), features.end(), std::byte{0});
  return {};
}

}  // namespace melmill
