// GridStep for a vector of values.

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_FEATURES_FEATURE_GRID_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_FEATURES_FEATURE_GRID_INL_H_
#undef MELMILL_DSP_FEATURES_FEATURE_GRID_INL_H_
#else
#define MELMILL_DSP_FEATURES_FEATURE_GRID_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "dsp/features/feature_grid.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class V, class Tag = hn::DFromV<V>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, Tag>> RoundToGrid(V values) {
  const Tag floats;
  const auto from_origin = hn::Sub(values, hn::Set(floats, kGridOrigin));
  const auto steps = hn::Mul(from_origin, hn::Set(floats, kGridStepsPerUnit));
  return hn::DemoteTo(hn::Rebind<uint16_t, Tag>(), hn::NearestInt(steps));
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // once for each target
