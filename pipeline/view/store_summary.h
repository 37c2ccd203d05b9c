#ifndef MELMILL_PIPELINE_VIEW_STORE_SUMMARY_H_
#define MELMILL_PIPELINE_VIEW_STORE_SUMMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/tally.h"
#include "store/certificate.h"
#include "store/damage.h"
#include "store/origin.h"
#include "store/store_index.h"

namespace melmill {

// What a complete store holds, in numbers. Everything is of the stored rows.
struct StoreSummary {
  struct Durations {
    double shortest_s = 0;
    double median_s = 0;  // within 1 ms
    double longest_s = 0;
  };

  uint64_t num_bytes = 0;              // on the disk
  std::optional<Durations> durations;  // none without rows
  LanguageCounts languages;
  uint64_t num_pieces = 0;                  // rows that are pieces of files
  uint64_t num_audio_of_pieces = 0;         // different audio strings of these
  std::map<int, uint64_t> rows_by_rate;     // Hz of the audio file
  std::map<std::string, uint64_t> rejects;  // manifest lines by code
  std::optional<Origin> origin;
  std::optional<FoundCertificate> certificate;
  uint64_t num_without_features = 0;  // shards whose files are such copies
  // Files whose part is missing above, and why.
  std::vector<Damage> damages;
};

// Reads all tables and the indexes of all shards. Takes 4 bytes of memory a
// row. Error: kMachineFault for a file that cannot be read.
Result<StoreSummary> SummarizeStore(const std::string& folder,
                                    const StoreIndex& index);

// The origin that the store's `.local` remembers, if that can be read.
std::optional<Origin> ReadOrigin(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_VIEW_STORE_SUMMARY_H_
