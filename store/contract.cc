#include "store/contract.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "store/json_object.h"

namespace melmill {

// The value is an object from the start. Otherwise a null value becomes one,
// and if it finds no memory for that, its destructor crashes.
std::string ContractJson(const LogMelOptions& log_mel,
                         FeatureType feature_type) {
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
  contract["feature_type"] = FeatureTypeName(feature_type);
  if (feature_type == FeatureType::kUint8) {
    contract["feature_step"] = 1 / static_cast<double>(kGridStepsPerUnit);
    contract["feature_error"] = kGridLargestError;
  }
  contract["tail_length"] = log_mel.mel.n_fft;
  return JsonText(contract);
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

}  // namespace melmill
