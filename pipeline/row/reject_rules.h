#ifndef MELMILL_PIPELINE_ROW_REJECT_RULES_H_
#define MELMILL_PIPELINE_ROW_REJECT_RULES_H_

#include <cstdint>
#include <string>

#include "io/result.h"
#include "pipeline/row/row_task.h"
#include "store/shard/shard.h"

namespace melmill {

// The index of a row that has no features.
ShardRow MakeRejectedRow(const RowTask& task, const Error& error);

// Whether the machine may be at fault (an unreadable or changed file): such a
// row is tried again before it is rejected.
bool MayBeMachineFault(ErrorCode code);

// How a lasting fault of that kind is recorded: what cannot be opened or read
// becomes kIoError.
Error LastingError(const Error& error);

// The message in rejects.jsonl for a row that was rejected during extraction;
// it depends only on what the shard stores.
std::string RejectMessage(RejectCode code, int64_t detail);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_REJECT_RULES_H_
