#ifndef MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_

#include <string>

#include "bench/bench.h"

namespace melmill {

// Formats the report as a table for people.
std::string FormatBenchTable(const BenchReport& report);

// Formats the report for programs: one JSON object on one line.
std::string FormatBenchJson(const BenchReport& report);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_
