#include "pipeline/input/manifest_check.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "io/file/line_reader.h"
#include "io/manifest/foreign_manifest.h"
#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

ManifestHead HeadOf(const std::string& manifest, const std::string& shown,
                    const std::string& split) {
  return {.bytes = ReadManifestHead(manifest),
          .path = shown == manifest ? manifest : "",
          .split = split};
}

void CheckAudioRoot(const std::string& audio_root) {
  std::error_code error;
  if (audio_root.empty() || std::filesystem::is_directory(audio_root, error)) {
    return;
  }
  const bool exists = std::filesystem::exists(audio_root, error);
  throw SetupError(fmt::format("--audio-root {}: {}", Printable(audio_root),
                               exists ? "not a folder" : "no such folder"));
}

void CheckManifest(const SplitInput& input, const ManifestOptions& options) {
  const Result<LineReader> probe = LineReader::Open(input.manifest);
  if (!probe.ok()) {
    throw SetupError(fmt::format("cannot read the manifest {}: {}",
                                 Printable(input.Shown()),
                                 probe.error().message));
  }
  const auto binary = RecognizeBinary(
      HeadOf(input.manifest, input.Shown(), input.name), options);
  if (binary) {
    throw SetupError(fmt::format("{}: {}", Printable(input.Shown()), *binary));
  }
}

}  // namespace

void CheckInputFiles(const RunConfig& config) {
  CheckAudioRoot(config.input.audio_root);
  const ManifestOptions options = MakeManifestOptions(config);
  for (const SplitInput& input : config.input.splits) {
    CheckManifest(input, options);
  }
}

void CheckFormats(const PlanReport& report, const ManifestOptions& options) {
  for (const SplitReport& split : report.splits) {
    if (split.num_bad_lines * 2 <= split.num_lines) continue;
    const auto foreign = RecognizeManifest(
        HeadOf(split.manifest, split.shown, split.name), options);
    if (!foreign) continue;
    throw SetupError(fmt::format("{}: {} of {} lines cannot be used: it {}",
                                 Printable(split.shown), split.num_bad_lines,
                                 split.num_lines, *foreign));
  }
}

}  // namespace melmill
