// FloatToBfloat16 for a vector of values that are not NaN.

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_FEATURES_BFLOAT16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_FEATURES_BFLOAT16_INL_H_
#undef MELMILL_DSP_FEATURES_BFLOAT16_INL_H_
#else
#define MELMILL_DSP_FEATURES_BFLOAT16_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Highway's own DemoteTo truncates, so it is not used here.
template <class V, class Tag = hn::DFromV<V>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, Tag>> RoundToBfloat16(V values) {
  const hn::RebindToUnsigned<Tag> words;
  const hn::RebindToSigned<Tag> ints;
  const auto bits = hn::BitCast(words, values);
  const auto last_kept_bit =
      hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
  const auto half_unit = hn::Add(hn::Set(words, 0x7fff), last_kept_bit);
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, half_unit));
  return hn::DemoteTo(hn::Rebind<uint16_t, Tag>(), hn::BitCast(ints, rounded));
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // once for each target
