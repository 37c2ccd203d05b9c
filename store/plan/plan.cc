#include "store/plan/plan.h"

#include <fmt/format.h>

#include "store/split_name.h"

namespace melmill {

std::string PlannedShard::FileName(std::string_view split_name) const {
  return fmt::format("{}.{}.h5", SplitFileStem(split_name),
                     ToHex(fingerprint).substr(0, 12));
}

}  // namespace melmill
