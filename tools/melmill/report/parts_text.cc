#include "tools/melmill/report/parts_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "store/origin.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/report/rejects_text.h"
#include "tools/melmill/report/report_facts.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

std::string CommandLine(const std::vector<std::string>& words) {
  return Printable(ShellLine(words));
}

}  // namespace

std::string ListDoubts(const std::vector<DoubtfulRow>& doubts) {
  constexpr size_t kMaxListed = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kMaxListed, doubts.size()); ++i) {
    const DoubtfulRow& row = doubts[i];
    text += fmt::format(
        "  {}: {} (on {})\n",
        FormatPlace({.split = row.split, .line = row.line, .audio = row.audio}),
        Printable(row.message), Printable(row.machine.host));
  }
  return text;
}

std::string ListDisputes(const std::vector<DisputedShard>& disputes) {
  if (disputes.empty()) return "";
  std::string text = fmt::format(
      "in dispute: {}, of which two processes made different bytes; melmill "
      "finish wants them made again:\n",
      Counted(disputes.size(), "shard"));
  for (const DisputedShard& disputed : disputes) {
    text += fmt::format("  {} said: {}\n", Printable(disputed.machine.host),
                        Printable(disputed.message));
  }
  return text;
}

std::string PartsToMake(const RunReport& report, const std::string& out) {
  const std::string folder = CommandLine({out});
  return fmt::format(
      "the plan is written; its {} can be made by any number of machines:\n"
      "  melmill extract --out {} --part 0/8    also 1/8 to 7/8, or any other "
      "N\n"
      "  melmill finish --out {}                when all parts have ended\n",
      Counted(report.num_shards_planned, "shard"), folder, folder);
}

std::string DescribeKnownLines(const RunReport& report) {
  if (!report.chunks || report.chunks->num_known_lines == 0) return "";
  return fmt::format("{} of {} planned by earlier runs\n",
                     FormatCount(report.chunks->num_known_lines),
                     Counted(report.chunks->num_lines, "line"));
}

std::string FormatPlanPart(const RunReport& report, const std::string& out) {
  std::string text = DescribeKnownLines(report);
  text += fmt::format("{} of this part, with {}",
                      Counted(report.chunks->num_chunks, "chunk"),
                      Counted(report.chunks->num_lines, "line"));
  if (report.num_rejected > 0) {
    text +=
        fmt::format(", {} of them rejected", FormatCount(report.num_rejected));
  }
  return text +
         fmt::format(
             "\ntook {}\nwhen all parts have ended: melmill plan with the same "
             "flags, but without --part, completes the plan of {}\n",
             FormatDuration(report.total_seconds), Printable(out));
}

std::string FormatPart(const RunReport& report) {
  std::string text = fmt::format("{} of this part: {} made, {} there before\n",
                                 Counted(report.num_shards_planned, "shard"),
                                 FormatCount(report.num_shards_made),
                                 FormatCount(report.num_shards_kept));
  if (report.num_rejected > 0) {
    text += fmt::format("rejected: {}; melmill finish lists them\n",
                        Counted(report.num_rejected, "row"));
  }
  text += fmt::format("took {}", FormatDuration(report.total_seconds));
  if (report.num_frames_made > 0) {
    text += fmt::format(
        "; {} x real time",
        FormatCount(static_cast<uint64_t>(RealTimeFactor(report) + 0.5)));
  }
  return text + '\n';
}

std::string DescribeDoubts(const RunReport& report) {
  return fmt::format(
      "error: {} not made, because this machine cannot read all of their "
      "audio\n"
      "{}  {} of the part are there; run the same command on another machine. "
      "What no machine can read, melmill finish rejects\n",
      Counted(report.num_shards_left, "shard was", "shards were"),
      ListDoubts(report.doubts),
      Counted(report.num_shards_made + report.num_shards_kept, "shard"));
}

std::string DescribeMissing(const RunReport& report, const std::string& out) {
  std::string text =
      fmt::format("error: {} of {} {} missing; the store is not complete\n",
                  FormatCount(report.num_shards_left),
                  Counted(report.num_shards_planned, "shard"),
                  report.num_shards_left == 1 ? "is" : "are");
  if (!report.doubts.empty()) {
    text += fmt::format("{} could not be read:\n{}",
                        Counted(CountRows(report.doubts), "row"),
                        ListDoubts(report.doubts));
  }
  return text + fmt::format(
                    "  to make them, on any machine{}: melmill extract --out "
                    "{} --shards {}\n",
                    report.doubts.empty() ? "" : " that can read the audio",
                    CommandLine({out}), report.missing_shards);
}

}  // namespace melmill
