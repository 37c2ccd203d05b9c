#ifndef MELMILL_PIPELINE_PLAN_FILE_H_
#define MELMILL_PIPELINE_PLAN_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "pipeline/plan/plan.h"
#include "store/table/table.h"
#include "store/table/table_file.h"

namespace melmill {

// Writes plan.h5 durably. `replaced`: see DurableFile::Commit.
Result<void> WritePlanFile(const Plan& plan, const std::string& path,
                           const std::optional<FileIdentity>& replaced = {});

// What is left of a plan in a store's folder.
struct StoredPlan {
  std::string contract;
  std::string producer;
  std::string fingerprint;  // 32 hex digits
  uint64_t shard_target_bytes = 0;
  std::vector<std::string> split_names;
  std::vector<std::string> kept_fields;
  std::unique_ptr<TableFile> rows;  // PlanColumns
  std::vector<PlannedShard> shards;

  std::string ShardFileName(const PlannedShard& shard) const {
    return shard.FileName(split_names[shard.split]);
  }
};

// Checks that contract and producer are JSON objects and that shards are of
// existing splits and rows; nothing else. Errors: kNotFound, kMachineFault,
// kBadHeader.
Result<StoredPlan> ReadPlanFile(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_FILE_H_
