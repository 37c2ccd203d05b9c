#ifndef MELMILL_STORE_LOCAL_FILE_H_
#define MELMILL_STORE_LOCAL_FILE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/file/file_facts.h"
#include "io/hash.h"
#include "io/result.h"
#include "store/store_index.h"

namespace melmill {

// Identifies a shard file by its contents. Two files with the same id hold the
// same features of the same audio.
struct ShardId {
  Hash128 fingerprint = {};
  uint64_t checksum = 0;  // ShardWriter::Committed

  friend auto operator<=>(const ShardId&, const ShardId&) = default;
};

// The ids of all shards of a complete store.
std::set<ShardId> IdsOfShards(const StoreIndex& store);

// The store's `.local`: facts about its audio files on this machine. It is not
// part of the store and may be lost at any time.
//
// The file is a line with the format's version, followed by blocks. A block is:
// kind u32, zero u32, bytes of the body u64, the body, XXH3-64 of all that u64;
// little-endian. A block of kind kFacts says what the files of a shard's rows
// were like when they were read for it: fingerprint, checksum u64, number of
// rows u64, their FileFacts. A block of kind kOrigin is the text of the store's
// Origin (origin.h); the last one counts. Other kinds are skipped.
//
// Nothing here is flushed to the disk, and a block is never changed. A torn,
// damaged or lost block counts as missing, and the audio is then read again. A
// block is about one id only and is written after the audio was read, so it is
// true even if a process was killed. Memory grows with the number of shards.
class LocalFile {
 public:
  static constexpr uint32_t kFacts = 1;
  static constexpr uint32_t kOrigin = 2;
  static constexpr size_t kMaxOriginBytes = size_t{1} << 20;

  // A missing or damaged file is no error. Error: kMachineFault.
  static Result<std::unique_ptr<LocalFile>> Load(const std::string& path);
  ~LocalFile();
  LocalFile(const LocalFile&) = delete;
  LocalFile& operator=(const LocalFile&) = delete;

  // Whether the file existed when it was loaded, or was created since.
  bool exists() const { return exists_; }
  // Whether the file exists and all of it could be read, so that appending
  // needs no rewriting.
  bool is_whole() const { return is_whole_; }

  // The facts of a shard's rows. The list is empty for a shard without known
  // facts (see Rewrite). Returns nothing if the file has no block for the
  // shard. Error: kMachineFault.
  Result<std::optional<std::vector<FileFacts>>> Find(const ShardId& id) const;

  // The text of the store's origin; empty if it is not known.
  const std::string& origin() const { return origin_; }

  // Replaces the origin: in the file if that is whole, otherwise in the one
  // that the next Append or Rewrite makes. A text over kMaxOriginBytes counts
  // as empty. Changes no file if the origin is the same. Error: kMachineFault.
  Result<void> SetOrigin(std::string text);

  // Adds a block, which replaces earlier ones of the same id. Creates the file
  // if need be. For one thread. Error: kMachineFault.
  Result<void> Append(const ShardId& id, std::span<const FileFacts> facts);

  // Replaces the file by a new one that has only the origin, the blocks of
  // `ids`, and a block without facts for each of `taken`, the shards about
  // which nothing is known here. Error: kMachineFault.
  Result<void> Rewrite(const std::set<ShardId>& ids,
                       const std::set<ShardId>& taken);

  // Rewrites the file if it has blocks of shards other than `ids`, or if half
  // of it is superseded. Does nothing if there is no file. Error:
  // kMachineFault.
  Result<void> Compact(const std::set<ShardId>& ids);

 private:
  struct Place {
    uint64_t offset = 0;  // offset of the block
    uint64_t num_rows = 0;
  };

  explicit LocalFile(std::string path) : path_(std::move(path)) {}
  Result<void> Open();
  Result<void> Scan(uint64_t size_bytes);
  Result<uint64_t> ScanBlock(uint64_t offset, uint64_t size_bytes);
  Result<void> ScanFacts(uint64_t offset, uint64_t body_bytes);
  Result<void> ScanOrigin(uint64_t offset, uint64_t body_bytes);
  Result<std::optional<uint64_t>> AppendBlock(std::span<const std::byte> block);
  Result<bool> Read(uint64_t offset, std::span<std::byte> bytes) const;
  Result<uint64_t> HashBytes(uint64_t offset, uint64_t num_bytes) const;
  Result<void> CopyBlocks(const std::set<ShardId>& ids, int to) const;

  std::string path_;
  bool exists_ = false;
  int fd_ = -1;  // -1 also for a symbolic link
  bool is_whole_ = false;
  std::map<ShardId, Place> places_;
  std::string origin_;
};

}  // namespace melmill

#endif  // MELMILL_STORE_LOCAL_FILE_H_
