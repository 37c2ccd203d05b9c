#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "pipeline/care/audio_check.h"
#include "pipeline/care/repair.h"
#include "pipeline/care/stored_run.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/view/store_summary.h"
#include "store/origin.h"
#include "store/store_folder.h"
#include "store/verify.h"
#include "tools/melmill/command_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/report/summary_text.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/terminal/progress_line.h"
#include "tools/melmill/terminal/signals.h"

namespace melmill {
namespace {

struct VerifyFlags {
  std::string folder;
  bool repair = false;
  std::optional<int64_t> against_audio;  // number of rows
  std::string audio_root;
};

std::string HowToWriteAgain(const std::string& folder) {
  std::string text =
      "to rebuild everything that is damaged, run the melmill extract command "
      "of this store with --verify-resume";
  const std::optional<Origin> origin = ReadOrigin(folder);
  if (!origin) return text;
  return text + fmt::format(":\n  {} --verify-resume\n  in {}",
                            ShellLine(CommandInto(*origin, folder)),
                            Printable(origin->working_folder));
}

std::string ListDamages(const char* label, const std::vector<Damage>& damages) {
  std::string text;
  for (const Damage& damage : damages) {
    text += fmt::format("{}: {}\n", label, DescribeDamage(damage));
  }
  return text;
}

// Reports that store.json cannot be used. Returns the exit code.
int ReportUnusable(const std::string& folder, const Error& error) {
  if (error.code == ErrorCode::kMachineFault) return PrintFault(error);
  if (error.code != ErrorCode::kDamaged) RefuseStore(folder, error);
  if (!PrintResult(ListDamages(
          "damaged", {{.file = kStoreIndexFile, .what = error.message}}))) {
    return kExitMachine;
  }
  PrintMessage(
      fmt::format("nothing else was checked; {}\n", HowToWriteAgain(folder)));
  return kExitDamaged;
}

std::string CountFailures(const VerifyReport& report) {
  if (report.damages.empty() && report.unreadable.empty()) {
    return "every checksum is right";
  }
  std::string text =
      fmt::format("{} damaged", FormatCount(report.damages.size()));
  if (!report.unreadable.empty()) {
    text +=
        fmt::format(", {} unreadable", FormatCount(report.unreadable.size()));
  }
  return text;
}

std::string FormatVerified(const VerifyReport& report) {
  std::string text = ListDamages("damaged", report.damages);
  for (const Error& error : report.unreadable) {
    text += fmt::format("unreadable: {}\n", Printable(error.message));
  }
  return text +
         fmt::format("{}, {}, {}: {}\n", Counted(report.num_files, "file"),
                     Counted(report.num_rows, "row"),
                     FormatBytes(report.num_bytes), CountFailures(report));
}

// Files that cannot be read may be intact.
int PrintUnreadable(const VerifyReport& report) {
  return PrintFault(
      {ErrorCode::kMachineFault,
       fmt::format(
           "{} cannot be read, the first of them {}; what is unreadable "
           "may be whole: fix the cause and verify again",
           Counted(report.unreadable.size(), "file"),
           report.unreadable[0].message)});
}

int Verify(const std::string& folder, const StoreIndex& index) {
  const VerifyReport report = VerifyStore(folder, index);
  if (!PrintResult(FormatVerified(report))) return kExitMachine;
  if (!report.unreadable.empty()) return PrintUnreadable(report);
  if (report.damages.empty()) return kExitOk;
  PrintMessage(
      fmt::format("melmill verify --repair rebuilds damaged shards; {}\n",
                  HowToWriteAgain(folder)));
  return kExitDamaged;
}

// A row that hangs ends the process, because its thread cannot be ended.
void SetEndOfProcess(RunControl* control) {
  control->end_process = [](const std::string& message) {
    _exit(PrintFault({ErrorCode::kMachineFault, message}));
  };
}

int Repair(const VerifyFlags& flags) {
  static RunControl control;
  SetEndOfProcess(&control);
  std::optional<ProgressLine> progress;
  // Before this point it only reads, which may be stopped at any time.
  control.on_planned = [&progress](const PlanNotice&) {
    InstallSignalHandlers(&control);
    progress.emplace(control);
  };
  const Result<RepairReport> repaired =
      RepairStore(flags.folder, flags.audio_root, &control);
  progress.reset();
  if (!repaired.ok()) return ReportUnusable(flags.folder, repaired.error());
  const RepairReport& report = repaired.value();
  std::string text = FormatVerified(report.found);
  for (const std::string& file : report.repaired) {
    text += fmt::format("repaired: {}\n", Printable(file));
  }
  text += ListDamages("not repaired", report.left);
  if (!PrintResult(text)) return kExitMachine;
  if (report.fault) return PrintFault(*report.fault);
  if (!report.found.unreadable.empty()) return PrintUnreadable(report.found);
  if (report.left.empty()) return kExitOk;
  if (control.stop_requested()) return kExitSignal + control.stop_signal();
  PrintMessage(fmt::format("{}\n", HowToWriteAgain(flags.folder)));
  return kExitDamaged;
}

int CheckAudio(const VerifyFlags& flags, const StoreIndex& index) {
  RunControl control;
  SetEndOfProcess(&control);
  const Result<AudioReport> checked =
      CheckAgainstAudio(flags.folder, index, flags.audio_root,
                        static_cast<uint64_t>(*flags.against_audio),
                        std::random_device()(), control);
  if (!checked.ok()) return PrintFault(checked.error());
  const AudioReport& report = checked.value();
  if (report.missing) {
    throw SetupError(fmt::format(
        "nothing was compared: no audio file was found; the first, {}, was "
        "looked for as {} ({})",
        report.missing->audio, report.missing->path,
        HowToFindAudio(flags.folder, report.missing->written_path)));
  }
  const std::string text =
      ListDamages("differs", report.differences) +
      fmt::format("{} of {} computed again from their audio: {}\n",
                  FormatCount(report.num_rows),
                  Counted(index.num_stored(), "row"),
                  report.differences.empty()
                      ? "every byte is the same"
                      : fmt::format("{} differ",
                                    FormatCount(report.differences.size())));
  if (!PrintResult(text)) return kExitMachine;
  return report.differences.empty() ? kExitOk : kExitDamaged;
}

int RunVerifyCommand(const VerifyFlags& flags) {
  if (!flags.audio_root.empty() && !flags.repair && !flags.against_audio) {
    throw SetupError("--audio-root needs --repair or --against-audio");
  }
  if (flags.against_audio && *flags.against_audio < 1) {
    throw SetupError(
        fmt::format("--against-audio {}: give a number of rows, such as 100",
                    *flags.against_audio));
  }
  if (flags.repair) return Repair(flags);
  const Result<StoreIndex> index = ReadStoreIndex(flags.folder);
  if (!index.ok()) return ReportUnusable(flags.folder, index.error());
  if (flags.against_audio) return CheckAudio(flags, index.value());
  return Verify(flags.folder, index.value());
}

}  // namespace

void AddVerifyCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "verify",
      "Check every checksum of a store, repair it, or compare it "
      "with its audio");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("STORE", flags->folder, "The store's folder")->required();
  CLI::Option* repair = command->add_flag(
      "--repair", flags->repair,
      "Rebuild damaged and missing shards from their audio. A shard is "
      "replaced "
      "only by the bytes that store.json describes: if the audio has changed, "
      "the shard stays as it is and its rows are named");
  command
      ->add_option("--against-audio", flags->against_audio,
                   "Instead of checksums: compute N random stored rows from "
                   "their audio again and compare every byte")
      ->type_name("N")
      ->excludes(repair);
  command->add_option("--audio-root", flags->audio_root,
                      "Folder that relative audio paths start from, with "
                      "--repair and --against-audio (default: the working "
                      "directory)");
  command->callback(
      [flags, exit_code] { *exit_code = RunVerifyCommand(*flags); });
  command->footer(
      "Exit codes: 0 whole (or repaired), 1 damaged or different, "
      "2 not a complete store, in use, or made by another program or kind of "
      "machine, 4 fault of the machine, 130/143 stopped by a signal.");
}

}  // namespace melmill
