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
  // Files that cannot be read: whether they are damaged is not known.
  std::vector<Error> unreadable;
  uint64_t num_files = 0;
  uint64_t num_rows = 0;
  uint64_t num_bytes = 0;
};

// Reads a complete store to the last byte and compares every checksum. The
// structure of a shard is read only after the checksum of its bytes outside the
// features was found right.
VerifyReport VerifyStore(const std::string& folder, const StoreIndex& index);

}  // namespace melmill

#endif  // MELMILL_STORE_VERIFY_H_
