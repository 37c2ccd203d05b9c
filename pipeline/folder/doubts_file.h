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

// A shard that a process did not commit, because another one had made it with
// other bytes.
struct DisputedShard {
  std::string shard;    // name of the shard's file
  std::string message;  // names the machines and says what to do
  Machine machine;      // that made the bytes which are not in the file

  friend bool operator==(const DisputedShard&, const DisputedShard&) = default;
};

// Notes a dispute for those that come later, since the retry of a part finds
// the shard and ends well. The first note of a shard stays. Error:
// kMachineFault.
Result<void> WriteDispute(const std::string& folder,
                          const DisputedShard& disputed);

// The disputes about shards that are there, in any order. Error: kMachineFault.
Result<std::vector<DisputedShard>> ReadDisputes(const std::string& folder);

// Error: kMachineFault, if there is a dispute about a shard that is there. One
// of the two that made it is wrong, and it may be the one whose file is there.
Result<void> RequireNoDispute(const std::string& folder);

// Forgets the disputes about shards that are not there: somebody moved the file
// away, so that it is made again. Error: kMachineFault.
Result<void> RemoveSettledDisputes(const std::string& folder);

// The number of different rows among doubts: several processes may doubt one.
size_t CountRows(const std::vector<DoubtfulRow>& doubts);

// Notes that a machine works on a store, in a file that all its processes
// share. Error: kMachineFault.
Result<void> WriteWorker(const std::string& folder, const Machine& machine);

// The machines that WriteWorker noted, in any order. Error: kMachineFault.
Result<std::vector<Machine>> ReadWorkers(const std::string& folder);

// The doubts that all processes left in a store's folder. Skips malformed
// lines. Error: kMachineFault.
Result<std::vector<DoubtfulRow>> ReadDoubts(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_DOUBTS_FILE_H_
