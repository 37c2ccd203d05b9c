#include "pipeline/run/report_parts.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <string>
#include <utility>

#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/setup_error.h"
#include "store/shard/shard_writer.h"

namespace melmill {

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

PlanNotice MakeNotice(const RunReport& report, const PlannedWork& work,
                      const std::vector<size_t>& to_make,
                      const std::string& folder) {
  PlanNotice notice;
  notice.plan = &*report.plan;
  notice.num_lines = report.plan->num_lines();
  notice.num_rejected = report.plan->num_rejected();
  notice.num_samples = report.plan->num_samples();
  notice.sample_rate_hz = report.log_mel.mel.sample_rate_hz;
  notice.num_shards_to_make = to_make.size();
  for (const size_t shard : to_make) {
    notice.bytes_to_write +=
        EstimateShardBytes(work.SpecOf(work.plan.shards[shard]));
  }
  notice.free_bytes = FreeBytes(folder).value_or(0);
  return notice;
}

void CheckDiskSpace(uint64_t num_bytes, const std::string& folder) {
  const std::optional<uint64_t> free_bytes = FreeBytes(folder);
  if (!free_bytes || num_bytes <= *free_bytes) return;
  throw SetupError(fmt::format("the store needs {} more and {} has {} free",
                               FormatBytes(num_bytes), folder,
                               FormatBytes(*free_bytes)));
}

Result<void> AddFinishedStore(FinishedStore finished, RunReport* report) {
  AddRejects(finished.rejects, &report->rejects);
  report->num_rejected = SumCounts(report->rejects);
  report->store = std::move(finished.index);
  report->plan->warnings.merge(finished.copies);
  const uint64_t num_stored = report->store->num_stored();
  if (num_stored + report->num_rejected == report->plan->num_lines()) return {};
  return Error{
      ErrorCode::kMachineFault,
      fmt::format("rows do not add up (a bug): {} lines, {} stored, "
                  "{} rejected",
                  report->plan->num_lines(), num_stored, report->num_rejected)};
}

std::optional<uint64_t> FreeBytes(const std::string& folder) {
  struct statvfs space;
  if (statvfs(folder.c_str(), &space) != 0) return std::nullopt;
  return uint64_t{space.f_bavail} * space.f_frsize;
}

}  // namespace melmill
