#ifndef MELMILL_PIPELINE_FOLDER_DOUBTS_FILE_H_
#define MELMILL_PIPELINE_FOLDER_DOUBTS_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/folder/machine.h"

namespace melmill {

// A row that a part could not read on its machine, and whose shard it therefore
// did not make.
struct DoubtfulRow {
  std::string shard;  // name of the shard's file
  std::string split;
  uint64_t line = 0;
  std::string audio;
  std::string message;  // what was wrong with the audio
  Machine machine;      // that could not read it

  friend bool operator==(const DoubtfulRow&, const DoubtfulRow&) = default;
};

// Writes this process's doubts to a file of its own in a store's folder. Call
// it once. A doubt that gets lost is raised again. Error: kMachineFault.
Result<void> WriteDoubts(const std::string& folder,
                         const std::vector<DoubtfulRow>& rows);

// The number of different rows among doubts: several processes may doubt one.
size_t CountRows(const std::vector<DoubtfulRow>& doubts);

// The doubts that all processes left in a store's folder. Skips malformed
// lines. Error: kMachineFault.
Result<std::vector<DoubtfulRow>> ReadDoubts(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_DOUBTS_FILE_H_
