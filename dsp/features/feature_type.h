#ifndef MELMILL_DSP_FEATURES_FEATURE_TYPE_H_
#define MELMILL_DSP_FEATURES_FEATURE_TYPE_H_

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dsp/features/bfloat16.h"
#include "dsp/features/feature_grid.h"
#include "dsp/features/float16.h"

namespace melmill {

// How feature values are stored, in the byte order of the machine
// (little-endian on every supported one). Everything that distinguishes the
// types is here, except for their HDF5 types (store/hdf5/h5_file.h).
enum class FeatureType {
  kFloat16,   // IEEE binary16
  kFloat32,   // IEEE binary32
  kBfloat16,  // the upper half of a binary32
  kUint8,     // steps from the floor (dsp/features/feature_grid.h)
};
inline constexpr std::array kFeatureTypes = {
    FeatureType::kFloat16, FeatureType::kFloat32, FeatureType::kBfloat16,
    FeatureType::kUint8};

// The bytes of a value as stored.
constexpr size_t FeatureSize(FeatureType type) {
  if (type == FeatureType::kUint8) return 1;
  return type == FeatureType::kFloat32 ? 4 : 2;
}

// The bytes of a value until the clip's floor is known: kUint8 is computed as
// steps of the grid, and made bytes when the clip is clamped.
constexpr size_t ComputedSize(FeatureType type) {
  return type == FeatureType::kUint8 ? 2 : FeatureSize(type);
}

// The names used in flags and contracts: "f16", "f32", "bf16", "u8".
std::string_view FeatureTypeName(FeatureType type);
// The names for people: "float16", "float32", "bfloat16", "uint8".
std::string_view FeatureTypeWord(FeatureType type);
std::optional<FeatureType> FindFeatureType(std::string_view name);

// A computed value in memory: a float, the bits of a 16-bit type, or a step.
template <FeatureType kType>
using FeatureValue =
    std::conditional_t<kType == FeatureType::kFloat32, float, uint16_t>;

// Rounds to nearest, ties to even.
template <FeatureType kType>
FeatureValue<kType> RoundFeature(float value) {
  if constexpr (kType == FeatureType::kFloat16) {
    return FloatToHalf(value);
  } else if constexpr (kType == FeatureType::kBfloat16) {
    return FloatToBfloat16(value);
  } else if constexpr (kType == FeatureType::kUint8) {
    return GridStep(value);
  } else {
    return value;
  }
}

template <FeatureType kType>
std::span<FeatureValue<kType>> AsFeatures(std::span<std::byte> bytes) {
  using Value = FeatureValue<kType>;
  assert(std::bit_cast<uintptr_t>(bytes.data()) % alignof(Value) == 0);
  return {reinterpret_cast<Value*>(bytes.data()), bytes.size() / sizeof(Value)};
}

// The values of stored features of `type`, which is not kUint8: those have no
// value without a floor (GridValue).
std::vector<float> WidenFeatures(FeatureType type,
                                 std::span<const std::byte> features);

template <FeatureType kType>
using FeatureTag = std::integral_constant<FeatureType, kType>;

// Calls `function` with the tag of `type`.
template <typename Function>
void WithFeatureTag(FeatureType type, Function function) {
  switch (type) {
    case FeatureType::kFloat16:
      return function(FeatureTag<FeatureType::kFloat16>());
    case FeatureType::kFloat32:
      return function(FeatureTag<FeatureType::kFloat32>());
    case FeatureType::kBfloat16:
      return function(FeatureTag<FeatureType::kBfloat16>());
    case FeatureType::kUint8:
      return function(FeatureTag<FeatureType::kUint8>());
  }
}

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FEATURE_TYPE_H_
