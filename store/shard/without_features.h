#ifndef MELMILL_STORE_SHARD_WITHOUT_FEATURES_H_
#define MELMILL_STORE_SHARD_WITHOUT_FEATURES_H_

#include <string>

#include "io/result.h"

namespace melmill {

// Whether a shard's file is a copy that lacks its features, as `melmill pull
// --for-finish` makes it. docs/format.md describes these copies. False for a
// file that cannot be read.
bool LacksFeatures(const std::string& path);

// What is wrong with such a copy where the features are needed: kDamaged.
Error MissingFeatures();

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_WITHOUT_FEATURES_H_
