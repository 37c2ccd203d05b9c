#include "dsp/resample/spectral_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dsp/resample/spectral_kernel.cc"
#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numbers>
#include <type_traits>
#include <utility>

// Highway's baseline has no vectors.
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#include "dsp/simd/small_dft-inl.h"
#include "dsp/simd/transpose-inl.h"
#include "dsp/simd/vector_complex-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

HWY_INLINE Float LoadUnaligned(const float* from) {
  return hn::LoadU(FloatTag(), from);
}
HWY_INLINE void StoreUnaligned(Float value, float* to) {
  hn::StoreU(value, FloatTag(), to);
}
HWY_INLINE Complex LoadComplex(const float* from) {
  return {LoadFloat(from), LoadFloat(from + kLanes)};
}
HWY_INLINE void StoreComplex(Complex value, float* to) {
  StoreFloat(value.re, to);
  StoreFloat(value.im, to + kLanes);
}
// x (w.re + i w.im)
HWY_INLINE Complex Multiply(Complex x, Complex w) {
  return {hn::NegMulAdd(x.im, w.im, hn::Mul(x.re, w.re)),
          hn::MulAdd(x.im, w.re, hn::Mul(x.re, w.im))};
}

// The DFT of kFirst * kSecond values. load(a, b) gives the input that
// StepTables::inputs names. store(k, b, value) takes output k; b is k / kFirst
// unless UsesRemainders. `values` is memory for all of them; load may read its
// input there, at kSecond * a + b.
template <int kFirst, int kSecond, int kKept, class Load, class Store>
HWY_INLINE void TwoStepDft(const StepTables& tables, float* values, Load load,
                           Store store) {
  constexpr int kComplex = 2 * kLanes;
  constexpr bool kByRemainders = UsesRemainders({kFirst, kSecond}, kKept);
  const Twiddle* twiddles = tables.twiddles.data();
  const auto first_step = [=]<bool kRotates>(
                              int b, std::bool_constant<kRotates>) HWY_ATTR {
    Complex u[kFirst];
#pragma GCC unroll 16
    for (int a = 0; a < kFirst; ++a) u[a] = load(a, b);
    SmallDft<kFirst>::Run(u);
#pragma GCC unroll 16
    for (int a = 0; a < kFirst; ++a) {
      const Complex value =
          kRotates && a != 0 ? Rotate(u[a], twiddles[kFirst * b + a]) : u[a];
      StoreComplex(value, values + kComplex * (kSecond * a + b));
    }
  };
  first_step(0, std::false_type());
#pragma GCC unroll 1
  for (int b = 1; b < kSecond; ++b) {
    first_step(b, std::bool_constant<!kByRemainders>());
  }
#pragma GCC unroll 1
  for (int a = 0; a < kFirst; ++a) {
    Complex u[kSecond];
#pragma GCC unroll 16
    for (int b = 0; b < kSecond; ++b) {
      u[b] = LoadComplex(values + kComplex * (kSecond * a + b));
    }
    SmallDft<kSecond>::Run(u);
#pragma GCC unroll 16
    for (int b = 0; b < kSecond; ++b) {
      if constexpr (kByRemainders) {
        store(tables.outputs[kSecond * a + b], b, u[b]);
      } else if (b < kKept || b >= kSecond - kKept) {
        store(a + kFirst * b, b, u[b]);
      }
    }
  }
}

// Computes the transforms over the rows, for all columns.
template <int kFirst, int kSecond>
void TransformColumns(const float* re, const float* im,
                      const TransformTables& tables, float* values,
                      float* middle) {
  const auto num_columns = static_cast<std::ptrdiff_t>(tables.num_columns);
  const std::ptrdiff_t tile_size = tables.tile_size();
  const float* twiddles = tables.twiddles.data();
  const int* inputs = tables.row_step.inputs.data();
#pragma GCC unroll 1
  for (std::ptrdiff_t c = 0; c < num_columns; c += kLanes) {
    const float* column_re = re + c;
    const float* column_im = im + c;
    const std::ptrdiff_t tile = c / kMaxLanes * tile_size + c % kMaxLanes;
    const float* factors = twiddles + tile;
    float* out = middle + tile;
    TwoStepDft<kFirst, kSecond, kSecond>(
        tables.row_step, values,
        [=](int a, int b) HWY_ATTR -> Complex {
          const int r = UsesRemainders({kFirst, kSecond}, kSecond)
                            ? inputs[kFirst * b + a]
                            : kSecond * a + b;
          const std::ptrdiff_t offset = r * num_columns;
          return {LoadUnaligned(column_re + offset),
                  LoadUnaligned(column_im + offset)};
        },
        [=](int r, int, Complex u) HWY_ATTR {
          const std::ptrdiff_t offset = std::ptrdiff_t{kTileRow} * r;
          const Complex w = {LoadFloat(factors + offset),
                             LoadFloat(factors + offset + kMaxLanes)};
          const Complex product = Multiply(u, w);
          StoreFloat(product.re, out + offset);
          StoreFloat(product.im, out + offset + kMaxLanes);
        });
  }
}

// Loads 4 values of each of kLanes rows of a tile, as vectors with a row in
// each lane.
HWY_INLINE void TransposeColumns(const float* tile, Float* columns) {
  const auto load = [tile](int i) HWY_ATTR {
    return GatherBlocks(FloatTag(), [tile, i](auto block, size_t b) HWY_ATTR {
      return hn::LoadU(block, tile + kTileRow * (4 * static_cast<int>(b) + i));
    });
  };
  Transpose4x4(load(0), load(1), load(2), load(3), columns);
}

// Brings samples that the next call will read into the second-level cache, a
// few at a time. The next call reads them row by row, which is too many streams
// for the processor's own prefetching.
class Prefetcher {
 public:
  // Prefetches nothing.
  Prefetcher() = default;
  // Prefetches `count` samples from `begin` on in num_times parts. They may lie
  // beyond the end of the samples.
  Prefetcher(const float* begin, std::ptrdiff_t count, std::ptrdiff_t num_times)
      : next_(reinterpret_cast<uintptr_t>(begin)),
        end_(next_ + sizeof(float) * static_cast<size_t>(count)),
        step_((end_ - next_) / static_cast<size_t>(num_times) + kLineBytes) {}

  HWY_INLINE void Prefetch() {
    constexpr int kForReading = 0;
    constexpr int kSecondLevel = 2;
    const uintptr_t to = std::min(next_ + step_, end_);
    for (; next_ < to; next_ += kLineBytes) {
      __builtin_prefetch(reinterpret_cast<const void*>(next_), kForReading,
                         kSecondLevel);
    }
  }

 private:
  static constexpr size_t kLineBytes = 64;

  // Integers rather than pointers, as they may point beyond the samples.
  uintptr_t next_ = 0;
  uintptr_t end_ = 0;
  uintptr_t step_ = 0;
};

static_assert(std::ranges::all_of(kColumnRadices, [](const ColumnRadices& c) {
  return c.radices.size() % 4 == 0;
}));

// Loads kLanes rows as vectors with a row in each lane, one vector for each
// column, and stores them where TwoStepDft looks for them.
HWY_INLINE void TransposeRows(const float* rows, const TransformTables& tables,
                              float* values, Prefetcher* prefetcher) {
  const std::ptrdiff_t tile_size = tables.tile_size();
  const int* places = tables.column_step.places.data();
#pragma GCC unroll 1
  for (int c = 0; c < tables.num_columns; c += 4) {
    prefetcher->Prefetch();
    const float* tile = rows + c / kMaxLanes * tile_size + c % kMaxLanes;
    Float re[4];
    Float im[4];
    TransposeColumns(tile, re);
    TransposeColumns(tile + kMaxLanes, im);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      StoreComplex({re[i], im[i]}, values + 2 * kLanes * places[c + i]);
    }
  }
}

// Computes the transforms over the columns, for all rows. store(k, is_negative,
// value) takes outputs k to k + kLanes - 1. Rows beyond the last are zeros.
// They are stored first, and the outputs of the next column overwrite them.
template <int kFirst, int kSecond, int kKept, class Store>
HWY_INLINE void TransformRows(const float* middle,
                              const TransformTables& tables, float* values,
                              Prefetcher prefetcher, Store store) {
  const int num_rows = tables.num_rows;
#pragma GCC unroll 1
  for (int r = (num_rows - 1) / kLanes * kLanes; r >= 0; r -= kLanes) {
    TransposeRows(middle + std::ptrdiff_t{kTileRow} * r, tables, values,
                  &prefetcher);
    TwoStepDft<kFirst, kSecond, kKept>(
        tables.column_step, values,
        [=](int a, int b) HWY_ATTR {
          return LoadComplex(values + 2 * kLanes * (kSecond * a + b));
        },
        [=](int c, int b, Complex u) HWY_ATTR {
          const bool is_negative = UsesRemainders({kFirst, kSecond}, kKept)
                                       ? c >= kFirst * kSecond / 2
                                       : b >= kSecond - kKept;
          store(r + num_rows * c, is_negative, u);
        });
  }
}

template <int kFirst, int kSecond, int kKept>
void ForwardRows(const SpectralTables& tables, SpectralScratch& scratch,
                 const float* ahead) {
  const TransformTables& forward = tables.forward;
  const std::ptrdiff_t size = forward.size();
  const auto zero = static_cast<std::ptrdiff_t>(tables.margin) +
                    tables.inverse.size() / 2;  // the index of frequency 0
  const float* response = tables.response.data() + zero;
  float* re = scratch.spectrum.data() + zero;
  float* im = re + tables.response.size();
  TransformRows<kFirst, kSecond, kKept>(
      scratch.forward_middle.data(), forward, scratch.column.data(),
      Prefetcher(ahead, 2 * tables.block_step, size / (4 * kLanes)),
      [=](int k, bool is_negative, Complex u) HWY_ATTR {
        const std::ptrdiff_t f = is_negative ? k - size : k;
        const Float gain = LoadUnaligned(response + f);
        StoreUnaligned(hn::Mul(u.re, gain), re + f);
        StoreUnaligned(hn::Mul(u.im, gain), im + f);
      });
}

// Exchanging real and imaginary parts before and after a DFT makes it its
// inverse. Writes the valid outputs of both blocks, back to back.
template <int kFirst, int kSecond>
void InverseRows(const SpectralTables& tables, SpectralScratch& scratch,
                 float* output) {
  const auto guard = static_cast<unsigned>(tables.guard);
  const auto num_valid = static_cast<unsigned>(tables.num_valid);
  TransformRows<kFirst, kSecond, kSecond / 2>(
      scratch.inverse_middle.data(), tables.inverse, scratch.column.data(),
      Prefetcher(nullptr, 0, 1), [=](int n, bool, Complex u) HWY_ATTR {
        const unsigned i = static_cast<unsigned>(n) - guard;
        if (i < num_valid) {
          StoreUnaligned(u.im, output + i);
          StoreUnaligned(u.re, output + num_valid + i);
        }
      });
}

using ColumnsFunction = void (*)(const float* re, const float* im,
                                 const TransformTables& tables, float* values,
                                 float* middle);
using ForwardFunction = void (*)(const SpectralTables& tables,
                                 SpectralScratch& scratch, const float* ahead);
using InverseFunction = void (*)(const SpectralTables& tables,
                                 SpectralScratch& scratch, float* output);

template <size_t... kIndex>
constexpr std::array<ColumnsFunction, sizeof...(kIndex)> MakeColumns(
    std::index_sequence<kIndex...>) {
  return {TransformColumns<kRowRadices[kIndex].first,
                           kRowRadices[kIndex].second>...};
}
template <size_t... kIndex>
constexpr std::array<ForwardFunction, sizeof...(kIndex)> MakeForwardRows(
    std::index_sequence<kIndex...>) {
  return {ForwardRows<kColumnRadices[kIndex].radices.first,
                      kColumnRadices[kIndex].radices.second,
                      kColumnRadices[kIndex].kept>...};
}

// Null if not all outputs are computed.
template <int kFirst, int kSecond, int kKept>
constexpr InverseFunction InverseRowsOrNull() {
  if constexpr (2 * kKept == kSecond) {
    return InverseRows<kFirst, kSecond>;
  } else {
    return nullptr;
  }
}
template <size_t... kIndex>
constexpr std::array<InverseFunction, sizeof...(kIndex)> MakeInverseRows(
    std::index_sequence<kIndex...>) {
  return {InverseRowsOrNull<kColumnRadices[kIndex].radices.first,
                            kColumnRadices[kIndex].radices.second,
                            kColumnRadices[kIndex].kept>()...};
}

inline constexpr auto kColumns =
    MakeColumns(std::make_index_sequence<std::size(kRowRadices)>());
inline constexpr auto kForwardRows =
    MakeForwardRows(std::make_index_sequence<std::size(kColumnRadices)>());
inline constexpr auto kInverseRows =
    MakeInverseRows(std::make_index_sequence<std::size(kColumnRadices)>());

void Run(const float* first_block, const float* second_block,
         const SpectralTables& tables, SpectralScratch& scratch,
         float* output) {
  const TransformTables& forward = tables.forward;
  const TransformTables& inverse = tables.inverse;
  const auto index = [](int i) { return static_cast<size_t>(i); };
  kColumns[index(forward.row_radices)](first_block, second_block, forward,
                                       scratch.column.data(),
                                       scratch.forward_middle.data());
  kForwardRows[index(forward.column_radices)](tables, scratch,
                                              second_block + forward.size());
  const float* re = scratch.spectrum.data() + tables.margin;
  const float* im = re + tables.response.size();
  kColumns[index(inverse.row_radices)](im, re, inverse, scratch.column.data(),
                                       scratch.inverse_middle.data());
  kInverseRows[index(inverse.column_radices)](tables, scratch, output);
}

inline constexpr SpectralKernel kSpectralKernel = {Run};

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();
#endif  // a target with vectors

#if HWY_ONCE
namespace melmill {

namespace {

size_t RoundUp(size_t size) {
  return (size + kMaxLanes - 1) / kMaxLanes * kMaxLanes;
}

Twiddle RootOfUnity(int64_t power, int64_t order) {
  const double angle = 2 * std::numbers::pi *
                       static_cast<double>(power % order) /
                       static_cast<double>(order);
  return {static_cast<float>(std::cos(angle)),
          static_cast<float>(std::sin(angle))};
}

StepTables MakeStep(const Radices& radices, int kept) {
  const auto [first, second] = radices;
  const bool by_remainders = UsesRemainders(radices, kept);
  const int size = radices.size();
  StepTables step;
  step.places.resize(static_cast<size_t>(size));
  for (int b = 0; b < second; ++b) {
    for (int a = 0; a < first; ++a) {
      const int input =
          by_remainders ? (second * a + first * b) % size : second * a + b;
      step.inputs.push_back(input);
      step.places[static_cast<size_t>(input)] = second * a + b;
      step.twiddles.push_back(RootOfUnity(a * b, size));
    }
  }
  for (int a = 0; a < first; ++a) {
    for (int b = 0; b < second; ++b) {
      int output = a;
      while (output % second != b && by_remainders) output += first;
      step.outputs.push_back(output);
    }
  }
  return step;
}

}  // namespace

TransformTables::TransformTables(int rows, int columns, bool alternate_signs)
    : row_radices(rows),
      column_radices(columns),
      num_rows(kRowRadices[rows].size()),
      num_columns(kColumnRadices[columns].radices.size()),
      row_step(MakeStep(kRowRadices[rows], kRowRadices[rows].second)),
      column_step(MakeStep(kColumnRadices[columns].radices,
                           kColumnRadices[columns].kept)),
      twiddles(middle_size()) {
  for (int r = 0; r < num_rows; ++r) {
    // k = r + rows c: if the number of rows is even, k is odd where r is.
    const float sign = alternate_signs && r % 2 != 0 ? -1.0f : 1.0f;
    for (int c = 0; c < num_columns; ++c) {
      const Twiddle w = RootOfUnity(int64_t{r} * c, size());
      float* to = twiddles.data() + c / kMaxLanes * tile_size() + kTileRow * r +
                  c % kMaxLanes;
      to[0] = sign * w.cosine;
      to[kMaxLanes] = -sign * w.sine;
    }
  }
}

std::ptrdiff_t TransformTables::tile_size() const {
  return kTileRow *
         static_cast<std::ptrdiff_t>(RoundUp(static_cast<size_t>(num_rows)));
}

size_t TransformTables::middle_size() const {
  return RoundUp(static_cast<size_t>(num_columns)) / kMaxLanes *
         static_cast<size_t>(tile_size());
}

size_t SpectrumMargin(const TransformTables& forward,
                      const TransformTables& inverse) {
  // The kernel keeps whole columns of the second radix, and whole vectors.
  const int kept = kColumnRadices[forward.column_radices].kept *
                   kColumnRadices[forward.column_radices].radices.first *
                   forward.num_rows;
  const int beyond = std::max(0, kept - inverse.size() / 2) + kMaxLanes;
  return RoundUp(static_cast<size_t>(beyond));
}

SpectralScratch::SpectralScratch(const SpectralTables& tables)
    : forward_middle(tables.forward.middle_size()),
      inverse_middle(tables.inverse.middle_size()),
      column(2 * kMaxLanes *
             RoundUp(static_cast<size_t>(std::max(
                 {tables.forward.num_rows, tables.forward.num_columns,
                  tables.inverse.num_rows, tables.inverse.num_columns})))),
      spectrum(2 * tables.response.size()) {}

const SpectralKernel* FindSpectralKernel(SimdTarget target) {
  return MELMILL_OF_TARGET(target, kSpectralKernel);
}

}  // namespace melmill
#endif  // HWY_ONCE
