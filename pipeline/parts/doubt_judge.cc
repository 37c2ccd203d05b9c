#include "pipeline/parts/doubt_judge.h"

#include <algorithm>

namespace melmill {

DoubtfulRow DescribeDoubt(const Plan& plan, const Doubt& doubt) {
  const PlannedShard& shard = plan.shards[doubt.shard];
  return {.shard = plan.ShardFileName(shard),
          .split = plan.split_names[shard.split],
          .line = doubt.task.line,
          .audio = doubt.task.audio,
          .message = doubt.error.message,
          .machine = ThisMachine()};
}

DoubtJudge::DoubtJudge(const Machine& here, const std::vector<Machine>& workers,
                       const std::vector<DoubtfulRow>& doubts)
    : is_one_machine_(std::all_of(
          workers.begin(), workers.end(),
          [&here](const Machine& worker) { return worker == here; })) {
  for (const DoubtfulRow& row : doubts) {
    if (row.machine == here) continue;
    is_one_machine_ = false;
    doubted_elsewhere_.emplace(row.split, row.line);
  }
}

bool DoubtJudge::MayReject(const DoubtfulRow& row) const {
  return is_one_machine_ || doubted_elsewhere_.contains({row.split, row.line});
}

}  // namespace melmill
