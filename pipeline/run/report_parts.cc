#include "pipeline/run/report_parts.h"

#include <fmt/format.h>

#include <string>

#include "io/manifest/utf8.h"
#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "store/shard/shard_writer.h"

namespace melmill {

void CheckAnyPlanned(const PlanReport& plan, const std::string& audio_root) {
  if (plan.num_rejected() < plan.num_lines()) return;
  const auto& [code, tally] = *plan.rejects.begin();
  const Tally::Example& example = tally.examples.front();
  std::string hint;
  if (plan.rejects.contains(RejectCode::kNotFound)) {
    const Tally::Example& missing =
        plan.rejects.at(RejectCode::kNotFound).examples.front();
    hint = fmt::format(
        "\n  {} was looked for as {}\n  relative paths start from the working "
        "directory; --audio-root DIR changes that",
        Printable(missing.audio),
        Printable(ResolveAudioPath(audio_root, missing.audio)));
    if (missing.audio.find('\\') != std::string::npos) {
      hint +=
          "\n  a backslash is part of a name here: write Windows paths with "
          "slashes";
    }
  }
  throw SetupError(fmt::format(
      "not one of {} lines has a usable audio file; the first: {} line {}: "
      "{}{}",
      plan.num_lines(), example.split, example.line, example.message, hint));
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
