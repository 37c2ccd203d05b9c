#include "pipeline/setup/code_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "pipeline/setup/setup_error.h"
#include "store/json_object.h"

namespace melmill {
namespace {

// Increases whenever the same input gives other feature bytes.
constexpr int kFeatureRevision = 2;

constexpr std::string_view kResamplerNames[] = {"spectral", "soxr"};

// Returns nothing for the general path.
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
  std::vector<std::string_view> names;
  for (const SimdTarget known : supported) {
    names.push_back(SimdTargetName(known));
  }
  throw SetupError(fmt::format(
      "--simd {}: this machine has {}; write one of these, auto or none", name,
      names.empty() ? "no vector code"
                    : fmt::format("{}", fmt::join(names, ", "))));
}

// Returns nothing if the resampler needs SIMD code and there is none.
std::optional<CodePath> MakeCodePath(std::optional<SimdTarget> simd,
                                     std::optional<ResamplerKind> resampler) {
  if (resampler == ResamplerKind::kSoxr) return CodePath{simd, std::nullopt};
  if (resampler == ResamplerKind::kSpectral && !simd) return std::nullopt;
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

CodePath ChooseCodePath(const CodeChoice& choice) {
  const std::optional<SimdTarget> simd = ChooseSimdTarget(choice.simd);
  const std::optional<CodePath> code_path =
      MakeCodePath(simd, choice.resampler);
  if (code_path) return *code_path;
  throw SetupError(fmt::format(
      "--resampler spectral: {}; give --resampler soxr",
      choice.simd == "none" ? "needs the SIMD code that --simd none turns off"
                            : "this machine has no SIMD code for it"));
}

std::string ProducerJson(const CodePath& code_path) {
  auto producer = nlohmann::ordered_json::object();
  producer["program"] = "melmill";
  producer["feature_revision"] = kFeatureRevision;
  producer["resampler"] = ResamplerVersion(code_path.spectral);
  producer["log_mel"] = code_path.log_mel
                            ? SimdLogMelVersion(*code_path.log_mel)
                            : GeneralLogMelVersion();
  return JsonText(producer);
}

std::optional<CodeChoice> FindCodeChoice(const std::string& producer,
                                         const CodeChoice& wanted) {
  std::vector<std::string> simds = {wanted.simd, "auto", "none"};
  for (const SimdTarget target : SupportedSimdTargets()) {
    simds.emplace_back(SimdTargetName(target));
  }
  for (const std::string& simd : simds) {
    for (const std::optional<ResamplerKind> resampler :
         {wanted.resampler, std::optional(ResamplerKind::kSpectral),
          std::optional(ResamplerKind::kSoxr)}) {
      const auto code_path = MakeCodePath(ChooseSimdTarget(simd), resampler);
      if (code_path && ProducerJson(*code_path) == producer) {
        return CodeChoice{simd, resampler};
      }
    }
  }
  return std::nullopt;
}

}  // namespace melmill
