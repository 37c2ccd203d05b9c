#ifndef MELMILL_TOOLS_MELMILL_REPORT_WARNINGS_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_WARNINGS_TEXT_H_

#include <string>

#include "pipeline/plan/plan_report.h"

namespace melmill {

// Warnings for people, each with up to three examples; for standard error.

// What the plan warns of, and what it skips.
std::string FormatPlanWarnings(const PlanReport& plan);

// What only the extraction finds.
std::string FormatLateWarnings(const PlanReport& plan);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_WARNINGS_TEXT_H_
