#ifndef MELMILL_IO_MANIFEST_TRAINING_LINE_H_
#define MELMILL_IO_MANIFEST_TRAINING_LINE_H_

#include <optional>
#include <string>
#include <vector>

#include "io/file/byte_source.h"
#include "io/manifest/segment_request.h"

namespace melmill {

// What a line of a training manifest holds; the strings of ManifestLine.
struct TrainingLine {
  const std::string& audio;
  const std::string& text;
  const std::string& prompt;  // left out if empty
  const std::vector<std::string>& kept_fields;
  const std::vector<std::string>& kept;  // compact JSON; left out if empty
  // The piece of the file, each left out without a value: start_sample and
  // num_samples, audio_offset and audio_bytes.
  std::optional<Segment> segment = {};
  std::optional<ByteRange> range = {};
  std::string audio_path = {};  // left out if empty
};

// The line as compact JSON, without a line feed: "audio", "audio_path", the
// piece, "text", "prompt" and the kept fields. A kept field of the piece, or
// with the path, comes once.
std::string FormatTrainingLine(const TrainingLine& line);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_TRAINING_LINE_H_
