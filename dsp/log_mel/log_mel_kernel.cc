#include "dsp/log_mel/log_mel_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dsp/log_mel/log_mel_kernel.cc"
#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <type_traits>

#include "dsp/features/feature_type.h"

// Highway's baseline has no vectors. Machines without vector code take the
// general path.
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#include "dsp/features/bfloat16-inl.h"
#include "dsp/features/feature_grid-inl.h"
#include "dsp/log_mel/log_mel_fft-inl.h"
#include "dsp/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

using IntTag = hn::RebindToSigned<FloatTag>;
using ShortTag = hn::Repartition<int16_t, FloatTag>;
using HalfTag = hn::Repartition<uint16_t, FloatTag>;
using RoundedTag = hn::Rebind<uint16_t, FloatTag>;

// "Half" means a value of 16 bits: float16, bfloat16 or a step of the grid.
// Narrow vectors are transposed as floats and rounded when they are stored.
template <FeatureType kType>
inline constexpr bool kKeepsHalves = ComputedSize(kType) == 2 && kLanes >= 8;

// ---- samples to the ring ---------------------------------------------------

// A vector of blocks, each from the row of one lane: block b comes from row 4 b
// + i.
template <class Tag, typename Sample>
HWY_INLINE hn::Vec<Tag> LoadRows(Tag tag, const Sample* const* rows, int i,
                                 int offset) {
  return GatherBlocks(tag, [=](auto block, size_t b) HWY_ATTR {
    return hn::LoadU(block, rows[4 * b + static_cast<size_t>(i)] + offset);
  });
}

// Moves 8 samples of each row at a time, as 4 pairs. A sample is converted in
// the upper half of an int32, which makes it 65536 times too large;
// window_pcm16 makes up for that.
HWY_INLINE void FillRing(float* ring, const int16_t* slots,
                         const int16_t* const* rows, int num_samples) {
  const FloatTag floats;
  const IntTag ints;
  const ShortTag shorts;
  for (int n = 0; n < num_samples; n += 8, slots += 8) {
    hn::Vec<IntTag> pairs[4];
    Transpose4x4(hn::BitCast(ints, LoadRows(shorts, rows, 0, n)),
                 hn::BitCast(ints, LoadRows(shorts, rows, 1, n)),
                 hn::BitCast(ints, LoadRows(shorts, rows, 2, n)),
                 hn::BitCast(ints, LoadRows(shorts, rows, 3, n)), pairs);
    for (int i = 0; i < 4; ++i) {
      const auto first = hn::ShiftLeft<16>(pairs[i]);
      const auto second =
          hn::And(pairs[i], hn::Set(ints, static_cast<int32_t>(0xffff0000u)));
      StoreFloat(hn::ConvertTo(floats, first), ring + kLanes * slots[2 * i]);
      StoreFloat(hn::ConvertTo(floats, second),
                 ring + kLanes * slots[2 * i + 1]);
    }
  }
}

HWY_INLINE void FillRing(float* ring, const int16_t* slots,
                         const float* const* rows, int num_samples) {
  const FloatTag floats;
  for (int n = 0; n < num_samples; n += 4, slots += 4) {
    Float columns[4];
    Transpose4x4(LoadRows(floats, rows, 0, n), LoadRows(floats, rows, 1, n),
                 LoadRows(floats, rows, 2, n), LoadRows(floats, rows, 3, n),
                 columns);
    for (int i = 0; i < 4; ++i) {
      StoreFloat(columns[i], ring + kLanes * slots[i]);
    }
  }
}

// ---- ring to powers to mels ------------------------------------------------

// `window_row` is the window's row that belongs to row 0 of the ring.
HWY_INLINE void ComputePowers(const float* ring, const float* window,
                              int window_row, const LogMelTables& tables,
                              float* spectrum) {
  constexpr int kResidueFloats = 2 * kKernelNumRows * kLanes;
#pragma GCC unroll 1
  for (int b = 0; b < kKernelNumRows; ++b) {
    const HalfSpectrum16 half =
        WindowedDft16(ring + kLanes * kKernelNumColumns * b,
                      window + kKernelNumColumns * window_row);
    if (++window_row == kKernelNumRows) window_row = 0;
    float* out = spectrum + 2 * kLanes * b;
    for (int i = 0; i < 7; ++i) {
      StoreFloat(half.bins[i].re, out + kResidueFloats * i);
      StoreFloat(half.bins[i].im, out + kResidueFloats * i + kLanes);
    }
    StoreFloat(half.bin0, out + kResidueFloats * 7);
    StoreFloat(half.bin8, out + kResidueFloats * 7 + kLanes);
  }
#pragma GCC unroll 1
  for (int i = 0; i < 7; ++i) {
    PowersOfDft25(spectrum + kResidueFloats * i, tables);
  }
  PowersOfTwoRealDft25(spectrum + kResidueFloats * 7, tables);
}

// (log10(power) + 4) / 4 for power >= 0, within 5e-7; about -8.5 for 0. log2 is
// the exponent plus a polynomial of the mantissa m in [1, 2). The polynomial is
// that of degree 6 with the smallest maximum error, 1.4e-7, for
// log10(2) / 4 * (log2(m) - (m - 1)) + 1; the exponent's bits bring m - 1 with
// them.
HWY_INLINE Float NormalisedLog(Float power) {
  constexpr float kQuarterLog10Of2 = 0.0752574989159953f;
  const FloatTag floats;
  const IntTag ints;
  const auto bits = hn::BitCast(ints, power);
  const Float log2_estimate = hn::ConvertTo(
      floats, hn::Sub(bits, hn::Set(ints, 0x3f800000)));  // times 2^23
  const Float m =
      hn::BitCast(floats, hn::Or(hn::And(bits, hn::Set(ints, 0x007fffff)),
                                 hn::Set(ints, 0x3f800000)));
  Float p = Broadcast(-1.933447089e-03f);
  p = hn::MulAdd(p, m, Broadcast(2.070700829e-02f));
  p = hn::MulAdd(p, m, Broadcast(-9.534509953e-02f));
  p = hn::MulAdd(p, m, Broadcast(2.473359354e-01f));
  p = hn::MulAdd(p, m, Broadcast(-4.020247466e-01f));
  p = hn::MulAdd(p, m, Broadcast(3.847888171e-01f));
  p = hn::MulAdd(p, m, Broadcast(8.464716714e-01f));
  return hn::MulAdd(log2_estimate, Broadcast(kQuarterLog10Of2 * 0x1p-23f), p);
}

template <FeatureType kType>
HWY_INLINE hn::Vec<RoundedTag> RoundToHalves(Float value) {
  if constexpr (kType == FeatureType::kBfloat16) {
    return RoundToBfloat16(value);
  } else if constexpr (kType == FeatureType::kUint8) {
    return RoundToGrid(value);
  } else {
    const hn::Rebind<hwy::float16_t, FloatTag> halves;
    return hn::BitCast(RoundedTag(), hn::DemoteTo(halves, value));
  }
}

template <FeatureType kType>
HWY_INLINE void StoreMel(Float value, float* mels, int mel) {
  if constexpr (kKeepsHalves<kType>) {
    auto* to = reinterpret_cast<uint16_t*>(mels) + kLanes * mel;
    hn::Store(RoundToHalves<kType>(value), RoundedTag(), to);
  } else {
    StoreFloat(value, mels + kLanes * mel);
  }
}

// Writes [mel][lane] and returns each lane's maximum. Each power is loaded once
// for both of its filters. Where it is outside of one, its weight is 0, which
// changes no bit of the sum.
template <FeatureType kType>
HWY_INLINE Float ComputeMels(const float* powers, const LogMelTables& tables,
                             float* mels) {
  Float max = Broadcast(-100.0f);
  const MelBin* const bins = tables.mel_bins.data();
  const MelBin* bin = bins;
  Float falling = hn::Zero(FloatTag());
#pragma GCC unroll 1
  for (int interval = 0; interval <= tables.num_mels; ++interval) {
    Float rising = hn::Zero(FloatTag());
    const MelBin* const end =
        bins + tables.interval_ends[static_cast<size_t>(interval)];
#pragma GCC unroll 1
    for (; bin < end; ++bin) {
      const Float power = LoadFloat(powers + kLanes * bin->power_slot);
      falling = hn::MulAdd(Broadcast(bin->falling), power, falling);
      rising = hn::MulAdd(Broadcast(bin->rising), power, rising);
    }
    if (interval > 0) {
      const Float value = NormalisedLog(falling);
      max = hn::Max(max, value);
      StoreMel<kType>(value, mels, interval - 1);
    }
    falling = rising;
  }
  return max;
}

// ---- mels to feature rows --------------------------------------------------

// Stores the first `count` of a vector's values.
template <class Tag, typename T>
HWY_INLINE void StoreFirst(hn::Vec<Tag> values, Tag tag, int count, T* to) {
  constexpr int kSize = static_cast<int>(hn::MaxLanes(Tag()));
  if (count >= kSize) {
    hn::StoreU(values, tag, to);
    return;
  }
  HWY_ALIGN T all[hn::MaxLanes(Tag())];
  hn::Store(values, tag, all);
  std::memcpy(to, all, static_cast<size_t>(count) * sizeof(T));
}

// Transposes [mel][lane] halves to rows[lane][mel], in blocks of 8 mels by 8
// lanes.
HWY_INLINE void TransposeHalves(const uint16_t* mels, int num_mels,
                                uint16_t* const* rows) {
  const HalfTag halves;
  const UintTag words;
  const Uint64Tag pairs;
  constexpr int kMelsPerVector = 2 * kLanes;
#pragma GCC unroll 1
  for (int m = 0; m < num_mels; m += kMelsPerVector) {
    const int count = num_mels - m;
#pragma GCC unroll 1
    for (int lane = 0; lane < kLanes; lane += 8) {
      hn::Vec<HalfTag> in[8];
      for (int i = 0; i < 8; ++i) {
        const uint16_t* from = mels + kLanes * (m + i) + lane;
        in[i] = GatherBlocks(halves, [from](auto block, size_t b) HWY_ATTR {
          return hn::LoadU(block, from + 8 * kLanes * static_cast<int>(b));
        });
      }
      hn::Vec<UintTag> by_2[8];
      for (int i = 0; i < 8; i += 2) {
        by_2[i] =
            hn::BitCast(words, hn::InterleaveLower(halves, in[i], in[i + 1]));
        by_2[i + 1] =
            hn::BitCast(words, hn::InterleaveUpper(halves, in[i], in[i + 1]));
      }
      // by_4[4 j + k]: mels 4 j to 4 j + 3 of lanes 2 k and 2 k + 1.
      hn::Vec<Uint64Tag> by_4[8];
      for (int j = 0; j < 2; ++j) {
        for (int k = 0; k < 2; ++k) {
          const auto x = by_2[4 * j + k];
          const auto y = by_2[4 * j + k + 2];
          by_4[4 * j + 2 * k] =
              hn::BitCast(pairs, hn::InterleaveLower(words, x, y));
          by_4[4 * j + 2 * k + 1] =
              hn::BitCast(pairs, hn::InterleaveUpper(words, x, y));
        }
      }
      for (int k = 0; k < 4; ++k) {
        StoreFirst(hn::BitCast(halves, hn::InterleaveLower(pairs, by_4[k],
                                                           by_4[4 + k])),
                   halves, count, rows[lane + 2 * k] + m);
        StoreFirst(hn::BitCast(halves, hn::InterleaveUpper(pairs, by_4[k],
                                                           by_4[4 + k])),
                   halves, count, rows[lane + 2 * k + 1] + m);
      }
    }
  }
}

// Stores the first `count` values, rounded. Does not use DemoteTo for float16:
// Highway 1.0.3 truncates on machines without an instruction for it.
template <FeatureType kType>
HWY_INLINE void StoreRounded(Float values, int count, FeatureValue<kType>* to) {
  if constexpr (kType == FeatureType::kFloat32) {
    StoreFirst(values, FloatTag(), count, to);
  } else if constexpr (kType == FeatureType::kBfloat16) {
    StoreFirst(RoundToBfloat16(values), RoundedTag(), count, to);
  } else if constexpr (kType == FeatureType::kUint8) {
    StoreFirst(RoundToGrid(values), RoundedTag(), count, to);
  } else {
    HWY_ALIGN float all[hn::MaxLanes(FloatTag())];
    StoreFloat(values, all);
    for (int i = 0; i < std::min(count, kLanes); ++i) {
      to[i] = RoundFeature<kType>(all[i]);
    }
  }
}

// Transposes [mel][lane] floats to rows[lane][mel], in blocks of 4 mels by 4
// lanes.
template <FeatureType kType>
HWY_INLINE void TransposeFloats(const float* mels, int num_mels,
                                FeatureValue<kType>* const* rows) {
  const FloatTag floats;
#pragma GCC unroll 1
  for (int m = 0; m < num_mels; m += kLanes) {
    const int count = num_mels - m;
#pragma GCC unroll 1
    for (int lane = 0; lane < kLanes; lane += 4) {
      Float in[4];
      for (int i = 0; i < 4; ++i) {
        const float* from = mels + kLanes * (m + i) + lane;
        in[i] = GatherBlocks(floats, [from](auto block, size_t b) HWY_ATTR {
          return hn::LoadU(block, from + 4 * kLanes * static_cast<int>(b));
        });
      }
      Float columns[4];
      Transpose4x4(in[0], in[1], in[2], in[3], columns);
      for (int i = 0; i < 4; ++i) {
        StoreRounded<kType>(columns[i], count, rows[lane + i] + m);
      }
    }
  }
}

template <FeatureType kType>
HWY_INLINE void StoreRows(const float* mels, int num_mels,
                          FeatureValue<kType>* const* rows) {
  if constexpr (kKeepsHalves<kType>) {
    TransposeHalves(reinterpret_cast<const uint16_t*>(mels), num_mels, rows);
  } else {
    TransposeFloats<kType>(mels, num_mels, rows);
  }
}

// ---- the run through a range of frames -------------------------------------

// Copies the clip's samples [begin, begin + count), reflected at its ends.
template <typename Sample>
HWY_NOINLINE const Sample* StageSamples(const ClipWindow<Sample>& clip,
                                        int64_t begin, int count, Sample* to) {
  for (int i = 0; i < count; ++i) {
    int64_t index = begin + i;
    if (index < 0) index = -index;
    if (index >= clip.num_clip_samples) {
      index = 2 * (clip.num_clip_samples - 1) - index;
    }
    to[i] = clip.samples[static_cast<size_t>(index - clip.first_sample)];
  }
  return to;
}

// Prefetches the next step's samples: the hardware's own prefetching cannot
// follow this many streams.
template <typename Sample>
HWY_INLINE void PrefetchHop(const Sample* samples) {
  constexpr int kSamplesPerLine = 64 / static_cast<int>(sizeof(Sample));
  for (int i = 0; i < kKernelHopLength; i += kSamplesPerLine) {
    hwy::Prefetch(samples + i);
  }
}

// Finds the samples that the step adds to each lane: all 400 for a segment's
// first frame, the last 160 for any other.
template <typename Sample>
HWY_INLINE void FindRows(const ClipWindow<Sample>& clip, int64_t first_frame,
                         int64_t num_frames, int64_t segment_frames,
                         int64_t step, int first_segment,
                         LogMelScratch& scratch, int count,
                         const Sample** rows) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const int64_t frame = (first_segment + lane) * segment_frames + step;
    if (frame >= num_frames) {
      rows[lane] = reinterpret_cast<const Sample*>(scratch.silence.data());
      continue;
    }
    const int64_t begin =
        (first_frame + frame) * kKernelHopLength + kKernelFftSize / 2 - count;
    if (begin >= 0 && begin + count <= clip.num_clip_samples) {
      rows[lane] = clip.samples.data() + (begin - clip.first_sample);
      PrefetchHop(rows[lane] + count);
    } else {
      auto* staged = reinterpret_cast<Sample*>(scratch.staged.data() +
                                               kKernelFftSize * lane);
      rows[lane] = StageSamples(clip, begin, count, staged);
    }
  }
}

// The last step in which all lanes have a frame whose samples lie in the clip.
template <typename Sample>
HWY_INLINE int64_t LastInnerStep(const ClipWindow<Sample>& clip,
                                 int64_t first_frame, int64_t num_frames,
                                 int64_t segment_frames, int first_segment) {
  const int64_t first_of_last_lane =
      (first_segment + kLanes - 1) * segment_frames;
  const int64_t last_inner_frame =
      (clip.num_clip_samples - kKernelFftSize / 2) / kKernelHopLength;
  return std::min(num_frames - 1, last_inner_frame - first_frame) -
         first_of_last_lane;
}

template <typename Sample>
HWY_INLINE void AdvanceRows(const Sample** rows) {
  for (int lane = 0; lane < kLanes; ++lane) {
    rows[lane] += kKernelHopLength;
    PrefetchHop(rows[lane] + kKernelHopLength);
  }
}

template <FeatureType kType, typename Sample>
void RunSegments(const ClipWindow<Sample>& clip, int64_t first_frame,
                 int64_t num_frames, int first_segment, std::byte* features,
                 const LogMelTables& tables, LogMelScratch& scratch,
                 KernelMaxima* maxima) {
  using Value = FeatureValue<kType>;
  const FloatTag floats;
  const int64_t segment_frames =
      (num_frames + kKernelNumSegments - 1) / kKernelNumSegments;
  const float* window = std::is_same_v<Sample, int16_t>
                            ? tables.window_pcm16.data()
                            : tables.window.data();
  auto* const out = reinterpret_cast<Value*>(features);
  auto* const spare = reinterpret_cast<Value*>(scratch.spare_row.data());
  // At most the clip's last frame reaches beyond its end.
  const int64_t last_frame = first_frame + num_frames - 1;
  const bool ends_in_body =
      last_frame * kKernelHopLength + kKernelFftSize / 2 <=
      clip.num_clip_samples;
  Float body_max = Broadcast(maxima->body);
  Float all_max = Broadcast(maxima->all);
  int head = 0;        // where in the ring the next sample goes
  int window_row = 0;  // the window's row for row 0 of the ring
  const int64_t last_inner_step = LastInnerStep(clip, first_frame, num_frames,
                                                segment_frames, first_segment);
  const Sample* rows[kLanes];
  for (int64_t step = 0; step < segment_frames; ++step) {
    const int count = step == 0 ? kKernelFftSize : kKernelHopLength;
    if (step >= 2 && step <= last_inner_step) {
      AdvanceRows(rows);
    } else {
      FindRows(clip, first_frame, num_frames, segment_frames, step,
               first_segment, scratch, count, rows);
    }
    FillRing(scratch.ring.data(), tables.ring_slots.data() + head, rows, count);
    head = (head + count) % kKernelFftSize;
    ComputePowers(scratch.ring.data(), window, window_row, tables,
                  scratch.spectrum.data());
    window_row -= kKernelRowsPerHop;
    if (window_row < 0) window_row += kKernelNumRows;
    const Float step_max = ComputeMels<kType>(scratch.spectrum.data(), tables,
                                              scratch.mels.data());

    Value* row_starts[kLanes];
    int num_live = 0;  // lanes with a frame; they are the first ones
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t frame = (first_segment + lane) * segment_frames + step;
      const bool is_live = frame < num_frames;
      row_starts[lane] = is_live ? out + frame * tables.num_mels : spare;
      num_live += is_live ? 1 : 0;
    }
    StoreRows<kType>(scratch.mels.data(), tables.num_mels, row_starts);

    const int64_t last_live =
        (first_segment + num_live - 1) * segment_frames + step;
    const bool has_end = num_live > 0 && last_live == num_frames - 1;
    const int num_body = num_live - (has_end && !ends_in_body ? 1 : 0);
    const auto mask = [floats](int n) HWY_ATTR {
      return hn::FirstN(floats, static_cast<size_t>(n));
    };
    all_max =
        hn::IfThenElse(mask(num_live), hn::Max(all_max, step_max), all_max);
    body_max =
        hn::IfThenElse(mask(num_body), hn::Max(body_max, step_max), body_max);
  }
  maxima->all = hn::GetLane(hn::MaxOfLanes(floats, all_max));
  maxima->body = hn::GetLane(hn::MaxOfLanes(floats, body_max));
}

template <FeatureType kType, typename Sample>
HWY_INLINE void RunRange(const ClipWindow<Sample>& clip, int64_t first_frame,
                         int64_t num_frames, std::byte* features,
                         const LogMelTables& tables, LogMelScratch& scratch,
                         KernelMaxima* maxima) {
  const int64_t segment_frames =
      (num_frames + kKernelNumSegments - 1) / kKernelNumSegments;
  for (int segment = 0; segment < kKernelNumSegments; segment += kLanes) {
    if (segment * segment_frames >= num_frames) return;
    RunSegments<kType>(clip, first_frame, num_frames, segment, features, tables,
                       scratch, maxima);
  }
}

template <typename Sample>
void Run(const ClipWindow<Sample>& clip, int64_t first_frame,
         int64_t num_frames, FeatureType type, std::byte* features,
         const LogMelTables& tables, LogMelScratch& scratch,
         KernelMaxima* maxima) {
  assert(num_frames >= 1 && num_frames <= kKernelMaxFrames);
  const auto run = [&]<FeatureType kType>(FeatureTag<kType>) HWY_ATTR {
    RunRange<kType>(clip, first_frame, num_frames, features, tables, scratch,
                    maxima);
  };
  WithFeatureTag(type, run);
}

bool AllBelow(const float* values, size_t count, float limit) {
  const FloatTag floats;
  const IntTag ints;
  // Magnitudes are in order as integers; NaN is above infinity.
  const auto magnitude = hn::Set(ints, 0x7fffffff);
  auto max = hn::Zero(ints);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const auto bits = hn::BitCast(ints, hn::LoadU(floats, values + i));
    max = hn::Max(max, hn::And(bits, magnitude));
  }
  int32_t all = hn::GetLane(hn::MaxOfLanes(ints, max));
  for (; i < count; ++i) {
    all = std::max(all, std::bit_cast<int32_t>(values[i]) & 0x7fffffff);
  }
  return all < std::bit_cast<int32_t>(limit);
}

inline constexpr LogMelKernel kKernel = {Run<int16_t>, Run<float>, AllBelow};

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();
#endif  // a target with vectors

#if HWY_ONCE
namespace melmill {

namespace {
constexpr size_t kMaxLanes = 16;
// Transposing a last, incomplete vector reads this many mels more.
constexpr size_t kMelPadding = 32;
}  // namespace

LogMelScratch::LogMelScratch(int num_mels)
    : ring(kKernelFftSize * kMaxLanes),
      spectrum(kKernelFftSize * kMaxLanes),
      mels((static_cast<size_t>(num_mels) + kMelPadding) * kMaxLanes),
      staged(kKernelFftSize * kMaxLanes),
      silence(kKernelFftSize),
      spare_row(static_cast<size_t>(num_mels)) {}

const LogMelKernel* FindLogMelKernel(SimdTarget target) {
  return MELMILL_OF_TARGET(target, kKernel);
}

}  // namespace melmill
#endif  // HWY_ONCE
