#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "pipeline/parts/part_choice.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/view/store_progress.h"
#include "pipeline/view/store_summary.h"
#include "store/damage.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"
#include "store/store_index.h"
#include "tools/melmill/command_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/info_report.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

struct InfoFlags {
  std::string folder;
  bool json = false;
  bool settings = false;
  bool missing = false;
};

int PrintMissing(const std::vector<size_t>& shards) {
  return PrintResult(FormatShards(shards) + '\n') ? kExitOk : kExitMachine;
}

template <typename Store>
int PrintInfo(const InfoFlags& flags, const Store& store) {
  const bool is_printed =
      flags.json
          ? PrintJson(FormatInfoJson(store))
          : PrintResult(PrintableLines(FormatInfo(store, flags.settings)));
  return is_printed ? kExitOk : kExitMachine;
}

int PrintUnfinished(const InfoFlags& flags, const Plan& plan) {
  const Result<StoreProgress> progress = FindProgress(flags.folder, plan);
  if (!progress.ok()) return PrintFault(progress.error());
  if (flags.missing) return PrintMissing(progress.value().missing);
  return PrintInfo(flags,
                   UnfinishedStore{.folder = flags.folder,
                                   .plan = plan,
                                   .progress = progress.value(),
                                   .num_without_features = CountWithoutFeatures(
                                       flags.folder, plan, progress.value()),
                                   .origin = ReadOrigin(flags.folder)});
}

int RunInfoCommand(const InfoFlags& flags) {
  if (flags.json) ExpectJson();
  const std::string& folder = flags.folder;
  const Result<StoreIndex> index = ReadStoreIndex(folder);
  if (index.ok() && flags.missing) return PrintMissing({});
  if (index.ok()) {
    const Result<StoreSummary> summary = SummarizeStore(folder, index.value());
    if (!summary.ok()) return PrintFault(summary.error());
    return PrintInfo(flags,
                     CompleteStore{folder, index.value(), summary.value()});
  }
  if (index.error().code == ErrorCode::kMachineFault) {
    return PrintFault(index.error());
  }
  if (index.error().code != RejectCode::kNotFound) {
    RefuseStore(folder, index.error());
  }
  const Result<Plan> plan = ReadPlanFile(folder + '/' + kPlanFile);
  if (plan.ok()) return PrintUnfinished(flags, plan.value());
  if (plan.error().code == ErrorCode::kMachineFault) {
    return PrintFault(Unreadable(kPlanFile, plan.error()));
  }
  if (plan.error().code != RejectCode::kNotFound) {
    throw SetupError(fmt::format("{} is not a melmill store: {}: {}", folder,
                                 kPlanFile, plan.error().message));
  }
  if (FileExists(folder + '/' + kPlanFolder)) {
    throw SetupError(fmt::format(
        "{} is not a melmill store yet: its plan is not complete: run melmill "
        "plan",
        folder));
  }
  throw SetupError(fmt::format(
      "{} is not a melmill store: {}", folder,
      FileExists(folder) ? "it has no store.json" : "there is no such folder"));
}

}  // namespace

void AddInfoCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "info", "Show what a store holds, or how far an unfinished one is");
  auto flags = std::make_shared<InfoFlags>();
  command->add_option("STORE", flags->folder, "The store's folder")->required();
  command->add_flag("--settings", flags->settings,
                    "Also show every setting of the features, and the code "
                    "that computed them, as the store keeps them");
  CLI::Option* json = command->add_flag(
      "--json", flags->json, "Print one JSON object on standard output");
  command
      ->add_flag("--missing", flags->missing,
                 "Print only the numbers of the shards that an unfinished "
                 "store misses, as extract --shards takes them; an empty line "
                 "if none is missing")
      ->excludes(json);
  command->footer("Exit codes: 0 shown, 2 no store, 4 fault of the machine.");
  command->callback(
      [flags, exit_code] { *exit_code = RunInfoCommand(*flags); });
}

}  // namespace melmill
