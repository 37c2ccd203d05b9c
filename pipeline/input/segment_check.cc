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

void CheckNoSegments(const PlanReport& report, SegmentUse use) {
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
  const char* const advice =
      use == SegmentUse::kAll
          ? "--segments reads \"start\" with \"end\" or \"duration\", in "
            "seconds as numbers: rename the fields, or store whole files: "
            "--whole-files"
          : "To cut out these parts (\"start\" with \"end\" or \"duration\"): "
            "--segments. If each file is such a part already, store WHOLE "
            "FILES: --whole-files";
  throw SetupError(fmt::format(
      "the manifest names parts of audio files:{}\n  {}", manifests, advice));
}

}  // namespace melmill
