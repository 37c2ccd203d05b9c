#include "tools/melmill/report/settings_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/setup/code_path.h"
#include "pipeline/setup/preset.h"
#include "store/json_object.h"

namespace melmill {
namespace {

// The string value of a key; empty if there is none.
std::string StringOf(const std::string& json, const char* key) {
  if (!IsUsableObject(json)) return "";
  const auto object = ParseUsableObject<nlohmann::json>(json);
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>()
                                                     : "";
}

std::string DescribeResampler(const std::string& version) {
  if (version.starts_with("spectral ")) return "spectral resampler";
  if (version.starts_with("libsoxr")) return "libsoxr resampler";
  return "unknown resampler";
}

std::string DescribeCode(const std::string& version) {
  if (version.starts_with("fftw")) return "FFTW in double precision";
  if (version.starts_with("plain")) return "plain code in double precision";
  if (!version.starts_with("simd ")) return "unknown code";
  return version.ends_with(" fma") ? "AVX-512, AVX2 or NEON vector code"
                                   : "SSE4 vector code";
}

}  // namespace

std::optional<FeatureSpec> FindSettings(const std::string& contract,
                                        const std::string& producer) {
  for (const std::string_view preset : PresetNames()) {
    for (const FeatureType type : kFeatureTypes) {
      const FeatureSpec features = MakeFeatureSpec(preset, type);
      if (features.Contract() != contract) continue;
      const auto code = FindCodeChoice(producer, {});
      return code ? MakeFeatureSpec(preset, type, *code) : features;
    }
  }
  return std::nullopt;
}

std::string DescribeFeatures(const FeatureSpec& features) {
  return fmt::format("features for {} ({} mels), {}", features.preset->models,
                     features.log_mel().mel.n_mels,
                     FeatureTypeWord(features.feature_type));
}

std::string DescribeSettings(const std::string& contract,
                             const std::string& producer) {
  const std::optional<FeatureSpec> features = FindSettings(contract, producer);
  const std::string what =
      features ? DescribeFeatures(*features)
               : "features that this version does not know (--settings shows "
                 "them)";
  return fmt::format("{}; {}; {}", what,
                     DescribeResampler(StringOf(producer, "resampler")),
                     DescribeCode(StringOf(producer, "log_mel")));
}

std::vector<std::string> RebuildCommand(const std::string& folder,
                                        const StoreIndex& index) {
  std::vector<std::string> words = {"melmill", "extract"};
  for (const SplitEntry& split : index.splits) {
    words.push_back(split.name + ".jsonl");
  }
  const auto add = [&words](const char* flag, std::string_view value) {
    words.emplace_back(flag);
    words.emplace_back(value);
  };
  add("--out", folder);
  const auto features = FindSettings(index.contract, index.producer);
  const FeatureSpec plain = MakeFeatureSpec();
  if (features) {
    if (features->preset != plain.preset) {
      add("--preset", features->preset->name);
    }
    if (features->feature_type != plain.feature_type) {
      add("--dtype", FeatureTypeName(features->feature_type));
    }
    const CodeChoice& code = features->code;
    if (code.simd != plain.code.simd) add("--simd", code.simd);
    if (code.resampler) {
      add("--resampler", ResamplerKindName(*code.resampler));
    }
  }
  for (const std::string& field : index.kept_fields) add("--keep", field);
  return words;
}

}  // namespace melmill
