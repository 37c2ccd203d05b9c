#ifndef MELMILL_PIPELINE_PARTS_STORED_REJECTS_H_
#define MELMILL_PIPELINE_PARTS_STORED_REJECTS_H_

#include <string>

#include "io/result.h"
#include "pipeline/plan/reject_tally.h"

namespace melmill {

// The rejects of a complete store as its rejects.jsonl has them, `path`.
// `audio_root` is that of ManifestInput. Skips malformed lines. Errors: those
// of LineReader.
Result<RejectTallies> ReadStoredRejects(const std::string& path,
                                        const std::string& audio_root);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_STORED_REJECTS_H_
