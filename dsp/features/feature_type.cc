#include "dsp/features/feature_type.h"

#include <algorithm>

namespace melmill {

std::string_view FeatureTypeName(FeatureType type) {
  switch (type) {
    case FeatureType::kFloat16:
      return "f16";
    case FeatureType::kFloat32:
      return "f32";
    case FeatureType::kBfloat16:
      return "bf16";
  }
  assert(false);
  return "";
}

std::string_view FeatureTypeWord(FeatureType type) {
  switch (type) {
    case FeatureType::kFloat16:
      return "float16";
    case FeatureType::kFloat32:
      return "float32";
    case FeatureType::kBfloat16:
      return "bfloat16";
  }
  assert(false);
  return "";
}

std::optional<FeatureType> FindFeatureType(std::string_view name) {
  const auto* const found =
      std::ranges::find(kFeatureTypes, name, FeatureTypeName);
  if (found == kFeatureTypes.end()) return std::nullopt;
  return *found;
}

}  // namespace melmill
