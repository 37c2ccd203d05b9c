#ifndef MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_

#include <string>

#include "bench/bench.h"

namespace melmill {

// A table for a person.
std::string FormatBenchTable(const BenchReport& report);

// The same for a program: one JSON object on one line.
std::string FormatBenchJson(const BenchReport& report);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_BENCH_REPORT_H_
