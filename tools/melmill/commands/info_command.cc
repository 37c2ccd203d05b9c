#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>

#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "store/damage.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"
#include "store/store_index.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

constexpr int kSampleRateHz = 16000;

std::string DescribeComplete(const std::string& folder,
                             const StoreIndex& store) {
  uint64_t num_bytes = 0;
  for (const ShardEntry& shard : store.shards) num_bytes += shard.num_bytes;
  std::string text =
      fmt::format("{}: complete, format {}.{}, {} shards, {}\n",
                  Printable(folder), store.format_major, store.format_minor,
                  store.shards.size(), FormatBytes(num_bytes));
  for (const SplitEntry& split : store.splits) {
    text += fmt::format(
        "  {}: {} rows, {:.2f} h, {} frames; {} lines rejected\n", split.name,
        split.num_stored, Hours(split.num_samples, kSampleRateHz),
        split.num_frames, split.num_rejected);
  }
  return text + fmt::format("settings: {}\nproducer: {}\n", store.contract,
                            store.producer);
}

std::string DescribeUnfinished(const std::string& folder, const Plan& plan) {
  uint64_t num_made = 0;
  uint64_t rows_made = 0;
  uint64_t rows_planned = 0;
  std::map<std::string, uint64_t> rows_by_file;  // a file may be listed twice
  for (const PlannedShard& shard : plan.shards) {
    rows_by_file[plan.ShardFileName(shard)] = shard.num_rows;
  }
  for (const auto& [file, num_rows] : rows_by_file) {
    rows_planned += num_rows;
    if (!FileExists(folder + '/' + file)) continue;
    ++num_made;
    rows_made += num_rows;
  }
  return fmt::format(
      "{}: UNFINISHED: {} of {} shards made ({} of {} rows); run the same "
      "melmill extract command again to resume\nsplits: {}\n{} manifest "
      "lines\nsettings: {}\nproducer: {}\n",
      Printable(folder), num_made, rows_by_file.size(), rows_made, rows_planned,
      fmt::join(plan.split_names, ", "), plan.rows->num_rows(), plan.contract,
      plan.producer);
}

int PrintInfo(const std::string& text) {
  return PrintResult(PrintableLines(text)) ? kExitOk : kExitMachine;
}

int PrintFault(const Error& error) {
  PrintMessage(fmt::format("error: {}\n", Printable(error.message)));
  return kExitMachine;
}

int RunInfoCommand(const std::string& folder) {
  const Result<StoreIndex> store = ReadStoreIndex(folder);
  if (store.ok()) {
    return PrintInfo(DescribeComplete(folder, store.value()));
  }
  if (store.error().code == ErrorCode::kMachineFault) {
    return PrintFault(store.error());
  }
  if (store.error().code != RejectCode::kNotFound) {
    throw SetupError(
        fmt::format("{}/store.json: {}", folder, store.error().message));
  }
  const Result<Plan> plan = ReadPlanFile(folder + '/' + kPlanFile);
  if (!plan.ok() && plan.error().code == ErrorCode::kMachineFault) {
    return PrintFault(Unreadable(kPlanFile, plan.error()));
  }
  if (!plan.ok()) {
    throw SetupError(fmt::format("{} is not a melmill store: {}", folder,
                                 plan.error().message));
  }
  return PrintInfo(DescribeUnfinished(folder, plan.value()));
}

}  // namespace

void AddInfoCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "info", "Show what a store holds, or how far an unfinished one is");
  auto folder = std::make_shared<std::string>();
  command->add_option("STORE", *folder, "The store's folder")->required();
  command->footer("Exit codes: 0 shown, 2 no store, 4 fault of the machine.");
  command->callback(
      [folder, exit_code] { *exit_code = RunInfoCommand(*folder); });
}

}  // namespace melmill
