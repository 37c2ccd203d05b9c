#ifndef MELMILL_TOOLS_MELMILL_REPORT_SETTINGS_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SETTINGS_TEXT_H_

#include <optional>
#include <string>
#include <vector>

#include "pipeline/setup/feature_spec.h"
#include "store/store_index.h"

namespace melmill {

// A store's settings for people.

// The features of these settings; none if this program cannot make them, as
// those of a later version. Their code is what gives `producer` on this
// machine, or the default.
std::optional<FeatureSpec> FindSettings(const std::string& contract,
                                        const std::string& producer);

// "features for Qwen3-ASR and Whisper large-v3 (128 mels), float16".
std::string DescribeFeatures(const FeatureSpec& features);

// "features for Qwen3-ASR and Whisper large-v3 (128 mels), float16; spectral
// resampler; AVX2, AVX-512 or NEON vector code".
std::string DescribeSettings(const std::string& contract,
                             const std::string& producer);

// A command that makes such a store, with SPLIT.jsonl for the manifests.
std::vector<std::string> RebuildCommand(const std::string& folder,
                                        const StoreIndex& index);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_SETTINGS_TEXT_H_
