#ifndef MELMILL_PIPELINE_ROW_ROW_TASK_H_
#define MELMILL_PIPELINE_ROW_ROW_TASK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "io/hash.h"
#include "io/sound/coded_segments.h"
#include "pipeline/row/work_permit.h"
#include "store/source.h"

namespace melmill {

// Rows that crashed or hung the program when tried alone, each with its
// RowTask::quarantine_signal.
using Quarantine = std::map<Hash128, int>;

// One planned row of one shard.
struct RowTask {
  size_t row = 0;            // number in its shard
  uint64_t line = 0;         // line number in its manifest
  std::string audio;         // audio string of the manifest
  std::string written_path;  // of the file, as the manifest has it
  std::string path;          // path that it stands for
  Source source;
  uint64_t start = 0;        // first frame in the shard
  Hash128 source_hash = {};  // HashRowSource
  // Set for a row in quarantine: the signal that ended the program, or 0 for a
  // hang.
  std::optional<int> quarantine_signal;
  // Reads the row if it is a segment of a coded file. If null, its file is
  // decoded for it alone.
  CodedSegments* coded_segments = nullptr;
  // Asked before each piece and told of each. If null, the row is always
  // wanted.
  WorkPermit* permit = nullptr;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_TASK_H_
