#ifndef MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
#define MELMILL_PIPELINE_RUN_REPORT_PARTS_H_

#include <cstdint>
#include <map>

#include "io/result.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "store/store_index.h"

namespace melmill {

// What RunExtract and RunValidate put into their reports.

uint64_t SumCounts(const std::map<ErrorCode, Tally>& rejects);

void AddRejects(const std::map<ErrorCode, Tally>& more,
                std::map<ErrorCode, Tally>* rejects);

// Sets report->rejected_lines to those of report->plan. Errors: kMachineFault.
Result<void> ListRejectedLines(RunReport* report);

// With no line accepted there is nothing to make a store of: throws SetupError.
void CheckAnyPlanned(const Plan& plan);

// Of a complete store, and about those of one to be made.
uint64_t StoreBytes(const StoreIndex& store);
uint64_t PlannedBytes(const Plan& plan);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
