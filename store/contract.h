#ifndef MELMILL_STORE_CONTRACT_H_
#define MELMILL_STORE_CONTRACT_H_

#include <cstdint>
#include <string>

#include "dsp/features/feature_type.h"
#include "dsp/log_mel/log_mel.h"

namespace melmill {

// The contract as compact JSON: what the stored features mean (docs/format.md).
// A store has one contract, and a reader refuses a contract that it does not
// know.
std::string ContractJson(const LogMelOptions& log_mel,
                         FeatureType feature_type);

// The size of one frame's features under a contract, or 0 if the contract does
// not say.
uint64_t ContractBytesPerFrame(const std::string& contract);

}  // namespace melmill

#endif  // MELMILL_STORE_CONTRACT_H_
