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

// Each vector of bytes is stored where its steps, or earlier ones, were.
void StepsToBytes(std::span<const uint16_t> steps, uint16_t base,
                  uint8_t* bytes) {
  const hn::ScalableTag<uint16_t> tag;
  const hn::RebindToSigned<decltype(tag)> ints;
  const hn::Rebind<uint8_t, decltype(tag)> narrow;
  const auto bases = hn::Set(tag, base);
  const auto most = hn::Set(tag, 255);
  const size_t step = hn::Lanes(tag);
  size_t i = 0;
  for (; i + step <= steps.size(); i += step) {
    const auto above = hn::SaturatedSub(hn::LoadU(tag, &steps[i]), bases);
    const auto small = hn::BitCast(ints, hn::Min(above, most));
    hn::StoreU(hn::DemoteTo(narrow, small), narrow, bytes + i);
  }
  for (; i < steps.size(); ++i) {
    const int above = std::max(steps[i] - base, 0);
    bytes[i] = static_cast<uint8_t>(std::min(above, 255));
  }
}

void LowerBytes(std::span<uint8_t> bytes, uint8_t by) {
  const hn::ScalableTag<uint8_t> tag;
  const auto less = hn::Set(tag, by);
  const size_t step = hn::Lanes(tag);
  size_t i = 0;
  for (; i + step <= bytes.size(); i += step) {
    const auto lowered = hn::SaturatedSub(hn::LoadU(tag, &bytes[i]), less);
    hn::StoreU(lowered, tag, &bytes[i]);
  }
  for (; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(std::max(bytes[i] - by, 0));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace melmill {

HWY_EXPORT(RaiseHalves);
HWY_EXPORT(RaiseFloats);
HWY_EXPORT(StepsToBytes);
HWY_EXPORT(LowerBytes);

void RaiseToFloor(std::span<uint16_t> values, uint16_t floor) {
  HWY_DYNAMIC_DISPATCH(RaiseHalves)(values, floor);
}

void RaiseToFloor(std::span<float> values, float floor) {
  HWY_DYNAMIC_DISPATCH(RaiseFloats)(values, floor);
}

void CountFromBase(std::span<const uint16_t> steps, uint16_t base,
                   uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(StepsToBytes)(steps, base, bytes);
}

void RaiseBase(std::span<uint8_t> bytes, uint16_t num_steps) {
  const auto by = static_cast<uint8_t>(std::min<uint16_t>(num_steps, 255));
  HWY_DYNAMIC_DISPATCH(LowerBytes)(bytes, by);
}

}  // namespace melmill
#endif  // HWY_ONCE
