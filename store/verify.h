#ifndef MELMILL_STORE_VERIFY_H_
#define MELMILL_STORE_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"
#include "store/damage.h"
#include "store/store_index.h"

namespace melmill {

struct VerifyReport {
  std::vector<Damage> damages;
  // Files that cannot be read; they may or may not be damaged.
  std::vector<Error> unreadable;
  uint64_t num_files = 0;
  uint64_t num_rows = 0;
  uint64_t num_bytes = 0;
};

// Reads all of a complete store and compares every checksum. Reads a shard's
// structure only if the checksum of its bytes outside the features is right.
VerifyReport VerifyStore(const std::string& folder, const StoreIndex& index);

}  // namespace melmill

#endif  // MELMILL_STORE_VERIFY_H_
