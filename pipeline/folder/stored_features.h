#ifndef MELMILL_PIPELINE_FOLDER_STORED_FEATURES_H_
#define MELMILL_PIPELINE_FOLDER_STORED_FEATURES_H_

#include <string>

#include "pipeline/setup/feature_spec.h"

namespace melmill {

// The features of a store in `folder` with this contract and this producer, and
// the code that computes them on this machine, as close to the code `simd` as
// possible. Throws SetupError if this program or this machine would give other
// bytes, and lists every difference.
FeatureSpec FeaturesOfStore(const std::string& folder,
                            const std::string& contract,
                            const std::string& producer,
                            const std::string& simd = "auto");

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_STORED_FEATURES_H_
