#ifndef MELMILL_PIPELINE_ROW_REJECT_RULES_H_
#define MELMILL_PIPELINE_ROW_REJECT_RULES_H_

#include <cstdint>
#include <string>

#include "io/result.h"
#include "pipeline/row/row_task.h"
#include "store/shard/shard.h"

namespace melmill {

// The index entry of a row without features.
ShardRow MakeRejectedRow(const RowTask& task, const Error& error);

// Whether the machine may be at fault (an unreadable or changed file). Such a
// row is tried again before it is rejected.
bool MayBeMachineFault(ErrorCode code);

// The error that is recorded if such a fault lasts: a file that cannot be
// opened or read becomes kIoError.
Error LastingError(const Error& error);

// The message in rejects.jsonl for a row that was rejected during extraction.
// It depends only on what the shard stores: the code, its detail, and the
// number of samples that the file's header counts.
std::string RejectMessage(RejectCode code, int64_t detail,
                          uint64_t source_num_samples = 0);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_REJECT_RULES_H_
