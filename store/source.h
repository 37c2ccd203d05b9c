#ifndef MELMILL_STORE_SOURCE_H_
#define MELMILL_STORE_SOURCE_H_

#include <cstdint>
#include <optional>

#include "io/file/byte_source.h"
#include "io/sound/sound_header.h"

namespace melmill {

// The audio of a row as planning saw it, and the size of its features: a file,
// or a range of its bytes that holds a file (a member of an archive), or a
// segment of either. It must be the same when the row is computed.
//
// A coded file can only be decoded from its beginning, so a segment of one has
// no bytes of its own.
struct Source {
  uint64_t file_bytes = 0;  // of the file, or of the range
  SoundHeader header;       // offsets count from the beginning of the range
  // The row's samples in the file, per channel, at the file's rate. Both are 0
  // for the whole file.
  int64_t segment_start = 0;
  int64_t segment_num_samples = 0;
  ByteRange range;          // num_bytes is file_bytes, or 0 for the whole file
  int64_t num_samples = 0;  // at the feature sample rate, after --truncate
  int64_t num_frames = 0;

  bool is_segment() const { return segment_num_samples > 0; }
  bool has_range() const { return range.num_bytes > 0; }
  bool is_piece() const { return is_segment() || has_range(); }
  std::optional<ByteRange> opened_range() const {
    return has_range() ? std::optional(range) : std::nullopt;
  }

  // The row's samples per channel, at the file's rate.
  int64_t own_num_samples() const {
    return is_segment() ? segment_num_samples : header.num_samples;
  }
  bool is_coded_segment() const {
    return is_segment() && IsCoded(header.encoding);
  }
  // The bytes of these samples in a file of plain samples, and of all samples
  // in a coded file.
  uint64_t own_data_offset() const {
    if (IsCoded(header.encoding)) return header.data_offset;
    return header.data_offset +
           static_cast<uint64_t>(segment_start) * GroupBytes();
  }
  uint64_t own_data_bytes() const {
    if (IsCoded(header.encoding) || !is_segment()) return header.data_bytes;
    return static_cast<uint64_t>(segment_num_samples) * GroupBytes();
  }
  // The bytes that are read for the row, apart from a header. Of a coded file
  // this is the segment's share.
  uint64_t bytes_to_read() const {
    if (!is_segment()) return file_bytes;
    if (!IsCoded(header.encoding)) return own_data_bytes();
    return static_cast<uint64_t>(static_cast<double>(file_bytes) *
                                 static_cast<double>(segment_num_samples) /
                                 static_cast<double>(header.num_samples));
  }

  friend bool operator==(const Source&, const Source&) = default;

 private:
  uint64_t GroupBytes() const {
    return static_cast<uint64_t>(header.bytes_per_sample_group());
  }
};

}  // namespace melmill

#endif  // MELMILL_STORE_SOURCE_H_
