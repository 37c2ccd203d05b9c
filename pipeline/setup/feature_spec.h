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

// What is computed, and by which code: looked up once, from flags or from a
// store.
struct FeatureSpec {
  const Preset* preset = nullptr;
  FeatureType feature_type = FeatureType::kFloat16;
  CodeChoice code;     // as asked for
  CodePath code_path;  // what that means on this machine

  const LogMelOptions& log_mel() const { return preset->log_mel; }
  std::string Contract() const;
  std::string Producer() const { return ProducerJson(code_path); }
  uint64_t bytes_per_frame() const;
};

// Throws SetupError for a preset that is not there, and for code that this
// machine cannot run.
FeatureSpec MakeFeatureSpec(std::string_view preset = "qwen3-asr",
                            FeatureType feature_type = FeatureType::kFloat16,
                            const CodeChoice& code = {});

// Refuses a store for its contract or its producer. Throws SetupError: the
// message, and below it every difference between what the store has and what
// this program would make.
[[noreturn]] void RefuseOther(const std::string& message,
                              const std::string& stored,
                              const std::string& own);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_FEATURE_SPEC_H_
