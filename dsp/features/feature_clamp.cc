#include "dsp/features/feature_clamp.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dsp/features/feature_clamp.cc"
#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A smaller negative half has larger bits. Every other half has smaller bits
// than any negative one.
void RaiseToNegative(std::span<uint16_t> halves, uint16_t floor) {
  const hn::ScalableTag<uint16_t> tag;
  const auto floors = hn::Set(tag, floor);
  const size_t step = hn::Lanes(tag);
  size_t i = 0;
  for (; i + step <= halves.size(); i += step) {
    const auto bits = hn::LoadU(tag, &halves[i]);
    hn::StoreU(hn::Min(bits, floors), tag, &halves[i]);
  }
  for (; i < halves.size(); ++i) halves[i] = std::min(halves[i], floor);
}

// As signed integers, halves from +0 upwards keep their order, above all
// others.
void RaiseToPositive(std::span<uint16_t> halves, uint16_t floor) {
  const hn::ScalableTag<int16_t> tag;
  const auto signed_floor = static_cast<int16_t>(floor);
  const auto floors = hn::Set(tag, signed_floor);
  const size_t step = hn::Lanes(tag);
  auto* values = reinterpret_cast<int16_t*>(halves.data());
  size_t i = 0;
  for (; i + step <= halves.size(); i += step) {
    hn::StoreU(hn::Max(hn::LoadU(tag, values + i), floors), tag, values + i);
  }
  for (; i < halves.size(); ++i) values[i] = std::max(values[i], signed_floor);
}

void RaiseHalves(std::span<uint16_t> halves, uint16_t floor) {
  constexpr uint16_t kSignBit = 0x8000;
  if ((floor & kSignBit) != 0) {
    RaiseToNegative(halves, floor);
  } else {
    RaiseToPositive(halves, floor);
  }
}

void RaiseFloats(std::span<float> values, float floor) {
  const hn::ScalableTag<float> tag;
  const auto floors = hn::Set(tag, floor);
  const size_t step = hn::Lanes(tag);
  size_t i = 0;
  for (; i + step <= values.size(); i += step) {
    const auto v = hn::LoadU(tag, &values[i]);
    hn::StoreU(hn::IfThenElse(hn::Lt(v, floors), floors, v), tag, &values[i]);
  }
  for (; i < values.size(); ++i) values[i] = std::max(values[i], floor);
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace melmill {

HWY_EXPORT(RaiseHalves);
HWY_EXPORT(RaiseFloats);

void RaiseToFloor(std::span<uint16_t> values, uint16_t floor) {
  HWY_DYNAMIC_DISPATCH(RaiseHalves)(values, floor);
}

void RaiseToFloor(std::span<float> values, float floor) {
  HWY_DYNAMIC_DISPATCH(RaiseFloats)(values, floor);
}

}  // namespace melmill
#endif  // HWY_ONCE
