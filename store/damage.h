#ifndef MELMILL_STORE_DAMAGE_H_
#define MELMILL_STORE_DAMAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "io/file/file_digest.h"
#include "io/result.h"
#include "store/store_index.h"

namespace melmill {

// One thing in a store that is damaged.
struct Damage {
  std::string file;   // within the store
  std::string split;  // of the row, if it is one
  uint64_t line = 0;  // 0: no row, or not known
  std::string audio;
  std::string what;  // for a person
};

// What keeps a file of a store from being read, with its name.
Error Unreadable(const std::string& file, const Error& error);

// What is wrong with a file of this digest, compared with store.json; nothing
// if it is right. Errors: kMachineFault for a file that cannot be read; it may
// be whole.
Result<std::optional<Damage>> CompareDigest(const FileEntry& entry,
                                            const Result<FileDigest>& digest);

// The same for a file in `folder` that is no shard. Unless `read_all` only its
// size is compared.
Result<std::optional<Damage>> CheckFile(const std::string& folder,
                                        const FileEntry& entry, bool read_all);

}  // namespace melmill

#endif  // MELMILL_STORE_DAMAGE_H_
