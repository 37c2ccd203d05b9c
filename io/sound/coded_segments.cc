#include "io/sound/coded_segments.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "io/sound/coded_clip.h"
#include "io/sound/sound_file.h"

namespace melmill {
namespace {

constexpr size_t kHashedBytes = size_t{1} << 20;
constexpr uint64_t kReadAheadBytes = uint64_t{8} << 20;

// The number of files whose decoders are kept while no thread uses them.
constexpr size_t kMaxIdleFiles = 1;

Error Changed() {
  return {RejectCode::kChangedSincePlan, "the file has changed"};
}

// Whether the error is one of the file's content.
bool IsDamage(const Error& error) {
  return error.code.is_reject() && error.code != RejectCode::kIoError;
}

Result<Hash128> HashFile(const InputFile& file,
                         const CodedSegments::MayGoOn& may_go_on) {
  Hasher128 hasher;
  std::vector<std::byte> block;
  for (uint64_t at = 0; at < file.size_bytes(); at += block.size()) {
    Result<void> done = may_go_on();
    if (!done.ok()) return done.error();
    const uint64_t left = file.size_bytes() - at;
    block.resize(static_cast<size_t>(std::min<uint64_t>(kHashedBytes, left)));
    file.WillNeed(at + block.size(),
                  std::min(kReadAheadBytes, left - block.size()));
    done = file.ReadAt(at, block);
    if (!done.ok()) return done.error();
    hasher.Update(block);
  }
  return hasher.Digest();
}

Result<void> CheckHeader(const SoundHeader& header, const InputFile& file) {
  std::array<std::byte, kSoundPrefixBytes> buffer;
  const auto prefix = std::span(buffer).first(static_cast<size_t>(
      std::min<uint64_t>(buffer.size(), file.size_bytes())));
  const Result<void> read = file.ReadAt(0, prefix);
  if (!read.ok()) return read;
  const Result<SoundHeader> now = ReadSoundHeader(prefix, file);
  if (!now.ok()) {
    return now.error().code == RejectCode::kIoError ? now.error() : Changed();
  }
  if (now.value() != header) return Changed();
  return {};
}

}  // namespace

Hash128 HashCodedSegment(const Hash128& file_hash, int64_t start,
                         int64_t num_samples) {
  const int64_t place[] = {start, num_samples};
  Hasher128 hasher;
  hasher.Update(std::as_bytes(std::span(file_hash)));
  hasher.Update(std::as_bytes(std::span(place)));
  return hasher.Digest();
}

// A file and its decoder. For one thread at a time, but for is_in_use, which
// the mutex guards.
class CodedSegments::File {
 public:
  explicit File(const CodedSegment& segment)
      : path_(segment.path), range_(segment.range) {}

  bool Is(const CodedSegment& segment) const {
    return path_ == segment.path && range_ == segment.range;
  }

  Result<Hash128> Read(const CodedSegment& segment, const MayGoOn& may_go_on,
                       const Take& take) {
    Result<void> done;
    if (!clip_ || !IsSameState(file_->facts(), segment.facts) ||
        segment.start < kept_begin()) {
      done = Open(segment, may_go_on);
    }
    if (done.ok()) done = HandOver(segment, may_go_on, take);
    // The file was hashed before it was decoded: if it changed between the two,
    // neither samples nor damage are those of the hash.
    if (file_ && (done.ok() || IsDamage(done.error()))) {
      const Result<void> unchanged = file_->CheckUnchanged();
      if (!unchanged.ok()) {
        clip_.reset();
        return unchanged.error();
      }
    }
    if (!done.ok()) return done.error();
    return HashCodedSegment(hash_, segment.start, segment.num_samples);
  }

  bool is_in_use = true;

 private:
  int64_t kept_begin() const {
    return position_ - static_cast<int64_t>(kept_.size());
  }

  Result<void> Open(const CodedSegment& segment, const MayGoOn& may_go_on) {
    clip_.reset();  // before its file
    file_.reset();
    kept_.clear();
    position_ = 0;
    error_.reset();
    Result<InputFile> opened = InputFile::Open(path_, range_);
    if (!opened.ok()) return opened.error();
    file_.emplace(std::move(opened).value());
    if (file_->size_bytes() != segment.file_bytes) return Changed();
    const Result<void> checked = CheckHeader(segment.header, *file_);
    if (!checked.ok()) return checked;
    const Result<Hash128> hash = HashFile(*file_, may_go_on);
    if (!hash.ok()) return hash.error();
    hash_ = hash.value();
    Result<CodedClip> clip = CodedClip::Open(segment.header, *file_);
    if (!clip.ok()) return clip.error();
    clip_.emplace(std::move(clip).value());
    return {};
  }

  Result<void> HandOver(const CodedSegment& segment, const MayGoOn& may_go_on,
                        const Take& take) {
    int64_t next = segment.start;
    const int64_t end = segment.start + segment.num_samples;
    while (next < end) {
      Result<void> done = may_go_on();
      if (done.ok() && next >= position_) done = DecodeMore();
      if (!done.ok()) return done;
      if (next >= position_) continue;
      const int64_t count = std::min(end, position_) - next;
      done = take(std::span<const float>(kept_).subspan(
          static_cast<size_t>(next - kept_begin()),
          static_cast<size_t>(count)));
      if (!done.ok()) return done;
      next += count;
    }
    return {};
  }

  // Adds at least one sample.
  Result<void> DecodeMore() {
    if (error_) return *error_;
    const Result<std::span<const float>> decoded = clip_->Next();
    if (!decoded.ok() || decoded.value().empty()) {
      // After an error the decoder must not be called again.
      error_ = decoded.ok() ? Changed() : decoded.error();
      const Error error = *error_;
      if (error.code == RejectCode::kIoError) clip_.reset();
      return error;
    }
    constexpr auto kKept = static_cast<size_t>(kKeptSamples);
    if (kept_.size() >= 2 * kKept) {
      kept_.erase(kept_.begin(),
                  kept_.end() - static_cast<std::ptrdiff_t>(kKept));
    }
    kept_.insert(kept_.end(), decoded.value().begin(), decoded.value().end());
    position_ += static_cast<int64_t>(decoded.value().size());
    return {};
  }

  const std::string path_;
  const std::optional<ByteRange> range_;
  std::optional<InputFile> file_;
  Hash128 hash_ = {};
  std::optional<CodedClip> clip_;
  std::optional<Error> error_;  // of decoding what lies at position_
  int64_t position_ = 0;        // the number of samples decoded
  std::vector<float> kept_;     // the last of them
};

// A thread's turn with a file's decoder. Begins when no other thread has it.
class CodedSegments::Turn {
 public:
  explicit Turn(CodedSegments* segments) : segments_(*segments) {}
  ~Turn() { End(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Result<void> Begin(const CodedSegment& segment, const MayGoOn& may_go_on) {
    std::unique_lock lock(segments_.mutex_);
    auto& files = segments_.files_;
    for (;;) {
      const auto found =
          std::find_if(files.begin(), files.end(),
                       [&](const auto& file) { return file->Is(segment); });
      if (found == files.end()) {
        files.push_front(std::make_unique<File>(segment));
        file_ = files.front().get();
        return {};
      }
      if (!(*found)->is_in_use) {
        files.splice(files.begin(), files, found);
        file_ = files.front().get();
        file_->is_in_use = true;
        return {};
      }
      segments_.turn_ended_.wait_for(lock, std::chrono::milliseconds(100));
      const Result<void> wanted = may_go_on();
      if (!wanted.ok()) return wanted;
    }
  }

  File& file() { return *file_; }

  void End() {
    if (file_ == nullptr) return;
    std::list<std::unique_ptr<File>> dropped;  // closed without the lock
    {
      const std::lock_guard lock(segments_.mutex_);
      file_->is_in_use = false;
      file_ = nullptr;
      size_t num_idle = 0;
      auto& files = segments_.files_;
      for (auto next = files.begin(); next != files.end();) {
        const auto at = next++;
        if ((*at)->is_in_use || ++num_idle <= kMaxIdleFiles) continue;
        dropped.splice(dropped.end(), files, at);
      }
    }
    segments_.turn_ended_.notify_all();
  }

 private:
  CodedSegments& segments_;
  File* file_ = nullptr;
};

CodedSegments::CodedSegments() = default;
CodedSegments::~CodedSegments() = default;

Result<Hash128> CodedSegments::Read(const CodedSegment& segment,
                                    const MayGoOn& may_go_on,
                                    ReusableBuffer<float>* buffer,
                                    const Take& take) {
  Turn turn(this);
  const Result<void> begun = turn.Begin(segment, may_go_on);
  if (!begun.ok()) return begun.error();
  if (segment.num_samples > kMaxBufferedSamples) {
    return turn.file().Read(segment, may_go_on, take);
  }
  const std::span<float> samples =
      buffer->Resize(static_cast<size_t>(segment.num_samples));
  size_t num_copied = 0;
  const Result<Hash128> hash = turn.file().Read(
      segment, may_go_on, [&](std::span<const float> part) -> Result<void> {
        std::copy(part.begin(), part.end(),
                  samples.begin() + static_cast<std::ptrdiff_t>(num_copied));
        num_copied += part.size();
        return {};
      });
  turn.End();
  if (!hash.ok()) return hash;
  const Result<void> taken = take(samples);
  if (!taken.ok()) return taken.error();
  return hash;
}

}  // namespace melmill
