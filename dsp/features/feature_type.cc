#include "dsp/features/feature_type.h"

#include <algorithm>
#include <cstring>

namespace melmill {
namespace {

// Shifted into the fields of a float, the exponent is too small by 112. The
// product makes that good, also for subnormal halves.
float WidenHalf(uint16_t bits) {
  constexpr int kMoreFractionBits = 13;
  const uint32_t magnitude = uint32_t{bits & 0x7fffu} << kMoreFractionBits;
  const uint32_t infinity = uint32_t{0x7c00u} << kMoreFractionBits;
  const float value = magnitude >= infinity
                          ? std::bit_cast<float>(magnitude | 0x7f800000u)
                          : std::bit_cast<float>(magnitude) * 0x1p112f;
  return (bits & 0x8000u) != 0 ? -value : value;
}

template <FeatureType kType>
float Widen(FeatureValue<kType> value) {
  if constexpr (kType == FeatureType::kFloat16) {
    return WidenHalf(value);
  } else if constexpr (kType == FeatureType::kBfloat16) {
    return std::bit_cast<float>(uint32_t{value} << 16);
  } else {
    return value;
  }
}

}  // namespace

std::string_view FeatureTypeName(FeatureType type) {
  switch (type) {
    case FeatureType::kFloat16:
      return "f16";
    case FeatureType::kFloat32:
      return "f32";
    case FeatureType::kBfloat16:
      return "bf16";
    case FeatureType::kUint8:
      return "u8";
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
    case FeatureType::kUint8:
      return "uint8";
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

std::vector<float> WidenFeatures(FeatureType type,
                                 std::span<const std::byte> features) {
  assert(type != FeatureType::kUint8);
  std::vector<float> values(features.size() / FeatureSize(type));
  WithFeatureTag(type, [&]<FeatureType kType>(FeatureTag<kType>) {
    for (size_t i = 0; i < values.size(); ++i) {
      FeatureValue<kType> value;
      std::memcpy(&value, features.data() + i * sizeof(value), sizeof(value));
      values[i] = Widen<kType>(value);
    }
  });
  return values;
}

}  // namespace melmill
