#include "io/wav/wav_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "io/wav/padding_run.h"

namespace melmill {
namespace {

constexpr uint64_t kMaxUnknownBytes = uint64_t{64} << 10;

// At most this many chunks and files are checked; anything after them is
// unknown.
constexpr int kMaxNumItems = 4 * kMaxNumRiffChunks;

// Some writers include the RIFF header in the RIFF size, or take a longer fmt
// chunk for one of 16 bytes.
constexpr uint64_t kRiffSizeSlack = 8;

constexpr uint64_t kMax64 = std::numeric_limits<uint64_t>::max();

// A chunk that fits, or the first bytes of another WAV file.
struct Item {
  bool is_file = false;
  uint64_t end = 0;     // without a pad byte
  bool is_odd = false;  // a pad byte should follow
};
using MaybeItem = std::optional<Item>;

class TailWalk {
 public:
  TailWalk(const RiffFile& file, const WavDataClaim& claim)
      : file_(file),
        claim_(claim),
        data_end_(claim.begin + claim.data_bytes),
        riff_end_(std::min(claim.riff_bytes, kMax64 / 2) +
                  kRiffChunkHeaderBytes),
        position_(data_end_),
        is_odd_(claim.data_bytes % 2 != 0) {}

  Result<SoundOddity> Run();

 private:
  uint64_t num_left() const { return file_.size_bytes() - position_; }
  bool is_done() const { return num_left() <= (is_odd_ ? 1u : 0u); }
  uint64_t after_pad() const { return position_ + (is_odd_ ? 1 : 0); }

  Result<MaybeItem> ItemAt(uint64_t offset) const;
  Result<MaybeItem> NextItem() const;
  Result<bool> SkipPadding();
  Result<void> SkipItems();
  Result<bool> IsCutChunk(uint64_t offset) const;
  Result<SoundOddity> JudgeRest() const;

  const RiffFile& file_;
  const WavDataClaim& claim_;
  const uint64_t data_end_;
  const uint64_t riff_end_;
  uint64_t position_;  // everything before it is understood
  bool is_odd_;        // a pad byte may come here
  int num_files_ = 1;
  SoundOddity oddity_ = SoundOddity::kNone;
};

Result<MaybeItem> TailWalk::ItemAt(uint64_t offset) const {
  if (file_.size_bytes() - offset < kRiffChunkHeaderBytes) return MaybeItem();
  const Result<RiffChunk> chunk = ReadRiffChunk(file_, offset);
  if (!chunk.ok()) return chunk.error();
  if (!chunk.value().has_printable_name()) return MaybeItem();
  if (IsRiffContainer(chunk.value().name())) {
    const Result<bool> is_file = IsWavFileHeader(file_, offset);
    if (!is_file.ok()) return is_file.error();
    if (is_file.value()) {
      return MaybeItem({true, offset + kRiffHeaderBytes, false});
    }
  }
  const uint64_t num_bytes = chunk.value().claimed_bytes;
  const uint64_t begin = chunk.value().begin;
  if (num_bytes > file_.size_bytes() - begin) return MaybeItem();
  return MaybeItem({false, begin + num_bytes, num_bytes % 2 != 0});
}

Result<MaybeItem> TailWalk::NextItem() const {
  if (is_odd_) {
    Result<MaybeItem> padded = ItemAt(position_ + 1);
    if (!padded.ok() || padded.value()) return padded;
  }
  // Some writers omit the byte that pads odd sizes.
  return ItemAt(position_);
}

// Skips padding up to an item or the end of the file. Returns false if there is
// none.
Result<bool> TailWalk::SkipPadding() {
  const uint64_t begin = after_pad();
  const Result<uint64_t> end = EndOfPaddingRun(file_, begin);
  if (!end.ok()) return end.error();
  if (end.value() == begin) return false;
  if (end.value() < file_.size_bytes()) {
    const Result<MaybeItem> item = ItemAt(end.value());
    if (!item.ok()) return item.error();
    if (!item.value()) return false;
  }
  position_ = end.value();
  is_odd_ = false;
  oddity_ = SoundOddity::kBytesBehindData;
  return true;
}

Result<void> TailWalk::SkipItems() {
  for (int i = 0; i < kMaxNumItems && !is_done(); ++i) {
    const Result<MaybeItem> item = NextItem();
    if (!item.ok()) return item.error();
    if (!item.value()) {
      const Result<bool> skipped = SkipPadding();
      if (!skipped.ok()) return skipped.error();
      if (!skipped.value()) return {};
      continue;
    }
    num_files_ += item.value()->is_file ? 1 : 0;
    position_ = item.value()->end;
    is_odd_ = item.value()->is_odd;
  }
  return {};
}

// Whether a chunk begins here that extends beyond the end of the file, and
// whose size the RIFF size confirms.
Result<bool> TailWalk::IsCutChunk(uint64_t offset) const {
  const bool more_is_missing = riff_end_ > file_.size_bytes() &&
                               claim_.riff_bytes != kMax64 &&
                               !IsPlaceholderSize(claim_.riff_bytes, 1);
  if (!more_is_missing) return false;
  if (file_.size_bytes() - offset >= kRiffChunkHeaderBytes) {
    const Result<RiffChunk> chunk = ReadRiffChunk(file_, offset);
    if (!chunk.ok()) return chunk.error();
    return chunk.value().has_printable_name() &&
           chunk.value().claimed_bytes <= riff_end_ - chunk.value().begin;
  }
  RiffChunk chunk;
  chunk.id.fill('x');
  std::array<std::byte, kRiffChunkHeaderBytes> buffer;
  const auto bytes =
      std::span(buffer).first(static_cast<size_t>(file_.size_bytes() - offset));
  if (Result<void> read = file_.ReadAt(offset, bytes); !read.ok()) {
    return read.error();
  }
  for (size_t i = 0; i < std::min(bytes.size(), chunk.id.size()); ++i) {
    chunk.id[i] = static_cast<char>(bytes[i]);
  }
  return chunk.has_printable_name();
}

Result<SoundOddity> TailWalk::JudgeRest() const {
  const bool riff_ends_before = riff_end_ + kRiffSizeSlack >= data_end_ &&
                                riff_end_ <= after_pad() + kRiffSizeSlack;
  if (riff_ends_before && num_left() <= kMaxUnknownBytes) {
    return SoundOddity::kBytesBehindData;
  }
  for (const uint64_t start : {after_pad(), position_}) {
    const Result<bool> is_cut = IsCutChunk(start);
    if (!is_cut.ok()) return is_cut.error();
    if (is_cut.value()) return SoundOddity::kCutBehindData;
  }
  return Error{
      RejectCode::kLyingSize,
      fmt::format("the data chunk claims {} bytes, but {} more bytes follow "
                  "that are no chunk",
                  claim_.data_bytes, num_left())};
}

Result<SoundOddity> TailWalk::Run() {
  const Result<void> skipped = SkipItems();
  if (!skipped.ok()) return skipped.error();
  if (num_files_ > 1) {
    return Error{RejectCode::kSeveralFiles,
                 fmt::format("holds {}{} WAV files back to back",
                             is_done() ? "" : "at least ", num_files_)};
  }
  if (is_done()) return oddity_;
  return JudgeRest();
}

}  // namespace

Result<SoundOddity> CheckWavTail(const RiffFile& file,
                                 const WavDataClaim& claim) {
  return TailWalk(file, claim).Run();
}

}  // namespace melmill
