#ifndef MELMILL_PIPELINE_RUN_CANARY_H_
#define MELMILL_PIPELINE_RUN_CANARY_H_

#include <map>
#include <string>

#include "pipeline/setup/feature_spec.h"

namespace melmill {

// The bits that this machine's code gives: for each of a few sample rates in
// Hz, the hash of the features of half a second of a fixed signal, as hex
// digits. Two machines with the same producer string should agree. They do not
// if a library, a virtual processor or the memory is not what it says. Takes a
// few milliseconds.
std::map<int, std::string> ComputeCanary(const FeatureSpec& features);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_CANARY_H_
