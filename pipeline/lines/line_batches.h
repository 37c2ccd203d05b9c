#ifndef MELMILL_PIPELINE_LINES_LINE_BATCHES_H_
#define MELMILL_PIPELINE_LINES_LINE_BATCHES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io/file/line_reader.h"
#include "io/result.h"
#include "pipeline/input/planned_line.h"
#include "pipeline/lines/part_number.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Consecutive lines of one manifest that are not blank.
struct LineBatch {
  std::vector<PlannedLine> lines;
  uint64_t num_bytes = 0;  // of the lines
  // The chunk that the lines belong to, if chunks are kept; the number of the
  // first line in it, and whether it ends with them.
  std::shared_ptr<PlanChunk> chunk;
  uint64_t first_in_chunk = 0;
  bool ends_chunk = false;
  std::vector<uint64_t> bytes_hashes;  // of the lines, if there is a chunk
  uint64_t num_known = 0;  // lines whose headers were not read again
};

// Reads manifests in batches, in order. For one thread at a time.
class BatchReader {
 public:
  // Reads the manifests of `splits`, counts their blank lines and sets their
  // hashes. With `part`, reads only its chunks. All pointers must outlive the
  // reader; `chunks` may be null.
  BatchReader(const RunConfig& config, const PlanChunks* chunks,
              const std::optional<PartNumber>& part,
              std::vector<SplitReport>* splits);

  // Reads the next batch, which may be empty; returns false at the end. Error:
  // kMachineFault.
  Result<bool> Next(LineBatch* batch);

  // Chunks that were read.
  uint64_t num_chunks() const { return num_chunks_; }

 private:
  Result<bool> OpenNextManifest();
  // Opens the chunk of the next line. Returns false at the manifest's end.
  Result<bool> EnterChunk();
  bool IsAtEndOfChunk() const;
  Error FaultOf(const Error& error) const;

  const RunConfig& config_;
  const PlanChunks* chunks_;
  const std::optional<PartNumber> part_;
  std::vector<SplitReport>* splits_;
  std::optional<LineReader> reader_;
  size_t next_split_ = 0;  // the split after the one that is read
  size_t batch_lines_ = 0;
  uint64_t first_chunk_ = 0;  // number of the manifest's first chunk
  std::shared_ptr<PlanChunk> chunk_;
  uint64_t end_of_chunk_ = 0;  // lines from this offset on are of another one
  uint64_t num_in_chunk_ = 0;  // lines of it that were read
  uint64_t num_chunks_ = 0;
};

// Reads all batches, plans their lines in parallel, and hands them to `append`,
// one by one and in order. Keeps the chunks. Ends at the first error, which it
// returns, and when a stop is requested. Errors: kMachineFault, and those of
// `append`.
Result<void> PlanBatches(
    const RunConfig& config, BatchReader* reader, const PlanChunks* chunks,
    RunControl* control,
    const std::function<Result<void>(LineBatch* batch)>& append);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_LINE_BATCHES_H_
