#include "tools/melmill/report/bench_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "store/json_object.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

using nlohmann::ordered_json;

// Beyond this the machine had more than one speed.
constexpr double kSteadySpread = 0.1;

double MicrosecondsPerSecond(const BenchCase& bench_case, double seconds) {
  return 1e6 * seconds / bench_case.audio_seconds;
}

double RealTimeFactor(const BenchCase& bench_case) {
  return bench_case.audio_seconds / Median(bench_case.seconds);
}

std::string FormatFactor(const BenchCase& bench_case) {
  return FormatCount(static_cast<uint64_t>(RealTimeFactor(bench_case) + 0.5));
}

double BytesPerSecond(const BenchCase& bench_case) {
  return static_cast<double>(bench_case.bytes_read + bench_case.bytes_written) /
         bench_case.audio_seconds;
}

std::string_view LimitName(BenchLimit limit) {
  switch (limit) {
    case BenchLimit::kNone:
      return "none";
    case BenchLimit::kMemoryCopy:
      return "memory copy";
    case BenchLimit::kDiskWrite:
      return "disk write";
    case BenchLimit::kDiskReadAndWrite:
      return "disk";
  }
  return "";
}

std::string FormatRate(double bytes_per_second) {
  return fmt::format("{:.2f} GB/s", bytes_per_second / 1e9);
}

std::string FormatLimits(const BenchReport& report) {
  std::string text;
  const BenchLimits& limits = report.limits;
  if (limits.memory_copy) {
    text += fmt::format(
        "memory copy: {}, read and written, one thread, in "
        "blocks larger than the caches (clips that fit into "
        "them may be faster)\n",
        FormatRate(*limits.memory_copy));
  }
  if (limits.disk_write && limits.disk_read) {
    text += fmt::format("disk: write {}, fsync included; read {}\n",
                        FormatRate(*limits.disk_write),
                        FormatRate(*limits.disk_read));
  }
  return text;
}

std::string FormatSpeeds(const std::vector<double>& speeds) {
  if (speeds.empty()) return "";
  const double spread = Spread(speeds);
  if (spread <= kSteadySpread) return "the processor's speed was steady\n";
  return fmt::format(
      "the processor's speed varied by {:.0f} % from round to round; compare "
      "the best times\n",
      100 * spread);
}

// What a run does from files like these, once it was timed.
std::string FormatWholeWay(const BenchReport& report) {
  std::string text;
  for (const BenchCase& bench_case : report.cases) {
    if (bench_case.stage != "all" || bench_case.seconds.empty()) continue;
    text += text.empty() ? fmt::format(
                               "\nthis machine, {}, other settings by default, "
                               "audio like this: ",
                               bench_case.variant)
                         : ", ";
    text += fmt::format("{} x real time from {}", FormatFactor(bench_case),
                        bench_case.input);
  }
  return text.empty() ? "" : text + '\n';
}

std::string FormatHead(const BenchReport& report) {
  const BenchMachine& machine = report.machine;
  std::string text = fmt::format(
      "{}, {}; {}\n{}, {:.1f} s\n", machine.cpu,
      Counted(static_cast<uint64_t>(machine.num_cpus), "CPU"),
      machine.simd_targets.empty()
          ? "no SIMD target"
          : fmt::format("{}", fmt::join(machine.simd_targets, ", ")),
      Counted(report.num_clips, "clip"), report.audio_seconds);
  if (!report.left_out.empty()) {
    text += fmt::format("left out {}, the first: {}\n",
                        Counted(report.left_out.size(), "file"),
                        report.left_out[0]);
  }
  if (!report.out.empty()) {
    text += fmt::format("writes to {} ({} on {})\n", report.out,
                        report.disk.file_system, report.disk.device);
  }
  return text + FormatLimits(report) + FormatSpeeds(machine.speeds);
}

std::string FormatRow(const BenchCase& bench_case, const BenchLimits& limits) {
  std::string text = fmt::format("{:9} {:15} {:31}", bench_case.stage,
                                 bench_case.variant, bench_case.input);
  if (bench_case.seconds.empty()) {
    return text + fmt::format(" {}{}\n",
                              bench_case.checked.passed ? "" : "WRONG: ",
                              bench_case.checked.text);
  }
  const std::optional<double> share = ShareOfLimit(bench_case, limits);
  text += fmt::format(
      " {:8.1f} {:8.1f} {:>11} {:>7} {:8.1f}  {}\n",
      MicrosecondsPerSecond(bench_case, Smallest(bench_case.seconds)),
      MicrosecondsPerSecond(bench_case, Median(bench_case.seconds)),
      FormatFactor(bench_case),
      bench_case.seconds.size() == 1
          ? ""
          : fmt::format("{:.0f} %", 100 * Spread(bench_case.seconds)),
      BytesPerSecond(bench_case) / 1e3,
      share ? fmt::format("{:.2f} x {}", *share, LimitName(bench_case.limit))
            : "");
  return text;
}

ordered_json OptionalJson(std::optional<double> value, double scale) {
  return value ? ordered_json(*value * scale) : ordered_json(nullptr);
}

ordered_json JsonRow(const BenchCase& bench_case, const BenchLimits& limits) {
  ordered_json row = {{"stage", bench_case.stage},
                      {"variant", bench_case.variant},
                      {"input", bench_case.input},
                      {"passed", bench_case.checked.passed},
                      {"check", bench_case.checked.text},
                      {"seconds", bench_case.seconds},
                      {"audio_seconds", bench_case.audio_seconds},
                      {"bytes_per_audio_second", BytesPerSecond(bench_case)},
                      {"limit", LimitName(bench_case.limit)}};
  if (!bench_case.seconds.empty()) {
    row["us_per_audio_second"] =
        MicrosecondsPerSecond(bench_case, Median(bench_case.seconds));
    row["best_us_per_audio_second"] =
        MicrosecondsPerSecond(bench_case, Smallest(bench_case.seconds));
    row["x_real_time"] = RealTimeFactor(bench_case);
    row["spread"] = Spread(bench_case.seconds);
    row["share_of_limit"] = OptionalJson(ShareOfLimit(bench_case, limits), 1);
  }
  return row;
}

}  // namespace

std::string FormatBenchTable(const BenchReport& report) {
  std::string text = FormatHead(report);
  text += fmt::format("\n{:9} {:15} {:31} {:>8} {:>8} {:>11} {:>7} {:>8}  {}\n",
                      "stage", "by", "input", "best", "median", "x real time",
                      "spread", "kB/s", "compared with");
  for (const BenchCase& bench_case : report.cases) {
    text += FormatRow(bench_case, report.limits);
  }
  return PrintableLines(text + FormatWholeWay(report));
}

std::string FormatBenchJson(const BenchReport& report) {
  ordered_json rows = ordered_json::array();
  for (const BenchCase& bench_case : report.cases) {
    rows.push_back(JsonRow(bench_case, report.limits));
  }
  const BenchLimits& limits = report.limits;
  ordered_json json = {
      {"machine",
       {{"cpu", report.machine.cpu},
        {"cores", report.machine.num_cpus},
        {"simd_targets", report.machine.simd_targets},
        {"speeds", report.machine.speeds}}},
      {"audio",
       {{"clips", report.num_clips}, {"seconds", report.audio_seconds}}},
      {"limits",
       {{"memory_copy_gb_per_s", OptionalJson(limits.memory_copy, 1e-9)},
        {"disk_write_gb_per_s", OptionalJson(limits.disk_write, 1e-9)},
        {"disk_read_gb_per_s", OptionalJson(limits.disk_read, 1e-9)}}},
      {"rows", rows}};
  if (!report.out.empty()) {
    json["disk"] = {{"folder", report.out},
                    {"file_system", report.disk.file_system},
                    {"device", report.disk.device}};
  }
  return JsonText(json) + '\n';
}

}  // namespace melmill
