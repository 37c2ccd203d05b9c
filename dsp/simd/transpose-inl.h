// Turns rows in memory into vectors with a lane for each row.

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_SIMD_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_SIMD_TRANSPOSE_INL_H_
#undef MELMILL_DSP_SIMD_TRANSPOSE_INL_H_
#else
#define MELMILL_DSP_SIMD_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "dsp/simd/vector_complex-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

using UintTag = hn::RebindToUnsigned<FloatTag>;
using Uint64Tag = hn::Repartition<uint64_t, FloatTag>;

// The size of a block of a vector. Interleaving stays within blocks.
inline constexpr int kBlockBytes = 16;

// One vector made of the 128-bit blocks that load_block(0), load_block(1), ...
// return.
template <class Tag, class LoadBlock>
HWY_INLINE hn::Vec<Tag> GatherBlocks(Tag tag, LoadBlock load_block,
                                     size_t first = 0) {
  constexpr size_t kBytes = hn::MaxLanes(Tag()) * sizeof(hn::TFromD<Tag>);
  if constexpr (kBytes == kBlockBytes) {
    return load_block(tag, first);
  } else {
    const hn::Half<Tag> half;
    return hn::Combine(
        tag, GatherBlocks(half, load_block, first + kBytes / 2 / kBlockBytes),
        GatherBlocks(half, load_block, first));
  }
}

// Turns rows r0 to r3 of 32-bit values into columns, within each block:
// columns[j] holds value j of each row.
template <class V>
HWY_INLINE void Transpose4x4(V r0, V r1, V r2, V r3, V* columns) {
  const UintTag words;
  const Uint64Tag pairs;
  const hn::DFromV<V> tag;
  const auto as_words = [words](V v) HWY_ATTR { return hn::BitCast(words, v); };
  const auto low01 = hn::BitCast(
      pairs, hn::InterleaveLower(words, as_words(r0), as_words(r1)));
  const auto high01 = hn::BitCast(
      pairs, hn::InterleaveUpper(words, as_words(r0), as_words(r1)));
  const auto low23 = hn::BitCast(
      pairs, hn::InterleaveLower(words, as_words(r2), as_words(r3)));
  const auto high23 = hn::BitCast(
      pairs, hn::InterleaveUpper(words, as_words(r2), as_words(r3)));
  columns[0] = hn::BitCast(tag, hn::InterleaveLower(pairs, low01, low23));
  columns[1] = hn::BitCast(tag, hn::InterleaveUpper(pairs, low01, low23));
  columns[2] = hn::BitCast(tag, hn::InterleaveLower(pairs, high01, high23));
  columns[3] = hn::BitCast(tag, hn::InterleaveUpper(pairs, high01, high23));
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // MELMILL_DSP_SIMD_TRANSPOSE_INL_H_
