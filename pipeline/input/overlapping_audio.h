#ifndef MELMILL_PIPELINE_INPUT_OVERLAPPING_AUDIO_H_
#define MELMILL_PIPELINE_INPUT_OVERLAPPING_AUDIO_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_files.h"
#include "store/table/table.h"

namespace melmill {

// Finds rows that have samples of a file in common with a row of an earlier
// split, and are not the same piece of it: two segments, or a segment and its
// whole file. Adds them to the report's kLeak, as RepeatedAudio adds rows of
// the same piece.
//
// `sources` has PlannedFile::identity of each planned row that is a segment, in
// any order; `rows` and `files` are those of the plan. Takes 20 bytes of memory
// for each file with segments, and up to 100 for each of max_rows_at_once rows
// (or of the rows of one file, if it has more) whose files several splits have.
// Reads the plan once, and once more for each max_rows_at_once such rows; not
// at all without segments, or with one split. Error: kMachineFault.
Result<void> TellOverlaps(const TableReader& rows, const PlannedFiles& files,
                          std::vector<uint64_t> sources, PlanReport* report,
                          size_t max_rows_at_once = size_t{1} << 20);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_OVERLAPPING_AUDIO_H_
