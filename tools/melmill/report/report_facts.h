#ifndef MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_
#define MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/plan/tally.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"

namespace melmill {

// What the text and the JSON of a report both say. Reports have a plan, unless
// said otherwise.

// Of samples at the report's rate.
double Hours(uint64_t num_samples, const RunReport& report);
uint64_t StoredSamples(const StoreIndex& store);
uint64_t HopLength(const RunReport& report);  // in samples
double RealTimeFactor(const RunReport& report);

// Of all splits.
std::map<std::string, LanguageCount> SumLanguages(const PlanReport& plan);
std::map<int, uint64_t> SumRates(const PlanReport& plan);  // Hz -> planned rows

// The accepted manifests of a complete store in the folder `out`; none before.
std::vector<std::string> AcceptedFiles(const RunReport& report,
                                       const std::string& out);

// "no_template" and so on, as the JSON calls it.
std::string_view WarningName(Warning warning);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_REPORT_FACTS_H_
