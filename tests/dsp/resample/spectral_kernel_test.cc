#include "dsp/resample/spectral_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <numbers>
#include <vector>

#include "tests/support/chain_oracle.h"

namespace melmill {
namespace {

using Transform = std::pair<int, int>;  // its radices, by index

// Computes every seventh output of `block` at the other rate by definition:
// DFT, gain, inverse DFT, in double precision. `gains` are for frequencies 0 to
// gains.size() - 1, and minus them.
std::vector<double> ByDefinition(const float* block, int size_in, int size_out,
                                 const std::vector<double>& gains, int first,
                                 int count) {
  const auto root = [](int64_t power, int size) {
    return std::polar(
        1.0, 2 * std::numbers::pi * static_cast<double>(power % size) / size);
  };
  std::vector<std::complex<double>> spectrum;
  for (size_t k = 0; k < gains.size(); ++k) {
    std::complex<double> sum = 0;
    for (int n = 0; n < size_in; ++n) {
      sum += double{block[n]} *
             std::conj(root(static_cast<int64_t>(k) * n, size_in));
    }
    spectrum.push_back(sum * gains[k]);
  }
  std::vector<double> outputs;
  for (int n = first; n < first + count; n += 7) {
    double sum = spectrum[0].real();
    for (size_t k = 1; k < gains.size(); ++k) {
      const auto term =
          spectrum[k] * root(static_cast<int64_t>(k) * n, size_out);
      sum += 2 * term.real();
    }
    outputs.push_back(sum);
  }
  return outputs;
}

// A response with about 40 of all kept frequencies, the edges among them.
SpectralTables MakeTables(Transform forward_radices, Transform inverse_radices,
                          std::vector<double>* gains) {
  TransformTables forward(forward_radices.first, forward_radices.second, false);
  TransformTables inverse(inverse_radices.first, inverse_radices.second, true);
  const ColumnRadices& columns = kColumnRadices[forward_radices.second];
  const int num_kept =
      std::min({columns.kept * columns.radices.first * forward.num_rows,
                (forward.size() - 1) / 2, inverse.size() / 2});
  const size_t margin = SpectrumMargin(forward, inverse);
  AlignedArray<float> response(static_cast<size_t>(inverse.size()) +
                               2 * margin);
  const size_t zero = margin + static_cast<size_t>(inverse.size() / 2);
  gains->assign(static_cast<size_t>(num_kept), 0.0);
  const int step = std::max(1, num_kept / 40);
  for (int i = 0; i < 40; ++i) {
    const int k = i % 2 == 0 ? i * step : num_kept - 1 - i * step;
    if (k < 0 || k >= num_kept) continue;
    const float gain =
        static_cast<float>(i % 5 - 1.5) / static_cast<float>(forward.size());
    (*gains)[static_cast<size_t>(k)] = gain;
    response[zero + static_cast<size_t>(k)] = gain;
    response[zero - static_cast<size_t>(k)] = gain;
  }
  const int guard = 2 * kMaxLanes;
  const int num_valid = (inverse.size() - 2 * guard) / kMaxLanes * kMaxLanes;
  return {std::move(forward),
          std::move(inverse),
          std::move(response),
          margin,
          guard,
          num_valid};
}

std::vector<float> RunBlocks(SimdTarget target, const SpectralTables& tables,
                             const std::vector<float>& samples,
                             int second_block) {
  AlignedArray<float> output(static_cast<size_t>(2 * tables.num_valid));
  SpectralScratch scratch(tables);
  const auto* kernel = FindSpectralKernel(target);
  // Nothing that an earlier clip left there may matter.
  const std::vector<float> huge(samples.size(), 3e38f);
  kernel->run(huge.data(), huge.data() + second_block, tables, scratch,
              output.data());
  kernel->run(samples.data(), samples.data() + second_block, tables, scratch,
              output.data());
  return {output.data(), output.data() + output.size()};
}

// Forward transforms of all radices with an inverse of some size, and inverse
// transforms of all radices.
std::vector<std::pair<Transform, Transform>> AllTransforms() {
  std::vector<std::pair<Transform, Transform>> all;
  const int num_rows = std::size(kRowRadices);
  const int num_columns = std::size(kColumnRadices);
  for (int columns = 0; columns < num_columns; ++columns) {
    all.push_back({{columns % num_rows, columns}, {1, 0}});
  }
  for (int rows = 0; rows < num_rows; ++rows) {
    all.push_back({{rows, 0}, {1, 0}});
  }
  for (int columns = 0; columns < num_columns; ++columns) {
    const ColumnRadices& radices = kColumnRadices[columns];
    if (2 * radices.kept == radices.radices.second) {
      all.push_back({{1, 0}, {1, columns}});
    }
  }
  for (int rows = 0; rows < num_rows; ++rows) {
    if (kRowRadices[rows].size() % kMaxLanes == 0) {
      all.push_back({{1, 0}, {rows, 0}});
    }
  }
  return all;
}

TEST(SpectralKernel, TransformsEverySizeByTheDefinition) {
  for (const auto& [forward, inverse] : AllTransforms()) {
    std::vector<double> gains;
    const SpectralTables tables = MakeTables(forward, inverse, &gains);
    const int size = tables.forward.size();
    const int second_block = size / 2 + 5;
    const auto samples =
        MakeNoise(static_cast<size_t>(second_block + size + kMaxLanes), 3);
    std::vector<double> expected =
        ByDefinition(samples.data(), size, tables.inverse.size(), gains,
                     tables.guard, tables.num_valid);
    const std::vector<double> of_second =
        ByDefinition(samples.data() + second_block, size, tables.inverse.size(),
                     gains, tables.guard, tables.num_valid);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const std::vector<float> actual =
          RunBlocks(target, tables, samples, second_block);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(actual[7 * i], expected[i], 2e-7)
            << SimdTargetName(target) << ' ' << tables.forward.num_rows << 'x'
            << tables.forward.num_columns << " -> " << tables.inverse.num_rows
            << 'x' << tables.inverse.num_columns << ", output " << 7 * i;
        ASSERT_NEAR(actual[static_cast<size_t>(tables.num_valid) + 7 * i],
                    of_second[i], 2e-7);
      }
    }
  }
}

TEST(SpectralKernel, GivesTheSameBitsWithAllThatFuseMultiplyAdd) {
  for (const auto& [forward, inverse] : AllTransforms()) {
    std::vector<double> gains;
    const SpectralTables tables = MakeTables(forward, inverse, &gains);
    const auto samples = MakeNoise(
        static_cast<size_t>(2 * tables.forward.size()) + kMaxLanes, 5);
    std::vector<float> first;
    for (const SimdTarget target : SupportedSimdTargets()) {
      if (!FusesMultiplyAdd(target)) continue;
      const auto output =
          RunBlocks(target, tables, samples, tables.forward.size());
      if (first.empty()) first = output;
      ASSERT_EQ(std::memcmp(first.data(), output.data(),
                            first.size() * sizeof(float)),
                0)
          << tables.forward.size() << ' ' << tables.inverse.size();
    }
  }
}

TEST(SpectralKernel, DoesNotHeedWhatIsBehindABlock) {
  for (const auto& [forward, inverse] : AllTransforms()) {
    std::vector<double> gains;
    const SpectralTables tables = MakeTables(forward, inverse, &gains);
    const auto size = static_cast<size_t>(tables.forward.size());
    auto samples = MakeNoise(size + kMaxLanes - 1, 7);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto before = RunBlocks(target, tables, samples, 0);
      for (size_t i = size; i < samples.size(); ++i) samples[i] = INFINITY;
      ASSERT_EQ(RunBlocks(target, tables, samples, 0), before) << size;
    }
  }
}

}  // namespace
}  // namespace melmill
