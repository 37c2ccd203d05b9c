#include "pipeline/setup/feature_spec.h"

#include <gtest/gtest.h>

#include "pipeline/setup/setup_error.h"
#include "store/contract.h"

namespace melmill {
namespace {

TEST(MakeFeatureSpecTest, LooksEverythingUp) {
  const FeatureSpec spec =
      MakeFeatureSpec("whisper", FeatureType::kBfloat16, {.simd = "none"});
  EXPECT_EQ(spec.preset->name, "whisper");
  EXPECT_EQ(spec.log_mel().mel.n_mels, 80);
  EXPECT_EQ(spec.code_path, CodePath());
  EXPECT_EQ(spec.bytes_per_frame(), 160u);
  EXPECT_EQ(ContractBytesPerFrame(spec.Contract()), spec.bytes_per_frame());
  EXPECT_EQ(spec.Producer(), ProducerJson(CodePath()));
}

TEST(MakeFeatureSpecTest, RefusesWhatIsNotThere) {
  EXPECT_THROW(MakeFeatureSpec("wav2vec"), SetupError);
  EXPECT_THROW(
      MakeFeatureSpec("whisper", FeatureType::kFloat16, {.simd = "mmx"}),
      SetupError);
}

}  // namespace
}  // namespace melmill
