// Fuzzes the plan of a store whose checksums all match, with `verify --repair`
// on its shards and `verify --against-audio` on its rows.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/file/file_digest.h"
#include "pipeline/care/audio_check.h"
#include "pipeline/care/stored_run.h"
#include "pipeline/extract/extract.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"
#include "store/store_index.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/repair_store.h"

namespace melmill {
namespace {

// The store.json of a store of this plan.
StoreIndex IndexOf(const std::string& folder, const Plan& plan) {
  StoreIndex index;
  index.contract = plan.contract;
  index.producer = plan.producer;
  index.plan = ToHex(plan.fingerprint);
  index.shard_target_bytes = plan.shard_target_bytes;
  index.kept_fields = plan.kept_fields;
  for (const PlannedShard& shard : plan.shards) {
    index.shards.push_back({.split = plan.split_names[shard.split],
                            .file = plan.ShardFileName(shard),
                            .fingerprint = ToHex(shard.fingerprint),
                            .num_rows = shard.num_rows,
                            .num_frames = shard.num_frames});
  }
  const auto digest = DigestFile(folder + '/' + kPlanFile);
  Require(digest.ok(), "the plan can be read");
  index.plan_file = {kPlanFile, digest.value().num_bytes,
                     digest.value().checksum};
  return index;
}

void CompareRows(const RowList& rows, const RowComputer& processor) {
  RowChecker checker(processor);
  for (size_t i = 0; i < rows.size(); ++i) {
    (void)checker.CompareIndex(rows[i], ShardRow()).ok();
    (void)checker.CheckFile(rows[i]).ok();
  }
}

void UseShard(const PlannedWork& work, size_t shard,
              const std::string& folder) {
  const auto rows = RowList::Load(work, work.plan.shards[shard]);
  if (!rows.ok()) {
    Require(rows.error().code == ErrorCode::kDamaged,
            "a plan that contradicts itself is called that");
    return;
  }
  const RowComputer processor(work.features);
  CompareRows(rows.value(), processor);
  RunControl control;
  const ExtractOutcome outcome = ExtractSerial({.work = work,
                                                .processor = processor,
                                                .shards = {shard},
                                                .folder = folder,
                                                .num_threads = 1,
                                                .num_io_threads = 1,
                                                .control = &control});
  Require(outcome.fault || outcome.committed.contains(shard),
          "a shard is made, or it is said why not");
}

void UsePlan(const std::string& folder) {
  const Result<Plan> stored = ReadPlanFile(folder + '/' + kPlanFile);
  if (!stored.ok()) return;
  const StoreIndex index = IndexOf(folder, stored.value());
  RunConfig config;
  try {
    config = ConfigOfStore(folder, index, folder);
  } catch (const SetupError&) {
    return;  // another contract or producer
  }
  const Result<Plan> plan = PlanOfStore(folder, index);
  Require(plan.ok(), "a plan whose checksum fits is opened");
  constexpr size_t kMaxShards = 4;  // largest number for an input
  const std::string out = folder + "/out";
  std::filesystem::create_directory(out);
  for (size_t i = 0; i < plan.value().shards.size() && i < kMaxShards; ++i) {
    UseShard({plan.value(), config.features, config.input.audio_root}, i, out);
  }
  std::filesystem::remove_all(out);
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  static const RepairStore store;
  std::ofstream(store.path() + '/' + kPlanFile, std::ios::binary)
      .write(reinterpret_cast<const char*>(data),
             static_cast<std::streamsize>(size));
  UsePlan(store.path());
  return 0;
}
