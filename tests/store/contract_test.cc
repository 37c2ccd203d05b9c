#include "store/contract.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

TEST(ContractJsonTest, SaysWhatTheNumbersMean) {
  LogMelOptions log_mel;
  log_mel.mel.n_mels = 128;
  EXPECT_EQ(ContractJson(log_mel, FeatureType::kFloat16),
            "{\"features\":\"log-mel\",\"version\":1,\"sample_rate_hz\":16000,"
            "\"channels\":\"mean\",\"resampling\":\"soxr-hq\",\"n_fft\":400,"
            "\"hop_length\":160,\"window\":\"hann\",\"padding\":\"reflect\","
            "\"n_mels\":128,\"f_min_hz\":0.0,\"f_max_hz\":8000.0,"
            "\"mel_scale\":\"slaney\",\"mel_norm\":\"slaney\","
            "\"power_floor\":1e-10,\"dynamic_range_log10\":8.0,"
            "\"clamp\":\"body-max\",\"scaling\":\"(x+4)/4\","
            "\"feature_type\":\"f16\",\"tail_length\":400}");
  EXPECT_EQ(ContractBytesPerFrame(ContractJson(log_mel, FeatureType::kFloat16)),
            256u);
  log_mel.mel.n_mels = 80;
  EXPECT_EQ(ContractBytesPerFrame(ContractJson(log_mel, FeatureType::kFloat32)),
            320u);
  EXPECT_EQ(
      ContractBytesPerFrame(ContractJson(log_mel, FeatureType::kBfloat16)),
      160u);
  const std::string bytes = ContractJson(log_mel, FeatureType::kUint8);
  EXPECT_EQ(ContractBytesPerFrame(bytes), 80u);
  EXPECT_NE(bytes.find("\"feature_type\":\"u8\",\"feature_step\":"
                       "0.00784313725490196,\"feature_error\":0.003923,"
                       "\"tail_length\":400}"),
            std::string::npos)
      << bytes;
  EXPECT_EQ(ContractBytesPerFrame("[]"), 0u);
  EXPECT_EQ(ContractBytesPerFrame("{\"n_mels\": -1}"), 0u);
  for (const std::string type :
       {"", ",\"feature_type\":16", ",\"feature_type\":\"f64\""}) {
    EXPECT_EQ(ContractBytesPerFrame("{\"n_mels\":80" + type + "}"), 0u) << type;
  }
}

}  // namespace
}  // namespace melmill
