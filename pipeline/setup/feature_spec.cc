#include "pipeline/setup/feature_spec.h"

#include <fmt/format.h>

#include "pipeline/setup/setup_error.h"
#include "store/contract.h"
#include "store/json_object.h"

namespace melmill {

std::string FeatureSpec::Contract() const {
  return ContractJson(log_mel(), feature_type);
}

uint64_t FeatureSpec::bytes_per_frame() const {
  return static_cast<uint64_t>(log_mel().mel.n_mels) *
         FeatureSize(feature_type);
}

FeatureSpec MakeFeatureSpec(std::string_view preset, FeatureType feature_type,
                            const CodeChoice& code) {
  FeatureSpec spec;
  spec.preset = FindPreset(preset);
  if (spec.preset == nullptr) {
    throw SetupError(fmt::format("unknown preset \"{}\": the presets are {}",
                                 preset, fmt::join(PresetNames(), ", ")));
  }
  spec.feature_type = feature_type;
  spec.code = code;
  spec.code_path = ChooseCodePath(code);
  return spec;
}

void RefuseOther(const std::string& message, const std::string& stored,
                 const std::string& own) {
  throw SetupError(
      fmt::format("{}:\n  {}", message,
                  fmt::join(DescribeDifference(stored, own), "\n  ")));
}

}  // namespace melmill
