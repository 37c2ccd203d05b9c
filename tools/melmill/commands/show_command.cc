#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/setup/setup_error.h"
#include "pipeline/view/stored_row.h"
#include "store/store_folder.h"
#include "store/store_index.h"
#include "tools/melmill/command_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/row/row_report.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/terminal/terminal_size.h"

namespace melmill {
namespace {

struct ShowFlags {
  std::string folder;
  std::string split;  // empty for all
  std::optional<int64_t> row;
  std::string audio;
  int64_t limit = 20;
  bool jsonl = false;
};

// Ends the command with this exit code, and this message if there is one.
struct Ending {
  int exit_code = kExitOk;
  std::string message;
};

Ending EndWith(const Error& error) {
  return {error.code == ErrorCode::kMachineFault ? kExitMachine : kExitDamaged,
          error.message};
}

class ShowCommand {
 public:
  ShowCommand(const ShowFlags& flags, const StoreIndex& index)
      : flags_(flags), index_(index) {}

  Ending Run();

 private:
  std::vector<const SplitEntry*> ChosenSplits() const;
  Ending ShowRow(const SplitEntry& split);
  Ending ShowRowsOfAudio();
  Ending ShowSplit(const SplitEntry& split);
  // Shows all about one row.
  Ending ShowAll(const StoredRow& row);
  Ending ShowTable(const std::vector<StoredRow>& rows);
  std::string SplitNames() const;

  const ShowFlags& flags_;
  const StoreIndex& index_;
  const size_t width_ = TerminalColumns(STDOUT_FILENO);
};

std::string ShowCommand::SplitNames() const {
  std::vector<std::string> names;
  for (const SplitEntry& split : index_.splits) names.push_back(split.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<const SplitEntry*> ShowCommand::ChosenSplits() const {
  std::vector<const SplitEntry*> chosen;
  for (const SplitEntry& split : index_.splits) {
    if (flags_.split.empty() || flags_.split == split.name) {
      chosen.push_back(&split);
    }
  }
  if (chosen.empty()) {
    throw SetupError(fmt::format("{} has no split \"{}\": its splits are {}",
                                 flags_.folder, flags_.split, SplitNames()));
  }
  return chosen;
}

Ending Print(const std::string& text) {
  return {PrintResult(PrintableLines(text)) ? kExitOk : kExitMachine, ""};
}

Ending ShowCommand::ShowAll(const StoredRow& row) {
  if (flags_.jsonl) return Print(FormatRowJson(row, index_));
  const auto features = ReadRowFeatures(flags_.folder, index_, row);
  if (!features.ok()) return EndWith(features.error());
  return Print(FormatRow(row, features.value(), index_, width_));
}

Ending ShowCommand::ShowRow(const SplitEntry& split) {
  const auto number = static_cast<uint64_t>(*flags_.row);
  if (*flags_.row < 0 || number >= split.num_stored) {
    throw SetupError(
        split.num_stored == 0
            ? fmt::format("--row {}: {} has no rows", *flags_.row, split.name)
            : fmt::format("--row {}: {} has rows 0 to {}", *flags_.row,
                          split.name, split.num_stored - 1));
  }
  std::optional<StoredRow> found;
  const Result<void> visited = VisitStoredRows(
      flags_.folder, index_, split, number, [&found](const StoredRow& row) {
        found = row;
        return false;
      });
  if (!visited.ok()) return EndWith(visited.error());
  if (!found) {
    return {kExitDamaged, split.table.file + ": does not have all rows"};
  }
  return ShowAll(*found);
}

// The rows of a table are few: they are those of one audio file.
Ending ShowCommand::ShowTable(const std::vector<StoredRow>& rows) {
  std::string text;
  std::string split;
  const RowTable table(rows.back().row, width_, index_.has_pieces());
  for (const StoredRow& row : rows) {
    if (row.split != split) text += row.split + ":\n" + table.Header();
    split = row.split;
    text += table.Line(row);
  }
  return Print(text);
}

Ending ShowCommand::ShowRowsOfAudio() {
  std::vector<StoredRow> rows;
  uint64_t num_found = 0;
  for (const SplitEntry* split : ChosenSplits()) {
    const Result<void> visited = VisitStoredRows(
        flags_.folder, index_, *split, 0, [&](const StoredRow& row) {
          if (row.audio != flags_.audio) return true;
          ++num_found;
          if (rows.empty() || rows.size() < static_cast<size_t>(flags_.limit))
            rows.push_back(row);
          return true;
        });
    if (!visited.ok()) return EndWith(visited.error());
  }
  if (num_found == 0) {
    throw SetupError(
        fmt::format("no row has the audio {}: give it as the manifest has it",
                    flags_.audio));
  }
  if (num_found == 1) return ShowAll(rows.front());
  if (flags_.jsonl) {
    std::string text;
    for (const StoredRow& row : rows) text += FormatRowJson(row, index_);
    return Print(text);
  }
  const Ending shown = ShowTable(rows);
  if (shown.exit_code != kExitOk) return shown;
  return {kExitUsage,
          fmt::format("{} have the audio {}: choose one with SPLIT --row",
                      Counted(num_found, "row"), flags_.audio)};
}

Ending ShowCommand::ShowSplit(const SplitEntry& split) {
  const uint64_t num_shown =
      std::min(static_cast<uint64_t>(flags_.limit), split.num_stored);
  const RowTable table(num_shown == 0 ? 0 : num_shown - 1, width_,
                       index_.has_pieces());
  if (!flags_.jsonl) {
    const std::string heading =
        fmt::format("{}: {} of {}\n", split.name, FormatCount(num_shown),
                    Counted(split.num_stored, "row")) +
        (num_shown > 0 ? table.Header() : "");
    if (!PrintResult(heading)) return {kExitMachine, ""};
  }
  if (num_shown == 0) return {};
  bool is_printed = true;
  const Result<void> visited = VisitStoredRows(
      flags_.folder, index_, split, 0, [&](const StoredRow& row) {
        is_printed = PrintResult(flags_.jsonl ? FormatRowJson(row, index_)
                                              : table.Line(row));
        return is_printed && row.row + 1 < num_shown;
      });
  if (!visited.ok()) return EndWith(visited.error());
  return {is_printed ? kExitOk : kExitMachine, ""};
}

Ending ShowCommand::Run() {
  if (flags_.limit < 0) {
    throw SetupError(
        fmt::format("--limit {}: give a number of rows", flags_.limit));
  }
  if (!flags_.audio.empty()) return ShowRowsOfAudio();
  const std::vector<const SplitEntry*> splits = ChosenSplits();
  if (flags_.row) {
    if (splits.size() > 1) {
      throw SetupError(
          fmt::format("--row needs a split: one of {}", SplitNames()));
    }
    return ShowRow(*splits.front());
  }
  for (const SplitEntry* split : splits) {
    const Ending shown = ShowSplit(*split);
    if (shown.exit_code != kExitOk) return shown;
  }
  return {};
}

int RunShowCommand(const ShowFlags& flags) {
  const Result<StoreIndex> index = ReadStoreIndex(flags.folder);
  if (!index.ok()) {
    if (index.error().code != ErrorCode::kMachineFault) {
      RefuseStore(flags.folder, index.error());
    }
    return PrintFault(index.error());
  }
  const Ending ending = ShowCommand(flags, index.value()).Run();
  if (!ending.message.empty()) {
    PrintMessage(fmt::format("error: {}\n", Printable(ending.message)));
  }
  return ending.exit_code;
}

}  // namespace

void AddShowCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "show", "Show rows of a store, or one row with its spectrogram");
  auto flags = std::make_shared<ShowFlags>();
  command->add_option("STORE", flags->folder, "The store's folder")->required();
  command->add_option("SPLIT", flags->split, "A split (default: all)");
  CLI::Option* row =
      command
          ->add_option("--row", flags->row,
                       "Show everything about this row of the split, counted "
                       "from 0")
          ->type_name("N");
  command
      ->add_option("--audio", flags->audio,
                   "Show everything about the row with this audio, written "
                   "as in the manifest")
      ->type_name("PATH")
      ->excludes(row);
  command
      ->add_option("--limit", flags->limit,
                   "Show at most this many rows of each split")
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--jsonl", flags->jsonl,
                    "Print one JSON object per row instead of a table");
  command->callback(
      [flags, exit_code] { *exit_code = RunShowCommand(*flags); });
  command->footer(
      "Levels are dB of mel power, 40 (x - 1) for a log-mel value x. The "
      "spectrogram's lines are equal steps on the mel scale.\n"
      "Exit codes: 0 shown, 1 the store is damaged there, 2 no such row, "
      "split or complete store, or several rows with this audio, 4 fault of "
      "the machine.");
}

}  // namespace melmill
