#include "pipeline/plan/plan_report.h"

#include <algorithm>

namespace melmill {

std::vector<SplitReport> MakeSplitReports(const ManifestInput& input) {
  std::vector<SplitReport> reports;
  for (const SplitInput& split : input.splits) {
    reports.push_back({.name = split.name,
                       .manifest = split.manifest,
                       .shown = split.Shown()});
  }
  return reports;
}

void SplitReport::AddDropped(int count, const std::vector<std::string>& names) {
  num_dropped_fields += static_cast<uint64_t>(count);
  if (static_cast<size_t>(count) > names.size()) drops_more_fields = true;
  std::vector<std::string>& known = dropped_fields;
  for (const std::string& field : names) {
    if (std::find(known.begin(), known.end(), field) != known.end()) continue;
    if (known.size() < kMaxDroppedNames) {
      known.push_back(field);
    } else {
      drops_more_fields = true;
    }
  }
}

uint64_t PlanReport::num_lines() const {
  uint64_t sum = 0;
  for (const SplitReport& split : splits) sum += split.num_lines;
  return sum;
}

uint64_t PlanReport::num_rejected() const {
  uint64_t sum = 0;
  for (const SplitReport& split : splits) sum += split.num_rejected;
  return sum;
}

uint64_t PlanReport::num_samples() const {
  uint64_t sum = 0;
  for (const SplitReport& split : splits) sum += split.num_samples;
  return sum;
}

std::map<int, uint64_t> PlanReport::rows_by_rate() const {
  std::map<int, uint64_t> sum;
  for (const SplitReport& split : splits) {
    for (const auto& [rate_hz, rows] : split.rows_by_rate) sum[rate_hz] += rows;
  }
  return sum;
}

}  // namespace melmill
