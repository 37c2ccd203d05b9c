#ifndef MELMILL_IO_SOUND_CODED_SEGMENTS_H_
#define MELMILL_IO_SOUND_CODED_SEGMENTS_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "dsp/samples/reusable_buffer.h"
#include "io/file/file_facts.h"
#include "io/file/input_file.h"
#include "io/hash.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// A segment of a coded file.
struct CodedSegment {
  const std::string& path;
  std::optional<ByteRange> range;  // of the path's bytes, that hold the file
  uint64_t file_bytes = 0;         // of the range, if there is one
  const SoundHeader& header;
  FileFacts facts;    // of the file when the segment's turn came
  int64_t start = 0;  // in samples per channel, at the file's rate
  int64_t num_samples = 0;
};

// What identifies the audio of a segment: the hash of all bytes of its file,
// and its place.
Hash128 HashCodedSegment(const Hash128& file_hash, int64_t start,
                         int64_t num_samples);

// Reads segments of coded files. A file is decoded from its beginning and only
// forward: once for all its segments, if they come in the order of their
// samples, or nearly so. Thread-safe; threads that read segments of one file
// take turns with its decoder.
class CodedSegments {
 public:
  // Samples of up to this number of seconds behind the decoder's place are
  // kept for segments that overlap or come a little late.
  static constexpr int64_t kKeptSamples = int64_t{1} << 20;
  // Longer segments are handed over while they are decoded. Meanwhile no other
  // thread can use the file's decoder.
  static constexpr int64_t kMaxBufferedSamples = int64_t{1} << 21;
  // An upper bound of the memory of one file's decoder and of these samples.
  static constexpr uint64_t kMaxFileBytes = uint64_t{20} << 20;

  // Called now and then while Read works or waits. An error ends Read.
  using MayGoOn = std::function<Result<void>()>;
  // Takes consecutive samples (mono, at the file's rate), all of the segment.
  using Take = std::function<Result<void>(std::span<const float>)>;

  CodedSegments();
  ~CodedSegments();
  CodedSegments(const CodedSegments&) = delete;
  CodedSegments& operator=(const CodedSegments&) = delete;

  // Hands the segment's samples to `take`, and returns its HashCodedSegment.
  // `buffer` may hold anything. Errors: those of InputFile and CodedClip up to
  // the segment's last sample, whatever was read before; kChangedSincePlan if
  // the file is not the header's; those of `may_go_on` and `take`.
  Result<Hash128> Read(const CodedSegment& segment, const MayGoOn& may_go_on,
                       ReusableBuffer<float>* buffer, const Take& take);

 private:
  class File;
  class Turn;

  std::mutex mutex_;
  std::condition_variable turn_ended_;
  std::list<std::unique_ptr<File>> files_;  // that used last comes first
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_CODED_SEGMENTS_H_
