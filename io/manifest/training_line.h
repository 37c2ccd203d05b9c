#ifndef MELMILL_IO_MANIFEST_TRAINING_LINE_H_
#define MELMILL_IO_MANIFEST_TRAINING_LINE_H_

#include <string>
#include <vector>

namespace melmill {

// What a line of a training manifest holds; the strings of ManifestLine.
struct TrainingLine {
  const std::string& audio;
  const std::string& text;
  const std::string& prompt;  // left out if empty
  const std::vector<std::string>& kept_fields;
  const std::vector<std::string>& kept;  // compact JSON; left out if empty
};

// The line as compact JSON, without a line feed: "audio", "text", "prompt" and
// the kept fields.
std::string FormatTrainingLine(const TrainingLine& line);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_TRAINING_LINE_H_
