#include "store/verify.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "dsp/log_mel/log_mel.h"
#include "io/file/file_digest.h"
#include "store/contract.h"
#include "store/shard/shard_reader.h"
#include "store/store_folder.h"
#include "store/store_index.h"
#include "store/table/split_table.h"
#include "store/table/table.h"
#include "store/table/table_file.h"

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
  // Whether the file is as store.json says. If not, reports it.
  bool Check(const FileEntry& entry, const Result<FileDigest>& digest);
  // Reports why a shard cannot be verified although its checksum is right.
  void ReportFailure(const std::string& file, const Error& error);
  // Returns the number of the shard's stored rows, 0 if they could not be read.
  uint64_t VerifyShard(size_t shard);
  void ReportRows(size_t shard, const ShardReader& reader,
                  const std::vector<size_t>& rows);
  void NameRows(const std::string& split);

  // The place of a row: its shard and its first frame.
  using RowPlace = std::pair<uint64_t, uint64_t>;

  const std::string& folder_;
  const StoreIndex& index_;
  VerifyReport report_;
  // For each split, the index in report_.damages of each damaged row.
  std::map<std::string, std::map<RowPlace, size_t>> damaged_rows_;
};

bool Verifier::Check(const FileEntry& entry, const Result<FileDigest>& digest) {
  ++report_.num_files;
  if (digest.ok()) report_.num_bytes += digest.value().num_bytes;
  const auto damage = CompareDigest(entry, digest);
  if (!damage.ok()) {
    report_.unreadable.push_back(damage.error());
    return false;
  }
  if (!damage.value()) return true;
  report_.damages.push_back(*damage.value());
  return false;
}

void Verifier::ReportFailure(const std::string& file, const Error& error) {
  if (error.code == ErrorCode::kMachineFault) {
    report_.unreadable.push_back(Unreadable(file, error));
  } else {
    Report(file, error.message);
  }
}

void Verifier::ReportRows(size_t shard, const ShardReader& reader,
                          const std::vector<size_t>& rows) {
  const ShardEntry& entry = index_.shards[shard];
  for (const size_t row : rows) {
    damaged_rows_[entry.split][{shard, reader.rows()[row].start}] =
        report_.damages.size();
    report_.damages.push_back({.file = entry.file,
                               .split = entry.split,
                               .what = fmt::format("row {} is damaged", row)});
  }
}

// Adds line and audio to a split's damaged rows, from its table.
void Verifier::NameRows(const std::string& split) {
  const std::map<RowPlace, size_t>& damaged = damaged_rows_.at(split);
  auto table = TableFile::Open(
      Path(TableFileName(split)),
      SplitTableColumns(index_.kept_fields, index_.optional_columns()));
  if (!table.ok()) return;  // reported separately
  // A table that cannot be read is reported separately.
  (void)VisitRows(*table.value(), 0, table.value()->num_rows(),
                  [&](const TableBlock& block, size_t i) -> Result<Visiting> {
                    const auto found =
                        damaged.find({block.Number(kSplitTableShard, i),
                                      block.Number(kSplitTableStart, i)});
                    if (found == damaged.end()) return Visiting::kGoOn;
                    Damage& damage = report_.damages[found->second];
                    damage.line = block.Number(kSplitTableLine, i);
                    damage.audio = block.Text(kSplitTableAudio, i);
                    return Visiting::kGoOn;
                  });
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
    ReportFailure(entry.file, reader.error());
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
    ReportFailure(entry.file, damaged.error());
    return 0;
  }
  ReportRows(shard, reader.value(), damaged.value());
  return entry.num_stored;
}

VerifyReport Verifier::Verify() {
  for (const FileEntry& entry : index_.files()) {
    Check(entry, DigestFile(Path(entry.file)));
  }
  // A file may be listed more than once: it is checked once, and its rows count
  // for each entry.
  std::map<std::string, uint64_t> rows_by_file;
  for (size_t i = 0; i < index_.shards.size(); ++i) {
    const auto [known, is_new] = rows_by_file.emplace(index_.shards[i].file, 0);
    if (is_new) known->second = VerifyShard(i);
    report_.num_rows += known->second;
  }
  for (const auto& [split, rows] : damaged_rows_) NameRows(split);
  return std::move(report_);
}

}  // namespace

VerifyReport VerifyStore(const std::string& folder, const StoreIndex& index) {
  return Verifier(folder, index).Verify();
}

}  // namespace melmill
