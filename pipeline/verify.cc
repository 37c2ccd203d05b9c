#include "pipeline/verify.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "dsp/log_mel.h"
#include "io/file_digest.h"
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

  VerifyReport Verify();

 private:
  std::string Path(const std::string& file) const {
    return folder_ + '/' + file;
  }
  void Report(const std::string& file, const std::string& what) {
    report_.damages.push_back({.file = file, .what = what});
  }
  // Whether the file is as store.json says.
  bool Check(const FileEntry& entry, const Result<FileDigest>& digest);
  // Returns the number of its stored rows, 0 if they could not be read.
  uint64_t VerifyShard(size_t shard);
  void NameRows(size_t shard, const ShardReader& reader,
                const std::vector<size_t>& rows);

  const std::string& folder_;
  const StoreIndex& index_;
  VerifyReport report_;
};

bool Verifier::Check(const FileEntry& entry, const Result<FileDigest>& digest) {
  ++report_.num_files;
  if (digest.ok()) report_.num_bytes += digest.value().num_bytes;
  std::optional<Damage> damage = CompareDigest(entry, digest);
  if (!damage) return true;
  report_.damages.push_back(*std::move(damage));
  return false;
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

uint64_t Verifier::VerifyShard(size_t shard) {
  const ShardEntry& entry = index_.shards[shard];
  const uint64_t feature_bytes =
      entry.num_frames * ContractBytesPerFrame(index_.contract);
  const Result<FileDigest> digest =
      DigestFile(Path(entry.file), {{kFirstDatasetOffset, feature_bytes}});
  if (!Check({entry.file, entry.num_bytes, entry.checksum}, digest)) return 0;
  const Result<ShardReader> reader = ShardReader::Open(Path(entry.file));
  if (!reader.ok()) {
    Report(entry.file, reader.error().message);
    return 0;
  }
  const ShardSpec& spec = reader.value().spec();
  if (spec.contract != index_.contract || spec.producer != index_.producer ||
      spec.fingerprint != entry.fingerprint ||
      spec.num_frames != entry.num_frames) {
    Report(entry.file, "is not the shard that store.json describes");
    return 0;
  }
  const Result<std::vector<size_t>> damaged = reader.value().FindDamagedRows();
  if (!damaged.ok()) {
    Report(entry.file, damaged.error().message);
    return 0;
  }
  if (!damaged.value().empty()) {
    NameRows(shard, reader.value(), damaged.value());
  }
  return entry.num_stored;
}

VerifyReport Verifier::Verify() {
  for (const FileEntry& entry : index_.files()) {
    Check(entry, DigestFile(Path(entry.file)));
  }
  // Some are listed more than once: one file, rows of each.
  std::map<std::string, uint64_t> rows_by_file;
  for (size_t i = 0; i < index_.shards.size(); ++i) {
    const auto [known, is_new] = rows_by_file.emplace(index_.shards[i].file, 0);
    if (is_new) known->second = VerifyShard(i);
    report_.num_rows += known->second;
  }
  return std::move(report_);
}

}  // namespace

VerifyReport VerifyStore(const std::string& folder, const StoreIndex& index) {
  return Verifier(folder, index).Verify();
}

}  // namespace melmill
