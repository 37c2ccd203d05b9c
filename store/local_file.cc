#include "store/local_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "io/file/durable_file.h"
#include "io/file/system_calls.h"
#include "io/file/temporary_name.h"
#include "io/hash.h"

namespace melmill {
namespace {

static_assert(std::endian::native == std::endian::little,
              "blocks are written as they lie in memory");

constexpr std::string_view kFirstLine = "melmill local 1\n";
constexpr size_t kPieceBytes = size_t{64} << 10;

// The head of every block. The block's checksum follows the body.
struct BlockHead {
  uint32_t kind = 0;
  uint32_t zero = 0;
  uint64_t body_bytes = 0;
};
static_assert(sizeof(BlockHead) == 16);
constexpr size_t kChecksumBytes = sizeof(uint64_t);

// The head of the body of a kFacts block.
struct FactsHead {
  Hash128 fingerprint = {};
  uint64_t checksum = 0;
  uint64_t num_rows = 0;
};
static_assert(sizeof(FactsHead) == 32);
static_assert(sizeof(FileFacts) == 32 &&
              std::has_unique_object_representations_v<FileFacts>);

uint64_t FactsBlockBytes(uint64_t num_rows) {
  return sizeof(BlockHead) + sizeof(FactsHead) + num_rows * sizeof(FileFacts) +
         kChecksumBytes;
}

template <typename Value>
std::span<std::byte> WritableBytesOf(Value* value) {
  return std::as_writable_bytes(std::span(value, 1));
}

void Append(std::span<const std::byte> more, std::vector<std::byte>* bytes) {
  if (more.empty()) return;
  const size_t num_before = bytes->size();
  bytes->resize(num_before + more.size());
  std::memcpy(bytes->data() + num_before, more.data(), more.size());
}

template <typename Value>
void AppendBytes(const Value& value, std::vector<std::byte>* bytes) {
  Append(std::as_bytes(std::span(&value, 1)), bytes);
}

std::vector<std::byte> MakeFactsBlock(const ShardId& id,
                                      std::span<const FileFacts> facts) {
  std::vector<std::byte> block;
  const uint64_t num_bytes = FactsBlockBytes(facts.size());
  block.reserve(static_cast<size_t>(num_bytes));
  AppendBytes(
      BlockHead{.kind = LocalFile::kFacts,
                .body_bytes = num_bytes - sizeof(BlockHead) - kChecksumBytes},
      &block);
  AppendBytes(FactsHead{.fingerprint = id.fingerprint,
                        .checksum = id.checksum,
                        .num_rows = facts.size()},
              &block);
  Append(std::as_bytes(facts), &block);
  AppendBytes(Xxh3_64(block), &block);
  return block;
}

std::vector<std::byte> MakeOriginBlock(const std::string& text) {
  std::vector<std::byte> block;
  if (text.empty()) return block;
  AppendBytes(BlockHead{.kind = LocalFile::kOrigin, .body_bytes = text.size()},
              &block);
  Append(std::as_bytes(std::span(text)), &block);
  AppendBytes(Xxh3_64(block), &block);
  return block;
}

// Writes at the descriptor's own position.
Result<void> WriteAll(int fd, std::span<const std::byte> bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t num_written = WithoutInterruption(
        [&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (num_written < 0) return FileFault("write", path, errno);
    bytes = bytes.subspan(static_cast<size_t>(num_written));
  }
  return {};
}

}  // namespace

std::set<ShardId> IdsOfShards(const StoreIndex& store) {
  std::set<ShardId> ids;
  for (const ShardEntry& shard : store.shards) {
    const std::optional<Hash128> fingerprint = ParseHash128(shard.fingerprint);
    if (fingerprint) ids.insert({*fingerprint, shard.checksum});
  }
  return ids;
}

Result<std::unique_ptr<LocalFile>> LocalFile::Load(const std::string& path) {
  std::unique_ptr<LocalFile> local(new LocalFile(path));
  const Result<void> opened = local->Open();
  if (!opened.ok()) return opened.error();
  return local;
}

LocalFile::~LocalFile() {
  if (fd_ >= 0) ::close(fd_);
}

// Anything but a regular file counts as damaged: it is replaced, never
// followed.
Result<void> LocalFile::Open() {
  if (fd_ >= 0) ::close(fd_);
  places_.clear();
  origin_.clear();
  is_whole_ = false;
  fd_ = WithoutInterruption([&] {
    return ::open(path_.c_str(),
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  });
  exists_ = fd_ >= 0 || errno != ENOENT;
  if (fd_ < 0) {
    const bool is_no_fault = errno == ENOENT || errno == ELOOP;
    return is_no_fault ? Result<void>() : FileFault("open", path_, errno);
  }
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) {
    return FileFault("examine", path_, errno);
  }
  if (!S_ISREG(status.st_mode)) return {};
  return Scan(static_cast<uint64_t>(status.st_size));
}

// Returns false if the file ends early.
Result<bool> LocalFile::Read(uint64_t offset,
                             std::span<std::byte> bytes) const {
  const int error = ReadExactly(fd_, offset, bytes);
  if (error > 0) return FileFault("read", path_, error);
  return error == 0;
}

Result<void> LocalFile::Scan(uint64_t size_bytes) {
  std::array<char, kFirstLine.size()> line = {};
  const auto read = Read(0, std::as_writable_bytes(std::span(line)));
  if (!read.ok()) return read.error();
  is_whole_ = std::string_view(line.data(), line.size()) == kFirstLine;
  uint64_t offset = is_whole_ ? kFirstLine.size() : size_bytes;
  while (offset < size_bytes) {
    const Result<uint64_t> end = ScanBlock(offset, size_bytes);
    if (!end.ok()) return end.error();
    offset = end.value();
  }
  return {};
}

// Missing bytes count as zeros; the checksum will then not match.
Result<uint64_t> LocalFile::HashBytes(uint64_t offset,
                                      uint64_t num_bytes) const {
  Hasher64 hasher;
  std::vector<std::byte> piece;
  while (num_bytes > 0) {
    piece.assign(
        static_cast<size_t>(std::min<uint64_t>(num_bytes, kPieceBytes)),
        std::byte{0});
    const Result<bool> read = Read(offset, piece);
    if (!read.ok()) return read.error();
    hasher.Update(piece);
    offset += piece.size();
    num_bytes -= piece.size();
  }
  return hasher.Digest();
}

// Reads the block at `offset` and returns the offset of the next one.
Result<uint64_t> LocalFile::ScanBlock(uint64_t offset, uint64_t size_bytes) {
  const uint64_t left = size_bytes - offset;
  constexpr uint64_t kLeastBytes = sizeof(BlockHead) + kChecksumBytes;
  BlockHead head;
  if (left >= kLeastBytes) {
    const Result<bool> read = Read(offset, WritableBytesOf(&head));
    if (!read.ok()) return read.error();
  }
  if (left < kLeastBytes || head.body_bytes > left - kLeastBytes) {
    is_whole_ = false;  // torn; the start of the next block is unknown
    return size_bytes;
  }
  const uint64_t end = offset + kLeastBytes + head.body_bytes;
  uint64_t checksum = 0;
  const Result<bool> read =
      Read(end - kChecksumBytes, WritableBytesOf(&checksum));
  if (!read.ok()) return read.error();
  const Result<uint64_t> actual =
      HashBytes(offset, end - kChecksumBytes - offset);
  if (!actual.ok()) return actual.error();
  if (checksum != actual.value()) {
    is_whole_ = false;
    return end;
  }
  Result<void> scanned;
  if (head.kind == kFacts) scanned = ScanFacts(offset, head.body_bytes);
  if (head.kind == kOrigin) scanned = ScanOrigin(offset, head.body_bytes);
  if (!scanned.ok()) return scanned.error();
  return end;
}

// These read the body of the block at `offset`, whose checksum is right.
Result<void> LocalFile::ScanFacts(uint64_t offset, uint64_t body_bytes) {
  if (body_bytes < sizeof(FactsHead)) return {};
  FactsHead facts;
  const Result<bool> read =
      Read(offset + sizeof(BlockHead), WritableBytesOf(&facts));
  if (!read.ok()) return read.error();
  if (facts.num_rows == (body_bytes - sizeof(facts)) / sizeof(FileFacts)) {
    places_[{facts.fingerprint, facts.checksum}] = {offset, facts.num_rows};
  }
  return {};
}

Result<void> LocalFile::ScanOrigin(uint64_t offset, uint64_t body_bytes) {
  if (body_bytes > kMaxOriginBytes) return {};
  std::string text(static_cast<size_t>(body_bytes), '\0');
  const Result<bool> read =
      Read(offset + sizeof(BlockHead), std::as_writable_bytes(std::span(text)));
  if (!read.ok()) return read.error();
  if (read.value()) origin_ = std::move(text);
  return {};
}

Result<std::optional<std::vector<FileFacts>>> LocalFile::Find(
    const ShardId& id) const {
  const auto found = places_.find(id);
  if (found == places_.end()) return std::optional<std::vector<FileFacts>>();
  std::vector<FileFacts> facts(static_cast<size_t>(found->second.num_rows));
  const Result<bool> read =
      Read(found->second.offset + sizeof(BlockHead) + sizeof(FactsHead),
           std::as_writable_bytes(std::span(facts)));
  if (!read.ok()) return read.error();
  if (!read.value()) return std::optional<std::vector<FileFacts>>();
  return std::optional(std::move(facts));
}

Result<void> LocalFile::Append(const ShardId& id,
                               std::span<const FileFacts> facts) {
  if (!is_whole_) {
    std::set<ShardId> all;
    for (const auto& [known, place] : places_) all.insert(known);
    Result<void> made = Rewrite(all, {});
    if (!made.ok()) return made;
  }
  const Result<std::optional<uint64_t>> offset =
      AppendBlock(MakeFactsBlock(id, facts));
  if (!offset.ok()) return offset.error();
  if (offset.value()) places_[id] = {*offset.value(), facts.size()};
  return {};
}

// Returns the block's offset, or nothing if somebody removed the file, which
// does no harm.
Result<std::optional<uint64_t>> LocalFile::AppendBlock(
    std::span<const std::byte> block) {
  const UniqueFd fd(WithoutInterruption([&] {
    return ::open(path_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
  }));
  if (!fd.is_open()) {
    if (errno == ENOENT) return std::optional<uint64_t>();
    return FileFault("open", path_, errno);
  }
  const Result<void> written = WriteAll(fd.get(), block, path_);
  if (!written.ok()) {
    is_whole_ = false;
    return written.error();
  }
  const auto end = static_cast<uint64_t>(::lseek(fd.get(), 0, SEEK_CUR));
  return std::optional(end - block.size());
}

Result<void> LocalFile::SetOrigin(std::string text) {
  if (text.size() > kMaxOriginBytes) text.clear();
  if (text == origin_) return {};
  origin_ = std::move(text);
  if (!is_whole_ || origin_.empty()) return {};
  const Result<std::optional<uint64_t>> offset =
      AppendBlock(MakeOriginBlock(origin_));
  return offset.ok() ? Result<void>() : offset.error();
}

Result<void> LocalFile::CopyBlocks(const std::set<ShardId>& ids, int to) const {
  for (const ShardId& id : ids) {
    const Result<std::optional<std::vector<FileFacts>>> facts = Find(id);
    if (!facts.ok()) return facts.error();
    if (!facts.value()) continue;
    const Result<void> written =
        WriteAll(to, MakeFactsBlock(id, *facts.value()), path_);
    if (!written.ok()) return written;
  }
  return {};
}

Result<void> LocalFile::Rewrite(const std::set<ShardId>& ids,
                                const std::set<ShardId>& taken) {
  const std::string temporary = TemporaryName(path_);
  Result<void> done = RemoveFile(temporary);
  if (!done.ok()) return done;
  const UniqueFd fd = CreateFile(temporary);
  if (!fd.is_open()) return FileFault("create", temporary, errno);
  const auto first_line = std::as_bytes(std::span(kFirstLine));
  std::vector<std::byte> start(first_line.begin(), first_line.end());
  const std::vector<std::byte> origin = MakeOriginBlock(origin_);
  start.insert(start.end(), origin.begin(), origin.end());
  done = WriteAll(fd.get(), start, temporary);
  if (done.ok()) done = CopyBlocks(ids, fd.get());
  for (auto id = taken.begin(); done.ok() && id != taken.end(); ++id) {
    done = WriteAll(fd.get(), MakeFactsBlock(*id, {}), temporary);
  }
  if (done.ok() && WithoutInterruption([&] {
                     return ::rename(temporary.c_str(), path_.c_str());
                   }) != 0) {
    done = FileFault("rename", temporary, errno);
  }
  if (!done.ok()) {
    (void)RemoveFile(temporary);
    return done;
  }
  return Open();
}

Result<void> LocalFile::Compact(const std::set<ShardId>& ids) {
  if (!exists_) return {};
  if (!is_whole_) return Rewrite(ids, {});
  uint64_t num_bytes = kFirstLine.size() + MakeOriginBlock(origin_).size();
  bool all_wanted = true;
  for (const auto& [id, place] : places_) {
    num_bytes += FactsBlockBytes(place.num_rows);
    all_wanted = all_wanted && ids.contains(id);
  }
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) {
    return FileFault("examine", path_, errno);
  }
  const bool is_compact = static_cast<uint64_t>(status.st_size) / 2 < num_bytes;
  return all_wanted && is_compact ? Result<void>() : Rewrite(ids, {});
}

}  // namespace melmill
