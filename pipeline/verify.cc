#include "pipeline/verify.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "dsp/log_mel.h"
#include "io/file_digest.h"
#include "io/hash.h"
#include "io/shard_reader.h"
#include "io/store_index.h"
#include "io/table.h"
#include "pipeline/config.h"
#include "pipeline/split_table.h"
#include "pipeline/store_folder.h"

namespace melmill {
namespace {

class Verifier {
 public:
  Verifier(const std::string& folder, const StoreIndex& index)
      : folder_(folder), index_(index) {}

  Result<VerifyReport> Verify();

 private:
  std::string Path(const std::string& file) const {
    return folder_ + '/' + file;
  }
  void Report(const std::string& file, const std::string& what) {
    report_.damages.push_back({.file = file, .what = what});
  }
  void VerifyFile(const FileEntry& entry);
  void VerifyShard(size_t shard);
  void NameRows(size_t shard, const ShardReader& reader,
                const std::vector<size_t>& rows);
  bool MatchesDigest(const std::string& file, uint64_t num_bytes,
                     uint64_t checksum, const Result<FileDigest>& digest);

  const std::string& folder_;
  const StoreIndex& index_;
  VerifyReport report_;
};

bool Verifier::MatchesDigest(const std::string& file, uint64_t num_bytes,
                             uint64_t checksum,
                             const Result<FileDigest>& digest) {
  ++report_.num_files;
  if (!digest.ok()) {
    Report(file, digest.error().message);
    return false;
  }
  report_.num_bytes += digest.value().num_bytes;
  if (digest.value().num_bytes != num_bytes) {
    Report(file, fmt::format("is {} bytes long instead of {}",
                             digest.value().num_bytes, num_bytes));
    return false;
  }
  if (digest.value().checksum != checksum) {
    Report(file, fmt::format("has the checksum {} instead of {}",
                             ToHex(digest.value().checksum), ToHex(checksum)));
    return false;
  }
  return true;
}

void Verifier::VerifyFile(const FileEntry& entry) {
  MatchesDigest(entry.file, entry.num_bytes, entry.checksum,
                DigestFile(Path(entry.file)));
}

// Finds line and audio of damaged rows in the split's table, by shard and
// first frame.
void Verifier::NameRows(size_t shard, const ShardReader& reader,
                        const std::vector<size_t>& rows) {
  const ShardEntry& entry = index_.shards[shard];
  auto table = TableFile::Open(Path(TableFileName(entry.split)),
                               SplitTableColumns(index_.kept_fields));
  const size_t first_damage = report_.damages.size();
  for (const size_t row : rows) {
    report_.damages.push_back({.file = entry.file,
                               .split = entry.split,
                               .what = fmt::format("row {} is damaged", row)});
  }
  if (!table.ok()) return;  // reported on its own
  const TableFile& lines = *table.value();
  for (uint64_t first = 0; first < lines.num_rows();) {
    const Result<TableBlock> block = lines.Read(first, 4096, size_t{4} << 20);
    if (!block.ok()) return;
    for (size_t i = 0; i < block.value().num_rows(); ++i) {
      if (block.value().Number(kSplitTableShard, i) != shard) continue;
      const uint64_t start = block.value().Number(kSplitTableStart, i);
      for (size_t k = 0; k < rows.size(); ++k) {
        if (reader.rows()[rows[k]].start != start) continue;
        Damage& damage = report_.damages[first_damage + k];
        damage.line = block.value().Number(kSplitTableLine, i);
        damage.audio = block.value().Text(kSplitTableAudio, i);
      }
    }
    first += block.value().num_rows();
  }
}

void Verifier::VerifyShard(size_t shard) {
  const ShardEntry& entry = index_.shards[shard];
  const uint64_t feature_bytes =
      entry.num_frames * ContractBytesPerFrame(index_.contract);
  const Result<FileDigest> digest =
      DigestFile(Path(entry.file), {kFirstDatasetOffset, feature_bytes});
  if (!MatchesDigest(entry.file, entry.num_bytes, entry.checksum, digest)) {
    return;
  }
  const Result<ShardReader> reader = ShardReader::Open(Path(entry.file));
  if (!reader.ok()) {
    Report(entry.file, reader.error().message);
    return;
  }
  const ShardSpec& spec = reader.value().spec();
  if (spec.contract != index_.contract || spec.producer != index_.producer ||
      spec.fingerprint != entry.fingerprint ||
      spec.num_frames != entry.num_frames) {
    Report(entry.file, "is not the shard that store.json describes");
    return;
  }
  report_.num_rows += entry.num_stored;
  const Result<std::vector<size_t>> damaged = reader.value().FindDamagedRows();
  if (!damaged.ok()) {
    Report(entry.file, damaged.error().message);
    return;
  }
  if (damaged.value().empty()) return;
  NameRows(shard, reader.value(), damaged.value());
}

Result<VerifyReport> Verifier::Verify() {
  for (const SplitEntry& split : index_.splits) {
    VerifyFile(split.table);
    VerifyFile(split.accepted);
  }
  VerifyFile(index_.rejects);
  for (size_t i = 0; i < index_.shards.size(); ++i) VerifyShard(i);
  return std::move(report_);
}

}  // namespace

Result<VerifyReport> VerifyStore(const std::string& folder) {
  const Result<StoreIndex> index = ReadStoreIndex(folder);
  if (!index.ok()) return index.error();
  return Verifier(folder, index.value()).Verify();
}

}  // namespace melmill
