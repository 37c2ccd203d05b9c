#include <fmt/format.h>

#include <memory>
#include <string>

#include "pipeline/config.h"
#include "pipeline/verify.h"
#include "tools/commands.h"
#include "tools/console.h"
#include "tools/exit_codes.h"
#include "tools/summary.h"

namespace melmill {
namespace {

std::string DescribeDamage(const Damage& damage) {
  std::string text = fmt::format("{}: {}", damage.file, damage.what);
  if (damage.line > 0) {
    text += fmt::format(" ({} line {}: {})", damage.split, damage.line,
                        damage.audio);
  }
  return text;
}

int RunVerifyCommand(const std::string& folder) {
  const Result<VerifyReport> verified = VerifyStore(folder);
  if (!verified.ok()) {
    const Error& error = verified.error();
    if (error.code == ErrorCode::kMachineFault) {
      PrintMessage(fmt::format("error: {}\n", error.message));
      return kExitMachine;
    }
    throw SetupError(
        error.code == ErrorCode::kNotFound
            ? fmt::format("{} is not a complete store: it has no store.json "
                          "(melmill info says more)",
                          folder)
            : fmt::format("{}/store.json: {}", folder, error.message));
  }
  const VerifyReport& report = verified.value();
  std::string text;
  for (const Damage& damage : report.damages) {
    text += fmt::format("damaged: {}\n", Printable(DescribeDamage(damage)));
  }
  text += fmt::format("{} files, {} rows, {}: {}\n", report.num_files,
                      report.num_rows, FormatBytes(report.num_bytes),
                      report.damages.empty()
                          ? "every checksum is right"
                          : fmt::format("{} damaged", report.damages.size()));
  if (!PrintResult(text)) return kExitMachine;
  if (report.damages.empty()) return kExitOk;
  PrintMessage(
      "remove the damaged files and run the melmill extract command of this "
      "store again: it makes them anew\n");
  return kExitDamaged;
}

}  // namespace

void AddVerifyCommand(CLI::App* app, int* exit_code) {
  CLI::App* command =
      app->add_subcommand("verify", "Check every checksum of a store");
  auto folder = std::make_shared<std::string>();
  command->add_option("STORE", *folder, "The store's folder")->required();
  command->callback(
      [folder, exit_code] { *exit_code = RunVerifyCommand(*folder); });
  command->footer("Exit codes: 0 whole, 1 damaged, 2 not a complete store.");
}

}  // namespace melmill
