#ifndef MELMILL_PIPELINE_SETUP_FEATURE_SPEC_H_
#define MELMILL_PIPELINE_SETUP_FEATURE_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "dsp/features/feature_type.h"
#include "dsp/log_mel/log_mel.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/preset.h"

namespace melmill {

// The features to compute and the code that computes them, looked up once from
// flags or a store.
struct FeatureSpec {
  const Preset* preset = nullptr;
  FeatureType feature_type = FeatureType::kFloat16;
  CodeChoice code;     // as requested
  CodePath code_path;  // code of that choice on this machine

  const LogMelOptions& log_mel() const { return preset->log_mel; }
  std::string Contract() const;
  std::string Producer() const { return ProducerJson(code_path); }
  uint64_t bytes_per_frame() const;
};

// Throws SetupError for a preset that does not exist, and for code that this
// machine cannot run.
FeatureSpec MakeFeatureSpec(std::string_view preset = "qwen3-asr",
                            FeatureType feature_type = FeatureType::kFloat16,
                            const CodeChoice& code = {});

// Refuses a store because of its contract or its producer. Throws SetupError
// with the message and, below it, every difference between the store's and this
// program's own.
[[noreturn]] void RefuseOther(const std::string& message,
                              const std::string& stored,
                              const std::string& own);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_FEATURE_SPEC_H_
