#include "pipeline/care/audio_check.h"

#include <fmt/format.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "pipeline/care/stored_run.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/run/suspects.h"
#include "pipeline/setup/arena.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/shard/without_features.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// What differs; nothing if equal.
using Difference = std::optional<std::string>;

Difference CompareRows(const RowTask& task, const ShardRow& stored,
                       const Result<ShardRow>& now) {
  const bool was_stored = stored.status == RowStatus::kStored;
  if (!now.ok()) {
    const Error error = LastingError(now.error());
    if (!was_stored && MakeRejectedRow(task, error) == stored) return {};
    return RejectMessage(error.code.reject(), error.detail,
                         stored.source_num_samples);
  }
  if (!was_stored) return "was rejected and can be read now";
  if (now.value().source_checksum != stored.source_checksum) {
    return "the samples in the file have changed";
  }
  if (now.value().checksum != stored.checksum) return "features differ";
  ShardRow row = now.value();
  if (stored.peak == kUnknownPeak) row.peak = kUnknownPeak;
  if (row != stored) return "levels or sizes differ";
  return {};
}

bool BytesEqual(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

Result<ShardRow> RowChecker::Compute(const RowTask& task) {
  MemorySink sink(&features_);
  return TryRow(task, processor_, &input_, &sink, &workspace_);
}

Result<Difference> RowChecker::CompareIndex(const RowTask& task,
                                            const ShardRow& stored) {
  const Result<ShardRow> now = Compute(task);
  // This includes stopped rows.
  if (!now.ok() && !now.error().code.is_reject()) return now.error();
  return CompareRows(task, stored, now);
}

Result<Difference> RowChecker::CompareAll(const RowTask& task,
                                          const ShardReader& shard) {
  const Result<Difference> index = CompareIndex(task, shard.rows()[task.row]);
  if (!index.ok() || index.value()) return index;
  const auto features = shard.ReadFeatures(task.row);
  const auto tail = shard.ReadTailSamples(task.row);
  if (!features.ok() || !tail.ok()) {
    const Error& error = features.ok() ? tail.error() : features.error();
    if (error.code == ErrorCode::kMachineFault) return error;
    return Difference(error.message);
  }
  if (!BytesEqual(features.value(), features_)) {
    return Difference("the stored features are damaged");
  }
  if (!BytesEqual(std::as_bytes(std::span(tail.value())),
                  std::as_bytes(workspace_.tail_samples()))) {
    return Difference("tail samples differ");
  }
  return Difference();
}

Result<Difference> RowChecker::CheckFile(const RowTask& task) {
  const Result<ShardRow> now = Compute(task);
  if (now.ok()) return Difference();
  if (!now.error().code.is_reject()) return now.error();
  if (!MayBeMachineFault(now.error().code)) return Difference();
  const Error error = LastingError(now.error());
  return Difference(RejectMessage(error.code.reject(), error.detail));
}

namespace {

// Draws `count` of 0 .. size - 1, or all of them (Floyd's algorithm).
std::set<uint64_t> Draw(uint64_t count, uint64_t size, uint64_t seed) {
  std::set<uint64_t> drawn;
  std::mt19937_64 random(seed);
  for (uint64_t i = size - std::min(count, size); i < size; ++i) {
    const uint64_t pick = std::uniform_int_distribution<uint64_t>(0, i)(random);
    if (!drawn.insert(pick).second) drawn.insert(i);
  }
  return drawn;
}

bool IsMissing(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type() ==
         std::filesystem::file_type::not_found;
}

// What was found of one shard's rows.
struct ShardCheckResult {
  std::vector<Damage> differences;
  uint64_t num_missing = 0;  // those of them whose file does not exist
  std::optional<MissingAudio> first_missing;
};

// Stored rows of one shard, numbered among its stored rows.
struct ShardPicks {
  size_t shard = 0;
  std::vector<uint64_t> rows;
};

std::vector<ShardPicks> PicksByShard(const StoreIndex& index,
                                     const std::set<uint64_t>& picks) {
  std::vector<ShardPicks> by_shard;
  uint64_t first = 0;
  auto pick = picks.begin();
  for (size_t i = 0; i < index.shards.size(); ++i) {
    const uint64_t end = first + index.shards[i].num_stored;
    ShardPicks of_shard = {.shard = i};
    for (; pick != picks.end() && *pick < end; ++pick) {
      of_shard.rows.push_back(*pick - first);
    }
    if (!of_shard.rows.empty()) by_shard.push_back(std::move(of_shard));
    first = end;
  }
  return by_shard;
}

class AudioChecker {
 public:
  AudioChecker(const std::string& folder, const StoreIndex& index,
               const PlannedWork& work, const RunControl& control)
      : folder_(folder),
        index_(index),
        work_(work),
        control_(control),
        processor_(work.features),
        checkers_([this] { return RowChecker(processor_); }) {}

  // Tries the rows that ended an earlier process, each alone, before any others
  // are computed.
  Result<void> TrySuspects(const Suspects& suspects,
                           const std::vector<ShardPicks>& picks,
                           double hang_seconds);
  // Compares rows of one shard.
  Result<ShardCheckResult> Check(const ShardPicks& picks);

 private:
  Result<ShardReader> OpenShard(const ShardPicks& picks) const;
  Result<Difference> Compare(const RowTask& task, const ShardReader& shard);

  const std::string& folder_;
  const StoreIndex& index_;
  const PlannedWork work_;
  const RunControl& control_;
  const RowComputer processor_;
  Quarantine quarantine_;
  oneapi::tbb::enumerable_thread_specific<RowChecker> checkers_;
};

Result<void> AudioChecker::TrySuspects(const Suspects& suspects,
                                       const std::vector<ShardPicks>& picks,
                                       double hang_seconds) {
  std::vector<size_t> shards;
  if (!suspects.empty()) {
    for (const ShardPicks& of_shard : picks) shards.push_back(of_shard.shard);
  }
  std::vector<std::string> notes;  // unused: the differences say the same
  Result<Quarantine> quarantine = melmill::TrySuspects(
      suspects, work_, shards, processor_, hang_seconds, control_, &notes);
  if (!quarantine.ok()) return quarantine.error();
  quarantine_ = std::move(quarantine).value();
  return {};
}

// Opens the shard that store.json and plan.h5 describe.
Result<ShardReader> AudioChecker::OpenShard(const ShardPicks& picks) const {
  const ShardEntry& entry = index_.shards[picks.shard];
  Result<ShardReader> reader = ShardReader::Open(folder_ + '/' + entry.file);
  if (!reader.ok()) return reader.error();
  const Result<uint64_t> checksum = reader.value().CheckIndex();
  if (!checksum.ok()) return checksum.error();
  const auto num_stored = std::ranges::count(
      reader.value().rows(), RowStatus::kStored, &ShardRow::status);
  if (checksum.value() != entry.checksum ||
      static_cast<uint64_t>(num_stored) != entry.num_stored ||
      !work_.IsShard(work_.plan.shards[picks.shard], reader.value().spec())) {
    return Error{ErrorCode::kDamaged, "is not the shard of store.json"};
  }
  if (LacksFeatures(folder_ + '/' + entry.file)) return MissingFeatures();
  return reader;
}

Result<Difference> AudioChecker::Compare(const RowTask& task,
                                         const ShardReader& shard) {
  const auto ended = quarantine_.find(task.source_hash);
  if (ended != quarantine_.end()) {
    return Difference(RejectMessage(RejectCode::kPoison, ended->second));
  }
  return checkers_.local().CompareAll(task, shard);
}

Result<ShardCheckResult> AudioChecker::Check(const ShardPicks& picks) {
  const ShardEntry& entry = index_.shards[picks.shard];
  const Result<ShardReader> reader = OpenShard(picks);
  if (!reader.ok()) {
    if (reader.error().code == ErrorCode::kMachineFault) {
      return Unreadable(entry.file, reader.error());
    }
    return ShardCheckResult{
        {{.file = entry.file, .what = reader.error().message}}};
  }
  const auto tasks = RowList::Load(work_, work_.plan.shards[picks.shard]);
  if (!tasks.ok()) {
    if (tasks.error().code == ErrorCode::kMachineFault) return tasks.error();
    return ShardCheckResult{
        {{.file = entry.file, .what = tasks.error().message}}};
  }
  std::vector<size_t> stored;  // numbers of the shard's stored rows
  for (size_t i = 0; i < tasks.value().size(); ++i) {
    const ShardRow& row = reader.value().rows()[i];
    if (row.status == RowStatus::kStored) stored.push_back(i);
  }
  const auto task_of = [&](size_t pick) {
    return tasks.value()[stored[static_cast<size_t>(picks.rows[pick])]];
  };
  std::vector<Result<Difference>> results(picks.rows.size(), Difference());
  oneapi::tbb::parallel_for(size_t{0}, picks.rows.size(), [&](size_t i) {
    results[i] = Compare(task_of(i), reader.value());
  });
  ShardCheckResult checked;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].ok()) return results[i].error();
    if (!results[i].value()) continue;
    const RowTask task = task_of(i);
    checked.differences.push_back(
        {entry.file, entry.split, task.line, task.audio, *results[i].value()});
    if (!IsMissing(task.path)) continue;
    ++checked.num_missing;
    if (!checked.first_missing) {
      checked.first_missing = {task.audio, task.written_path, task.path};
    }
  }
  return checked;
}

// Puts the results of all shards together.
Result<AudioReport> MakeReport(
    uint64_t num_rows, const std::vector<Result<ShardCheckResult>>& results) {
  AudioReport report = {.num_rows = num_rows};
  uint64_t num_missing = 0;
  for (const Result<ShardCheckResult>& result : results) {
    if (!result.ok()) return result.error();
    const ShardCheckResult& checked = result.value();
    report.differences.insert(report.differences.end(),
                              checked.differences.begin(),
                              checked.differences.end());
    num_missing += checked.num_missing;
    if (!report.missing) report.missing = checked.first_missing;
  }
  if (num_missing < num_rows) {
    report.missing.reset();
  } else {
    report.differences.clear();
  }
  return report;
}

}  // namespace

Result<AudioReport> CheckAgainstAudio(const std::string& folder,
                                      const StoreIndex& index,
                                      const std::string& audio_root,
                                      uint64_t num_rows, uint64_t seed,
                                      const RunControl& control) {
  const RunConfig config = ConfigOfStore(folder, index, audio_root);
  const Result<Plan> plan = PlanOfStore(folder, index);
  if (!plan.ok() && plan.error().code == ErrorCode::kMachineFault) {
    return plan.error();
  }
  if (!plan.ok()) {
    throw SetupError(
        fmt::format("{}/{}: {}", folder, kPlanFile, plan.error().message));
  }
  const std::set<uint64_t> drawn = Draw(num_rows, index.num_stored(), seed);
  const std::vector<ShardPicks> picks = PicksByShard(index, drawn);
  const Result<Suspects> suspects = ReadAllSuspects(folder);
  if (!suspects.ok()) return suspects.error();
  AudioChecker checker(folder, index,
                       {plan.value(), config.features, config.input.audio_root},
                       control);
  const Result<void> tried = checker.TrySuspects(suspects.value(), picks,
                                                 config.resources.hang_seconds);
  if (!tried.ok()) return tried.error();
  const RowWatch watch(WatchOptions(folder, plan.value(),
                                    config.resources.hang_seconds, control));
  std::vector<Result<ShardCheckResult>> results(picks.size(),
                                                ShardCheckResult());
  Arena arena(AvailableCpus());
  arena.Run([&] {
    oneapi::tbb::parallel_for(size_t{0}, picks.size(), [&](size_t i) {
      results[i] = checker.Check(picks[i]);
    });
  });
  return MakeReport(drawn.size(), results);
}

}  // namespace melmill
