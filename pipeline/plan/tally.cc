#include "pipeline/plan/tally.h"

namespace melmill {

void CountRow(const std::string& language, uint64_t num_samples,
              LanguageCounts* counts) {
  constexpr size_t kMaxLanguages = 1000;
  const bool is_other =
      counts->size() >= kMaxLanguages && !counts->contains(language);
  LanguageCount& count = (*counts)[is_other ? "(others)" : language];
  ++count.num_rows;
  count.num_samples += num_samples;
}

}  // namespace melmill
