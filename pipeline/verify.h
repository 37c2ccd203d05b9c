#ifndef MELMILL_PIPELINE_VERIFY_H_
#define MELMILL_PIPELINE_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"

namespace melmill {

// One thing that is not as store.json says.
struct Damage {
  std::string file;   // within the store
  std::string split;  // of the damaged row, if it is one
  uint64_t line = 0;
  std::string audio;
  std::string what;
};

struct VerifyReport {
  std::vector<Damage> damages;
  uint64_t num_files = 0;
  uint64_t num_rows = 0;
  uint64_t num_bytes = 0;
};

// Reads a complete store to the last byte and compares every checksum; a
// shard is given to the HDF5 library only after the checksum of its metadata
// was right. Errors: kNotFound when there is no store.json, kBadJson and
// kUnsupportedFormat when it cannot be used, kMachineFault.
Result<VerifyReport> VerifyStore(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_VERIFY_H_
