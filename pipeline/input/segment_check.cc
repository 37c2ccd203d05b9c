#include "pipeline/input/segment_check.h"

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

std::string DescribeSegments(const SplitReport& split) {
  std::string text =
      fmt::format("\n  {}: {} of {} lines", Printable(split.shown),
                  split.segments.count, split.num_lines);
  for (const Tally::Example& example : split.segments.examples) {
    text += fmt::format("\n    line {}: {}: {}", example.line,
                        Quotable(example.audio), example.message);
  }
  return text;
}

}  // namespace

void CheckNoSegments(const PlanReport& report) {
  constexpr size_t kMaxNamed = 8;
  std::string manifests;
  size_t num_manifests = 0;
  for (const SplitReport& split : report.splits) {
    if (split.segments.count == 0) continue;
    if (++num_manifests <= kMaxNamed) manifests += DescribeSegments(split);
  }
  if (num_manifests == 0) return;
  if (num_manifests > kMaxNamed) {
    manifests +=
        fmt::format("\n  and {} more manifests", num_manifests - kMaxNamed);
  }
  throw SetupError(fmt::format(
      "the manifest names parts of audio files, and melmill stores WHOLE "
      "FILES:{}\n  Cut the files into one file for each line, or store whole "
      "files anyway: --whole-files",
      manifests));
}

}  // namespace melmill
