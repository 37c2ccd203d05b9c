#ifndef MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_
#define MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/plan/tally.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"

namespace melmill {

// Facts that both the text and the JSON of a report give. Reports must have a
// plan, unless said otherwise.

// The duration of samples at the report's rate.
double Hours(uint64_t num_samples, const RunReport& report);
double Seconds(uint64_t num_samples, const RunReport& report);
uint64_t StoredSamples(const StoreIndex& store);
uint64_t HopLength(const RunReport& report);  // in samples
double RealTimeFactor(const RunReport& report);

// A sum over all splits.
LanguageCounts SumLanguages(const PlanReport& plan);

// The accepted manifests of a complete store in the folder `out`; none if the
// store is not complete. Needs no plan.
std::vector<std::string> AcceptedFiles(const RunReport& report,
                                       const std::string& out);

// Its training manifests; none if they are the accepted ones.
std::vector<std::string> TrainingFiles(const RunReport& report,
                                       const std::string& out);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_
