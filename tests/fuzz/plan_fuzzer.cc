// Fuzzes a plan file: what `info` and `extract` read of it, row by row.

#include <cstdint>
#include <string>

#include "io/hash.h"
#include "pipeline/run/shard_check.h"
#include "store/json_object.h"
#include "store/plan/plan_file.h"
#include "store/plan/plan_row.h"
#include "store/store_index.h"
#include "tests/fuzz/fuzz_input.h"

namespace melmill {
namespace {

// The file can be read and does not change, so only its content can be wrong.
void CheckError(const Error& error) {
  Require(error.code == ErrorCode::kDamaged && !error.message.empty(),
          "a damaged plan is called that");
}

// Hashes all rows, read in blocks of at most this many bytes. Stops at damage.
Result<Hash128> HashRows(const Plan& plan, size_t max_block_bytes) {
  const TableReader& rows = *plan.rows;
  Hasher128 hasher;
  PlanRow row;
  for (uint64_t first = 0; first < rows.num_rows();) {
    const Result<TableBlock> block = rows.Read(first, 100, max_block_bytes);
    if (!block.ok()) return block.error();
    Require(block.value().first_row() == first && block.value().num_rows() > 0,
            "a block holds the rows that were asked for");
    for (size_t i = 0; i < block.value().num_rows(); ++i) {
      ReadPlanRow(block.value(), i, FindOptionalColumns(rows.columns()), &row);
      HashRow(row, &hasher);
    }
    first += block.value().num_rows();
  }
  return hasher.Digest();
}

void CheckRows(const Plan& plan) {
  uint64_t num_rows = 0;
  Hasher128 hasher;
  const Result<void> visited =
      ForEachPlanRow(*plan.rows, 0, plan.rows->num_rows(),
                     [&](uint64_t number, const PlanRow& row) {
                       Require(number == num_rows++, "rows come in order");
                       HashRow(row, &hasher);
                       return Result<void>();
                     });
  if (!visited.ok()) CheckError(visited.error());
  for (const size_t block_bytes : {size_t{1}, size_t{300}}) {
    const Result<Hash128> in_blocks = HashRows(plan, block_bytes);
    if (!in_blocks.ok()) CheckError(in_blocks.error());
    Require(in_blocks.ok() == visited.ok() &&
                (!visited.ok() || in_blocks.value() == hasher.Digest()),
            "rows are the same whatever the block");
  }
}

void CheckShards(const Plan& plan) {
  for (const PlannedShard& shard : plan.shards) {
    Require(shard.first_row < shard.end_row &&
                shard.end_row <= plan.rows->num_rows(),
            "a shard's rows are the plan's");
    Require(!plan.ShardFileName(shard).empty(), "a shard has a name");
  }
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  const InputLimits limits;
  const Result<Plan> plan = ReadPlanFile(FileOf(AsBytes(data, size)));
  if (!plan.ok()) {
    CheckError(plan.error());
    return 0;
  }
  CheckRows(plan.value());
  CheckShards(plan.value());
  // A rerun with other settings reports this.
  DescribeDifference(plan.value().contract, R"({"n_mels":128})");
  DescribeDifference(plan.value().producer, plan.value().contract);
  return 0;
}
