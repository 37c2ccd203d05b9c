#include "pipeline/run/report_parts.h"

#include <string>

#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard_writer.h"

namespace melmill {

uint64_t SumCounts(const std::map<RejectCode, Tally>& rejects) {
  uint64_t sum = 0;
  for (const auto& [code, tally] : rejects) sum += tally.count;
  return sum;
}

void AddRejects(const std::map<RejectCode, Tally>& more,
                std::map<RejectCode, Tally>* rejects) {
  for (const auto& [code, tally] : more) {
    Tally& sum = (*rejects)[code];
    const uint64_t count = sum.count + tally.count;
    for (const Tally::Example& example : tally.examples) sum.Add(example);
    sum.count = count;
  }
}

Result<void> ListRejectedLines(const Plan& plan, RunReport* report) {
  return VisitPlanRows(
      *plan.rows, 0, plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        if (report->rejected_lines.size() == RunReport::kMaxRejectedLines) {
          return Visiting::kEnough;
        }
        if (row.is_planned()) return Visiting::kGoOn;
        report->rejected_lines.push_back(
            {row.code,
             {plan.split_names[row.split], row.line, row.audio, row.message}});
        return Visiting::kGoOn;
      });
}

uint64_t StoreBytes(const StoreIndex& store) {
  uint64_t sum = 0;
  for (const FileEntry& file : store.files()) sum += file.num_bytes;
  for (const ShardEntry& shard : store.shards) sum += shard.num_bytes;
  return sum;
}

uint64_t PlannedBytes(const PlannedWork& work) {
  uint64_t sum = 0;
  for (const PlannedShard& shard : work.plan.shards) {
    sum += EstimateShardBytes(work.SpecOf(shard));
  }
  return sum;
}

}  // namespace melmill
