#ifndef MELMILL_TOOLS_MELMILL_REPORT_REJECTS_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_REJECTS_TEXT_H_

#include <string>

#include "pipeline/plan/reject_tally.h"
#include "pipeline/plan/tally.h"
#include "store/rejects.h"

namespace melmill {

// Rejected lines for people, by code and cause, the most frequent first, each
// with up to three examples. `num_lines` are all lines. `audio_root` is that
// of ManifestInput. Empty if nothing was rejected.
std::string FormatRejects(const RejectTallies& rejects, uint64_t num_lines,
                          const std::string& audio_root);

// The most frequent causes on one line: "26 not_wav (FLAC), 3 not_found (a
// URL), 8 others".
std::string FormatLargestCauses(const RejectTallies& rejects);

// One rejected line: "train line 3: a.wav: not_found: cannot be opened".
std::string FormatRejectedLine(const LedgerEntry& entry);

// "train line 3: a.wav".
std::string FormatPlace(const Tally::Example& example);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_REJECTS_TEXT_H_
