#include "tools/melmill/flags/flag_values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/manifest/foreign_manifest.h"
#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

bool HasManifestSuffix(const std::string& path) {
  return path.ends_with(".jsonl") || path.ends_with(".json");
}

std::string FileStem(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.rfind('.'));
}

// Returns the number at the start of `text`, or -1 if there is none. `*rest`
// becomes the text after it.
double ParseNumber(const std::string& text, std::string* rest) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0)) return -1;
  *rest = std::string(end, text.data() + text.size());
  return value;
}

}  // namespace

SplitInput ParseSplitInput(const std::string& argument,
                           const ManifestOptions& options) {
  SplitInput input;
  std::error_code ignored;
  // A name has no '/', so "dir=x/a.jsonl" with a slash first is a plain path.
  const size_t equals = argument.find('=');
  const size_t slash = argument.find('/');
  const bool is_named = equals != std::string::npos &&
                        (slash == std::string::npos || equals < slash);
  // A folder may have an '=' in its name, so an argument that exists as a file
  // is a path.
  if (is_named && !std::filesystem::exists(argument, ignored)) {
    input.name = argument.substr(0, equals);
    input.manifest = argument.substr(equals + 1);
  } else {
    input.manifest = argument;
    input.name = FileStem(argument);
  }
  if (input.manifest == kStandardInput) {
    if (is_named) return input;
    throw SetupError("-: standard input needs a name, as in train=-");
  }
  if (!HasManifestSuffix(input.manifest)) {
    const std::string name =
        HasManifestSuffix(input.name) ? FileStem(input.name) : input.name;
    throw SetupError(
        fmt::format("{}: {}", Printable(input.manifest),
                    DescribeOtherFile(input.manifest, name, options)));
  }
  if (input.manifest.find_first_of("*?[") != std::string::npos &&
      !std::filesystem::exists(input.manifest, ignored)) {
    throw SetupError(
        fmt::format("{}: no such file; if files match this pattern, "
                    "write it without quotes",
                    Printable(input.manifest)));
  }
  return input;
}

MaxRejects ParseMaxRejects(const std::string& text) {
  MaxRejects result;
  result.at_least = 0;
  std::string rest;
  result.value = ParseNumber(text, &rest);
  result.is_percent = rest == "%";
  const bool whole =
      std::isfinite(result.value) && result.value == std::floor(result.value);
  if (result.value < 0 || (!rest.empty() && !result.is_percent) ||
      (result.is_percent ? result.value > 100 : !whole)) {
    throw SetupError(fmt::format(
        "--max-rejects {}: give a number of lines (10) or a share (1.5%)",
        text));
  }
  return result;
}

FeatureType ParseFeatureType(const std::string& text) {
  const std::string name = AsciiLower(text);
  for (const FeatureType type : kFeatureTypes) {
    if (name == FeatureTypeName(type) || name == FeatureTypeWord(type)) {
      return type;
    }
  }
  if (name == "fp16" || name == "half") return FeatureType::kFloat16;
  if (name == "fp32" || name == "float") return FeatureType::kFloat32;
  throw SetupError(fmt::format("--dtype {}: write f16, f32, bf16 or u8", text));
}

ResamplerKind ParseResampler(const std::string& text) {
  const std::optional<ResamplerKind> kind = FindResamplerKind(text);
  if (kind) return *kind;
  throw SetupError(fmt::format("--resampler {}: write spectral or soxr", text));
}

uint64_t ParseByteSize(const std::string& text) {
  static const std::pair<std::string_view, double> kUnits[] = {
      {"b", 1.0},
      {"kib", 1024.0},
      {"mib", 1048576.0},
      {"gib", 1073741824.0},
      {"tib", 1099511627776.0},
      {"k", 1024.0},
      {"m", 1048576.0},
      {"g", 1073741824.0},
      {"t", 1099511627776.0},
      {"kb", 1e3},
      {"mb", 1e6},
      {"gb", 1e9},
      {"tb", 1e12}};
  std::string rest;
  const double value = ParseNumber(text, &rest);
  for (const auto& [unit, factor] : kUnits) {
    const double num_bytes = value * factor;
    if (AsciiLower(rest) == unit && num_bytes >= 1 && num_bytes < 9e18) {
      return static_cast<uint64_t>(num_bytes);
    }
  }
  throw SetupError(fmt::format(
      "\"{}\" is not a size: write 4G (or 4GiB), 512M or 1000MB", text));
}

}  // namespace melmill
