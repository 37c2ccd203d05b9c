#include "io/sound/plain_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace melmill {

uint64_t SamplesIn(const PlainClaim& claim, uint64_t num_bytes) {
  const auto sample_bytes =
      static_cast<uint64_t>(BytesPerSample(claim.encoding));
  return num_bytes / (sample_bytes * std::max<uint64_t>(claim.num_channels, 1));
}

Result<SoundHeader> CheckPlainClaim(const PlainClaim& claim, uint64_t end) {
  assert(claim.data_offset <= end);
  if (!(claim.sample_rate_hz >= kMinSampleRateHz &&
        claim.sample_rate_hz <= kMaxSampleRateHz) ||
      claim.sample_rate_hz != std::floor(claim.sample_rate_hz)) {
    return Error{
        RejectCode::kBadSampleRate,
        fmt::format("sample rate {:g} Hz is not a whole number in "
                    "{}..{}",
                    claim.sample_rate_hz, kMinSampleRateHz, kMaxSampleRateHz)};
  }
  if (claim.num_channels < 1 || claim.num_channels > kMaxNumChannels) {
    return Error{RejectCode::kBadChannels,
                 fmt::format("{} channels; 1 to {} are read",
                             claim.num_channels, kMaxNumChannels)};
  }
  if (!claim.num_samples) {
    return Error{RejectCode::kLengthUnknown,
                 "its header does not say how many samples it has"};
  }
  SoundHeader header;
  header.encoding = claim.encoding;
  header.big_endian = claim.big_endian && BytesPerSample(claim.encoding) > 1;
  header.sample_rate_hz = static_cast<int>(claim.sample_rate_hz);
  header.num_channels = static_cast<int>(claim.num_channels);
  header.data_offset = claim.data_offset;
  const auto group_bytes =
      static_cast<uint64_t>(header.bytes_per_sample_group());
  const uint64_t available = (end - claim.data_offset) / group_bytes;
  const uint64_t num_samples = *claim.num_samples;
  if (num_samples == 0) return Error{RejectCode::kNoSamples, "has no samples"};
  if (num_samples != available) {
    return Error{num_samples > available ? RejectCode::kTruncated
                                         : RejectCode::kLyingSize,
                 fmt::format("the header claims {} samples, {} are there",
                             num_samples, available)};
  }
  header.data_bytes = num_samples * group_bytes;
  header.num_samples = static_cast<int64_t>(num_samples);
  return header;
}

}  // namespace melmill
