#include "store/shard/without_features.h"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "io/file/system_calls.h"
#include "store/hdf5/h5_file.h"

namespace melmill {
namespace {

constexpr std::string_view kMark =
    "melmill: this copy of a shard lacks its features";

}  // namespace

bool LacksFeatures(const std::string& path) {
  const ReadableFile file = OpenForReading(path);
  if (file.error != 0) return false;
  std::array<char, kMark.size()> start = {};
  return ReadExactly(file.fd.get(), kFirstDatasetOffset,
                     std::as_writable_bytes(std::span(start))) == 0 &&
         std::string_view(start.data(), start.size()) == kMark;
}

Error MissingFeatures() {
  return {ErrorCode::kDamaged,
          "a copy without features, for melmill finish alone; melmill pull "
          "without --for-finish brings them"};
}

}  // namespace melmill
