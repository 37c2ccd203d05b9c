#include "io/mp3/mp3_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "io/mp3/mp3_frame.h"
#include "io/mp3/mp3_tag.h"
#include "io/sound/byte_field.h"
#include "io/sound/byte_window.h"
#include "io/sound/id3_tag.h"

namespace melmill {
namespace {

constexpr uint64_t kMaxZerosBehind = 1024;

using MaybeFrame = std::optional<Mp3Frame>;

Result<MaybeFrame> FrameAt(ByteWindow* window, uint64_t offset) {
  if (offset > window->size_bytes()) return MaybeFrame();
  const auto bytes = window->At(offset, kMp3HeaderBytes);
  if (!bytes.ok()) return bytes.error();
  return ParseMp3Frame(bytes.value());
}

// The first frame of the file, and its tag.
struct Mp3Start {
  Mp3Frame frame;
  std::optional<Mp3Tag> tag;
  uint64_t frames_begin = 0;  // of the frames that hold sound
};

Result<Mp3Start> ReadStart(ByteWindow* window, uint64_t begin) {
  const Result<MaybeFrame> frame = FrameAt(window, begin);
  if (!frame.ok()) return frame.error();
  if (!frame.value()) {
    return Error{RejectCode::kBadHeader, "does not begin with an MP3 frame"};
  }
  const auto bytes = window->At(begin, kMp3TagBytes);
  if (!bytes.ok()) return bytes.error();
  Mp3Start start;
  start.frame = *frame.value();
  start.tag = ParseMp3Tag(start.frame, bytes.value());
  start.frames_begin = begin + (start.tag ? start.frame.num_bytes : 0);
  return start;
}

// Judges what follows the last whole frame.
Result<void> CheckTail(ByteWindow* window, uint64_t offset) {
  const Result<MaybeFrame> cut = FrameAt(window, offset);
  if (!cut.ok()) return cut.error();
  if (cut.value()) {
    return Error{RejectCode::kTruncated, "ends inside an MP3 frame"};
  }
  constexpr uint64_t kId3v1Bytes = 128;
  for (int i = 0; i < 2 && offset < window->size_bytes(); ++i) {
    const auto head = window->At(offset, 8);
    if (!head.ok()) return head.error();
    if (BeginsWith(head.value(), "APETAGEX")) return {};
    if (!BeginsWith(head.value(), "TAG") ||
        window->size_bytes() - offset < kId3v1Bytes) {
      break;
    }
    offset += kId3v1Bytes;
  }
  const auto rest = window->At(offset, kMaxZerosBehind + 1);
  if (!rest.ok()) return rest.error();
  if (rest.value().size() > kMaxZerosBehind ||
      std::any_of(rest.value().begin(), rest.value().end(),
                  [](std::byte b) { return b != std::byte{0}; })) {
    return Error{RejectCode::kLyingSize,
                 fmt::format("{} bytes follow the MP3 frames",
                             window->size_bytes() - offset)};
  }
  return {};
}

// The number of whole frames from the start on.
Result<uint64_t> CountFrames(ByteWindow* window, const Mp3Start& start) {
  uint64_t num_frames = 0;
  uint64_t offset = start.frames_begin;
  for (;;) {
    const Result<MaybeFrame> frame = FrameAt(window, offset);
    if (!frame.ok()) return frame.error();
    if (!frame.value() ||
        frame.value()->num_bytes > window->size_bytes() - offset) {
      break;
    }
    if (!frame.value()->MatchesStream(start.frame)) {
      return Error{RejectCode::kBadHeader,
                   fmt::format("changes its sample rate or channels at byte {}",
                               offset)};
    }
    ++num_frames;
    offset += frame.value()->num_bytes;
  }
  const Result<void> checked =
      CheckTail(window, std::min(offset, window->size_bytes()));
  if (!checked.ok()) return checked.error();
  return num_frames;
}

// The number of samples that libsndfile reads at most from a file without a
// tag: mpg123 divides the size of the file by that of its first frame.
Result<int64_t> ReferenceLength(const ByteSource& file, const Mp3Frame& first) {
  constexpr uint64_t kId3v1Bytes = 128;
  uint64_t num_bytes = file.size_bytes();
  std::array<std::byte, 3> tail = {};
  if (num_bytes >= kId3v1Bytes) {
    const Result<void> read = file.ReadAt(num_bytes - kId3v1Bytes, tail);
    if (!read.ok()) return read.error();
  }
  if (BeginsWith(tail, "TAG")) num_bytes -= kId3v1Bytes;
  return static_cast<int64_t>(static_cast<double>(num_bytes) /
                              static_cast<double>(first.num_bytes) *
                              first.num_samples);
}

Error NoSamples() { return {RejectCode::kNoSamples, "has no samples"}; }

}  // namespace

Result<bool> IsMp3(const ByteSource& file, uint64_t begin) {
  ByteWindow window(file, ByteWindow::kHeadBytes);
  const Result<MaybeFrame> frame = FrameAt(&window, begin);
  if (!frame.ok()) return frame.error();
  if (!frame.value()) return false;
  const uint64_t end = begin + frame.value()->num_bytes;
  if (end == file.size_bytes()) return true;
  const Result<MaybeFrame> next = FrameAt(&window, end);
  if (!next.ok()) return next.error();
  return next.value() && next.value()->MatchesStream(*frame.value());
}

Result<SoundFile> ReadMp3Header(const ByteSource& file, uint64_t begin) {
  ByteWindow window(file, ByteWindow::kHeadBytes);
  const Result<Mp3Start> read = ReadStart(&window, begin);
  if (!read.ok()) return read.error();
  const Mp3Start& start = read.value();
  SoundFile sound;
  SoundHeader& header = sound.header;
  header.encoding = SampleEncoding::kMp3;
  header.sample_rate_hz = start.frame.sample_rate_hz;
  header.num_channels = start.frame.num_channels;
  header.data_bytes = file.size_bytes();
  if (start.tag) {
    if (!start.tag->num_frames) {
      return Error{RejectCode::kLengthUnknown,
                   "its tag does not count its frames; write it again: ffmpeg "
                   "-i in.mp3 -c copy out.mp3"};
    }
    header.num_samples =
        start.tag->NumSamples(*start.tag->num_frames, start.frame.num_samples);
    if (header.num_samples < 1) return NoSamples();
    return sound;
  }
  ByteWindow walk(file, ByteWindow::kWalkBytes);
  const Result<uint64_t> num_frames = CountFrames(&walk, start);
  if (!num_frames.ok()) return num_frames.error();
  if (num_frames.value() == 0) return NoSamples();
  header.num_samples =
      static_cast<int64_t>(num_frames.value()) * start.frame.num_samples;
  const Result<int64_t> reference = ReferenceLength(file, start.frame);
  if (!reference.ok()) return reference.error();
  if (reference.value() < header.num_samples) {
    return Error{
        RejectCode::kReferenceCuts,
        fmt::format("has no tag that counts its frames, so libsndfile and "
                    "librosa read only {} of its {} samples; add a tag: ffmpeg "
                    "-i in.mp3 -c copy out.mp3",
                    reference.value(), header.num_samples),
        reference.value()};
  }
  sound.oddity = SoundOddity::kNoFrameCount;
  return sound;
}

Result<void> CheckMp3Frames(const ByteSource& file) {
  const Result<uint64_t> begin = EndOfId3Tags(file);
  if (!begin.ok()) return begin.error();
  ByteWindow window(file, ByteWindow::kWalkBytes);
  const Result<Mp3Start> start = ReadStart(&window, begin.value());
  if (!start.ok()) return start.error();
  const Result<uint64_t> num_frames = CountFrames(&window, start.value());
  if (!num_frames.ok()) return num_frames.error();
  const uint64_t count = num_frames.value();
  const auto& tag = start.value().tag;
  if (tag && tag->num_frames && *tag->num_frames != count) {
    return Error{count < *tag->num_frames ? RejectCode::kTruncated
                                          : RejectCode::kLyingSize,
                 fmt::format("its tag counts {} MP3 frames, {} are there",
                             *tag->num_frames, count)};
  }
  return {};
}

}  // namespace melmill
