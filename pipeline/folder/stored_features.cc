#include "pipeline/folder/stored_features.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string_view>

#include "pipeline/setup/code_path.h"
#include "store/json_object.h"

namespace melmill {
namespace {

std::string CannotCompute(const std::string& folder) {
  return fmt::format(
      "this program cannot compute the rows of {} on this machine. Use the "
      "version and the kind of machine that made it, or make a new store with "
      "the extract command",
      folder);
}

// The features that have the contract, or whose contract differs from it in the
// fewest fields.
FeatureSpec FindNearestFeatures(const std::string& contract) {
  std::optional<FeatureSpec> nearest;
  size_t least = 0;
  for (const std::string_view preset : PresetNames()) {
    for (const FeatureType type : kFeatureTypes) {
      const FeatureSpec features = MakeFeatureSpec(preset, type);
      const std::string own = features.Contract();
      if (own == contract) return features;
      const size_t distance = DescribeDifference(contract, own).size();
      if (!nearest || distance < least) {
        nearest = features;
        least = distance;
      }
    }
  }
  return *nearest;
}

}  // namespace

FeatureSpec FeaturesOfStore(const std::string& folder,
                            const std::string& contract,
                            const std::string& producer,
                            const std::string& simd) {
  const FeatureSpec nearest = FindNearestFeatures(contract);
  if (nearest.Contract() != contract) {
    RefuseOther(CannotCompute(folder), contract, nearest.Contract());
  }
  CodeChoice wanted = nearest.code;
  wanted.simd = simd;
  const std::optional<CodeChoice> code = FindCodeChoice(producer, wanted);
  if (!code) {
    RefuseOther(CannotCompute(folder), producer, nearest.Producer());
  }
  return MakeFeatureSpec(nearest.preset->name, nearest.feature_type, *code);
}

}  // namespace melmill
