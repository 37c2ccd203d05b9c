#ifndef MELMILL_TOOLS_MELMILL_REPORT_PARTS_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_PARTS_TEXT_H_

#include <string>
#include <vector>

#include "pipeline/folder/doubts_file.h"
#include "pipeline/run/run_report.h"

namespace melmill {

// What plan, parts and finish tell people at their end, each as whole lines.
// `out` is the store's folder.

// The first few doubts, a line for each.
std::string ListDoubts(const std::vector<DoubtfulRow>& doubts);

// Shards in dispute, and what their messages say; empty without any.
std::string ListDisputes(const std::vector<DisputedShard>& disputes);

// After a plan: how to make its shards.
std::string PartsToMake(const RunReport& report, const std::string& out);

// Lines of a plan that were planned before; empty without any.
std::string DescribeKnownLines(const RunReport& report);

// What a part of a plan did, and what completes the plan.
std::string FormatPlanPart(const RunReport& report, const std::string& out);

// What a part made.
std::string FormatPart(const RunReport& report);

// Why a part left shards out, and what to do.
std::string DescribeDoubts(const RunReport& report);

// Which shards a finish misses, and what makes them.
std::string DescribeMissing(const RunReport& report, const std::string& out);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_PARTS_TEXT_H_
