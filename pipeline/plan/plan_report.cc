#include "pipeline/plan/plan_report.h"

namespace melmill {

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

}  // namespace melmill
