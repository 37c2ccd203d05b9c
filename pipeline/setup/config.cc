#include "pipeline/setup/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "dsp/resample/resampler.h"
#include "store/hdf5/h5_file.h"

namespace melmill {
namespace {

// Counted up whenever the same input gives other feature bytes.
constexpr int kFeatureRevision = 2;

constexpr std::string_view kResamplerNames[] = {"spectral", "soxr"};

// With what else describes a plan they are one attribute of its file.
constexpr size_t kMaxKeptBytes = kMaxAttributeBytes - 200;

constexpr uint64_t kMinShardBytes = 1;
constexpr uint64_t kMaxShardBytes = uint64_t{1} << 40;

bool HasManifestSuffix(const std::string& path) {
  return path.ends_with(".jsonl") || path.ends_with(".json");
}

std::string FileStem(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.rfind('.'));
}

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

void CheckSplitName(const std::string& name, const std::string& argument) {
  bool good = !name.empty() && name.size() <= 64;
  for (char c : name) good = good && IsNameCharacter(c);
  if (!good) {
    throw SetupError(fmt::format(
        "\"{}\" cannot name a split: use 1 to 64 letters, digits, '-' and "
        "'_', as in NAME={}",
        name, argument));
  }
}

void CheckSplits(const RunConfig& config) {
  if (config.splits.empty()) throw SetupError("no manifest given");
  std::set<std::string> names;
  for (const SplitInput& split : config.splits) {
    if (!names.insert(split.name).second) {
      throw SetupError(fmt::format(
          "two manifests would be the split \"{}\": name them, as in "
          "NAME={}",
          split.name, split.manifest));
    }
  }
}

void CheckKeptFields(const RunConfig& config) {
  std::set<std::string> fields = {"audio", "text", "prompt"};
  for (const std::string& field : config.kept_fields) {
    bool good = !field.empty() && field.size() <= 64;
    for (char c : field) good = good && IsNameCharacter(c);
    if (!good) {
      throw SetupError(fmt::format(
          "--keep {}: a field's name may hold letters, digits, '-' and '_'",
          field));
    }
    if (!fields.insert(field).second) {
      throw SetupError(
          fmt::format("--keep {}: given twice, or stored anyway", field));
    }
  }
  size_t num_bytes = 0;  // quoted, with commas
  for (const std::string& field : config.kept_fields) {
    num_bytes += field.size() + 3;
  }
  if (num_bytes > kMaxKeptBytes) {
    throw SetupError(fmt::format(
        "--keep: the names of {} fields take {} bytes; {} is the most",
        config.kept_fields.size(), num_bytes, kMaxKeptBytes));
  }
}

// The number at the start of `text`; `*rest` becomes what follows it.
double ParseNumber(const std::string& text, std::string* rest) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0)) return -1;
  *rest = std::string(end, text.data() + text.size());
  return value;
}

// Nothing for the general path.
std::optional<SimdTarget> ChooseSimdTarget(const std::string& name) {
  const std::vector<SimdTarget> supported = SupportedSimdTargets();
  if (name == "none") return std::nullopt;
  if (name == "auto") {
    if (supported.empty()) return std::nullopt;
    return supported.front();
  }
  const std::optional<SimdTarget> target = FindSimdTarget(name);
  if (target && std::find(supported.begin(), supported.end(), *target) !=
                    supported.end()) {
    return target;
  }
  std::vector<std::string_view> names = {"auto", "none"};
  for (const SimdTarget known : supported) {
    names.push_back(SimdTargetName(known));
  }
  throw SetupError(fmt::format("--simd {}: this machine has {}", name,
                               fmt::join(names, ", ")));
}

// Nothing where the resampler would need SIMD code and there is none.
std::optional<CodePath> MakeCodePath(std::optional<SimdTarget> simd,
                                     ResamplerKind resampler) {
  if (resampler == ResamplerKind::kSoxr) return CodePath{simd, std::nullopt};
  if (!simd) return std::nullopt;
  return CodePath{simd, simd};
}

}  // namespace

std::string_view ResamplerKindName(ResamplerKind kind) {
  return kResamplerNames[static_cast<size_t>(kind)];
}

std::optional<ResamplerKind> FindResamplerKind(std::string_view name) {
  for (const ResamplerKind kind : kResamplerKinds) {
    if (ResamplerKindName(kind) == name) return kind;
  }
  return std::nullopt;
}

bool MaxRejects::Allows(uint64_t num_rejected, uint64_t num_lines) const {
  if (!is_percent) return static_cast<double>(num_rejected) <= value;
  // Neither a share of 0.7 nor its product is a double: each is rounded once,
  // and must not fall below the number that it stands for.
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  return static_cast<double>(num_rejected) * 100 <=
         value * static_cast<double>(num_lines) * (1 + kRounding);
}

SplitInput ParseSplitInput(const std::string& argument) {
  SplitInput input;
  std::error_code ignored;
  // A name has no '/', so "dir=x/a.jsonl" with a slash first is a plain path.
  const size_t equals = argument.find('=');
  const size_t slash = argument.find('/');
  const bool is_named = equals != std::string::npos &&
                        (slash == std::string::npos || equals < slash);
  // A folder may have an '=' in its name: what is there as a whole is a path.
  if (is_named && !std::filesystem::exists(argument, ignored)) {
    input.name = argument.substr(0, equals);
    input.manifest = argument.substr(equals + 1);
  } else {
    input.manifest = argument;
    input.name = FileStem(argument);
  }
  if (!HasManifestSuffix(input.manifest)) {
    throw SetupError(fmt::format(
        "{}: a manifest's name must end in .jsonl or .json", input.manifest));
  }
  CheckSplitName(input.name, input.manifest);
  return input;
}

MaxRejects ParseMaxRejects(const std::string& text) {
  MaxRejects result;
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

uint64_t ParseByteSize(const std::string& text) {
  static const std::pair<std::string_view, double> kUnits[] = {
      {"B", 1.0},
      {"KiB", 1024.0},
      {"MiB", 1048576.0},
      {"GiB", 1073741824.0},
      {"TiB", 1099511627776.0},
      {"KB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12}};
  std::string rest;
  const double value = ParseNumber(text, &rest);
  for (const auto& [unit, factor] : kUnits) {
    const double num_bytes = value * factor;
    if (rest == unit && num_bytes >= 1 && num_bytes < 9e18) {
      return static_cast<uint64_t>(num_bytes);
    }
  }
  throw SetupError(
      fmt::format("\"{}\" is not a size: write 256MiB or 1GiB", text));
}

std::string FormatBytes(uint64_t num_bytes) {
  const auto value = static_cast<double>(num_bytes);
  if (value >= 1e12) return fmt::format("{:.2f} TB", value / 1e12);
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.1f} kB", value / 1e3);
}

const Preset& CheckConfig(const RunConfig& config) {
  const Preset* preset = FindPreset(config.preset);
  if (preset == nullptr) {
    throw SetupError(fmt::format("unknown preset \"{}\": the presets are {}",
                                 config.preset,
                                 fmt::join(PresetNames(), ", ")));
  }
  CheckSplits(config);
  CheckKeptFields(config);
  if (config.truncate && preset->max_num_samples == 0) {
    throw SetupError(fmt::format(
        "--truncate: the preset {} takes clips of any length", config.preset));
  }
  if (!(config.max_duration_s > 0)) {
    throw SetupError("--max-duration must be above 0 seconds");
  }
  if (config.num_threads < 0 || config.num_threads > 1024) {
    throw SetupError("--threads must be 1 to 1024, or 0 for all CPUs");
  }
  if (config.num_io_threads < 1 || config.num_io_threads > 1024) {
    throw SetupError("--io-threads must be 1 to 1024");
  }
  if (!(config.hang_seconds >= 1 && config.hang_seconds <= kMaxHangSeconds)) {
    throw SetupError(fmt::format(
        "--hang-after must be 1 to {:.0f} seconds (a year)", kMaxHangSeconds));
  }
  if (config.memory_bytes < 2 * kBaseMemoryBytes) {
    throw SetupError(fmt::format("--memory must be at least {}MiB",
                                 2 * kBaseMemoryBytes >> 20));
  }
  ChooseCodePath(config);
  if (config.shard_bytes && (*config.shard_bytes < kMinShardBytes ||
                             *config.shard_bytes > kMaxShardBytes)) {
    throw SetupError("--shard-size must be at most 1TiB");
  }
  return *preset;
}

ManifestOptions MakeManifestOptions(const RunConfig& config) {
  ManifestOptions options;
  options.require_text = config.require_text;
  options.check_template = FindPreset(config.preset)->check_template;
  options.strict_text = config.strict_text;
  options.kept_fields = config.kept_fields;
  return options;
}

// An object from the start: a null that finds no memory to become one crashes
// when it is destroyed.
std::string ContractJson(const RunConfig& config) {
  const LogMelOptions& log_mel = FindPreset(config.preset)->log_mel;
  auto contract = nlohmann::ordered_json::object();
  contract["features"] = "log-mel";
  contract["version"] = 1;
  contract["sample_rate_hz"] = log_mel.mel.sample_rate_hz;
  contract["channels"] = "mean";
  contract["resampling"] = "soxr-hq";
  contract["n_fft"] = log_mel.mel.n_fft;
  contract["hop_length"] = log_mel.hop_length;
  contract["window"] = WindowName(log_mel.window);
  contract["padding"] = "reflect";
  contract["n_mels"] = log_mel.mel.n_mels;
  contract["f_min_hz"] = log_mel.mel.f_min_hz;
  contract["f_max_hz"] = log_mel.mel.f_max_hz;
  contract["mel_scale"] = MelScaleName(log_mel.mel.scale);
  contract["mel_norm"] = MelNormName(log_mel.mel.norm);
  contract["power_floor"] = log_mel.power_floor;
  contract["dynamic_range_log10"] = log_mel.dynamic_range_log10;
  contract["clamp"] = "body-max";
  contract["scaling"] = "(x+4)/4";
  contract["feature_type"] = FeatureTypeName(config.feature_type);
  contract["tail_length"] = log_mel.mel.n_fft;
  return contract.dump();
}

uint64_t ContractBytesPerFrame(const std::string& contract) {
  const auto json = nlohmann::json::parse(contract, nullptr, false);
  if (!json.is_object() || !json.contains("n_mels") ||
      !json["n_mels"].is_number_unsigned()) {
    return 0;
  }
  const auto name = json.find("feature_type");
  if (name == json.end() || !name->is_string()) return 0;
  const auto type = FindFeatureType(name->get<std::string>());
  return type ? json["n_mels"].get<uint64_t>() * FeatureSize(*type) : 0;
}

CodePath ChooseCodePath(const RunConfig& config) {
  const std::optional<SimdTarget> simd = ChooseSimdTarget(config.simd);
  const std::optional<CodePath> code_path =
      MakeCodePath(simd, config.resampler);
  if (code_path) return *code_path;
  throw SetupError(fmt::format(
      "--resampler spectral: {}; give --resampler soxr",
      config.simd == "none" ? "needs the SIMD code that --simd none turns off"
                            : "this machine has no SIMD code for it"));
}

std::string ProducerJson(const CodePath& code_path) {
  auto producer = nlohmann::ordered_json::object();
  producer["program"] = "melmill";
  producer["feature_revision"] = kFeatureRevision;
  producer["resampler"] = ResamplerVersion(code_path.spectral);
  producer["log_mel"] = code_path.log_mel
                            ? SimdLogMelVersion(*code_path.log_mel)
                            : FftwLogMelVersion();
  return producer.dump();
}

bool MatchProducer(const std::string& producer, RunConfig* config) {
  std::vector<std::string> simds = {config->simd, "auto", "none"};
  for (const SimdTarget target : SupportedSimdTargets()) {
    simds.emplace_back(SimdTargetName(target));
  }
  for (const std::string& simd : simds) {
    for (const ResamplerKind resampler :
         {config->resampler, ResamplerKind::kSpectral, ResamplerKind::kSoxr}) {
      const auto code_path = MakeCodePath(ChooseSimdTarget(simd), resampler);
      if (!code_path || ProducerJson(*code_path) != producer) continue;
      config->simd = simd;
      config->resampler = resampler;
      return true;
    }
  }
  return false;
}

std::string ResolveAudioPath(const RunConfig& config,
                             const std::string& audio) {
  if (config.audio_root.empty() || audio.starts_with('/')) return audio;
  return config.audio_root.ends_with('/') ? config.audio_root + audio
                                          : config.audio_root + '/' + audio;
}

}  // namespace melmill
