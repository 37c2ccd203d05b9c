#include "io/wav/wav_data.h"

#include <fmt/format.h>

#include <limits>

namespace melmill {
namespace {

constexpr uint64_t kAllBits64 = std::numeric_limits<uint64_t>::max();

bool IsUnroundedPlaceholder(uint64_t size) {
  constexpr uint64_t kStep = 100'000'000;
  constexpr uint64_t kMaxBytesBelow = 4096;
  if (size >= 10 * kStep && size % kStep == 0) return true;
  for (const uint64_t limit : {uint64_t{1} << 31, uint64_t{1} << 32}) {
    if (size <= limit && limit - size <= kMaxBytesBelow) return true;
  }
  return false;
}

// A 64-bit size has only one placeholder.
bool IsPlaceholder(const WavDataClaim& claim) {
  return claim.data_bytes_in_ds64
             ? claim.data_bytes == kAllBits64
             : IsPlaceholderSize(claim.data_bytes, claim.group_bytes);
}

// Whether the writer used one size for the file and for its data. A file that
// was cut has a RIFF size beyond its end, so it does not match.
bool IsFileSizeTwice(const WavDataClaim& claim, uint64_t file_bytes) {
  const auto is_file_size = [&](uint64_t size) {
    return size == file_bytes || size == file_bytes - 8;
  };
  return is_file_size(claim.data_bytes) && is_file_size(claim.riff_bytes);
}

Result<WavDataExtent> ToTheEnd(const RiffFile& file, const WavDataClaim& claim,
                               SoundOddity oddity) {
  // Each piece of a stream may have its own header.
  const Result<bool> is_file = IsWavFileHeader(file, claim.begin);
  if (!is_file.ok()) return is_file.error();
  if (is_file.value()) {
    return Error{RejectCode::kSeveralFiles,
                 "has a whole WAV file where its samples should begin"};
  }
  return WavDataExtent{file.size_bytes() - claim.begin, oddity};
}

// A writer that was killed before it wrote the size leaves a zero, followed by
// samples. An empty recording is followed by nothing, or by more chunks.
Result<WavDataExtent> MeasureUnclaimed(const RiffFile& file,
                                       const WavDataClaim& claim) {
  const Result<WavDataExtent> all =
      ToTheEnd(file, claim, SoundOddity::kNoDataSize);
  if (!all.ok()) return all.error();
  const Result<bool> is_empty = IsChainOfRiffChunks(file, claim.begin);
  if (!is_empty.ok()) return is_empty.error();
  if (is_empty.value()) {
    return Error{RejectCode::kNoSamples, "has an empty data chunk"};
  }
  return all;
}

}  // namespace

bool IsPlaceholderSize(uint64_t size, uint32_t group_bytes) {
  if (size > std::numeric_limits<uint32_t>::max()) return false;
  // Any of these sizes may have been rounded down to `size`.
  const uint64_t num_candidates = size % group_bytes == 0 ? group_bytes : 1;
  for (uint64_t i = 0; i < num_candidates; ++i) {
    if (IsUnroundedPlaceholder(size + i)) return true;
  }
  return false;
}

Result<WavDataExtent> MeasureWavData(const RiffFile& file,
                                     const WavDataClaim& claim) {
  if (claim.data_bytes == 0) return MeasureUnclaimed(file, claim);
  const uint64_t available_bytes = file.size_bytes() - claim.begin;
  if (claim.data_bytes <= available_bytes) {
    return WavDataExtent{claim.data_bytes, SoundOddity::kNone};
  }
  if (available_bytes < claim.data_bytes - available_bytes &&
      IsPlaceholder(claim)) {
    return ToTheEnd(file, claim, SoundOddity::kNoDataSize);
  }
  if (IsFileSizeTwice(claim, file.size_bytes())) {
    return ToTheEnd(file, claim, SoundOddity::kFileSizeAsDataSize);
  }
  return Error{RejectCode::kTruncated,
               fmt::format("the data chunk claims {} bytes, {} are there",
                           claim.data_bytes, available_bytes)};
}

}  // namespace melmill
