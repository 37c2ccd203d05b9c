#ifndef MELMILL_STORE_DAMAGE_H_
#define MELMILL_STORE_DAMAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "io/file/file_digest.h"
#include "io/result.h"
#include "store/store_index.h"

namespace melmill {

// One damaged thing in a store.
struct Damage {
  std::string file;   // within the store
  std::string split;  // the row's split, if a row is damaged
  uint64_t line = 0;  // 0 if no row, or unknown
  std::string audio;
  std::string what;  // what is wrong, for people
};

// The error of a file of a store that cannot be read, with the file's name.
Error Unreadable(const std::string& file, const Error& error);

// Compares a file's digest with store.json. Returns what is wrong, or nothing
// if all is right. Error: kMachineFault for a file that cannot be read, since
// it may be intact.
Result<std::optional<Damage>> CompareDigest(const FileEntry& entry,
                                            const Result<FileDigest>& digest);

// Checks a file in `folder` that is not a shard, as CompareDigest does. Unless
// `read_all`, compares only its size.
Result<std::optional<Damage>> CheckFile(const std::string& folder,
                                        const FileEntry& entry, bool read_all);

}  // namespace melmill

#endif  // MELMILL_STORE_DAMAGE_H_
