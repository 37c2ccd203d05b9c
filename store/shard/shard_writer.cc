#include "store/shard/shard_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/file_digest.h"
#include "io/file/temporary_name.h"
#include "io/file/write_back.h"
#include "store/hdf5/h5_file.h"
#include "store/shard/shard_datasets.h"

namespace melmill {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are written as they lie in memory");

// The space for HDF5's own metadata after the features, for these datasets and
// short attributes, and for what it leaves unused. It was measured and has room
// to spare.
constexpr uint64_t kMetadataBytes = uint64_t{32} << 10;

}  // namespace

class ShardWriter::Impl {
 public:
  Impl(ShardSpec spec, DurableH5File made)
      : spec_(std::move(spec)),
        made_(std::move(made)),
        rows_(static_cast<size_t>(spec_.num_rows)),
        write_back_(made_.offsets[kFeaturesDataset],
                    spec_.num_frames * spec_.bytes_per_frame()) {}

  uint64_t num_bytes() const { return made_.num_bytes; }

  Result<void> WriteFeatures(uint64_t start, uint64_t offset_bytes,
                             std::span<const std::byte> features) {
    return made_.file.WriteAt(
        FeaturesOffset(start, offset_bytes, features.size()), features);
  }

  Result<void> ReadFeatures(uint64_t start, uint64_t offset_bytes,
                            std::span<std::byte> features) const {
    return made_.file.ReadAt(
        FeaturesOffset(start, offset_bytes, features.size()), features);
  }

  Result<void> FinishRow(size_t row, const ShardRow& index,
                         std::span<const float> tail_samples) {
    assert(row < rows_.size() && index.status == RowStatus::kStored);
    assert(tail_samples.size() == static_cast<size_t>(spec_.tail_length));
    rows_[row] = index;
    AddFinal(index.start, index.num_frames);
    return made_.file.WriteAt(
        made_.offsets[kTailSamplesDataset] + row * tail_samples.size_bytes(),
        std::as_bytes(tail_samples));
  }

  Result<void> SkipRow(size_t row, const ShardRow& index, uint64_t num_frames) {
    assert(row < rows_.size() && index.status != RowStatus::kStored);
    assert(index.num_frames == 0);
    static constexpr std::array<std::byte, size_t{64} << 10> kZeros{};
    const uint64_t num_bytes = num_frames * spec_.bytes_per_frame();
    for (uint64_t done = 0; done < num_bytes; done += kZeros.size()) {
      const auto piece = std::span(kZeros).first(static_cast<size_t>(
          std::min<uint64_t>(kZeros.size(), num_bytes - done)));
      const auto written = WriteFeatures(index.start, done, piece);
      if (!written.ok()) return written;
    }
    rows_[row] = index;
    AddFinal(index.start, num_frames);
    return {};
  }

  Result<Committed> Commit(std::optional<uint64_t> expected,
                           const std::optional<FileIdentity>& replaced) {
    auto written = WriteColumns();
    if (written.ok()) written = WriteFileChecksum();
    if (!written.ok()) return written.error();
    const auto checksum = ReadBack({FeatureBytes()});
    if (!checksum.ok()) return checksum.error();
    const Committed committed = {made_.num_bytes, checksum.value()};
    if (expected && *expected != committed.checksum) return committed;
    if (auto named = made_.file.Commit(replaced); !named.ok()) {
      return named.error();
    }
    return committed;
  }

 private:
  uint64_t FeaturesOffset(uint64_t start, uint64_t offset_bytes,
                          size_t num_bytes) const {
    const uint64_t begin = start * spec_.bytes_per_frame() + offset_bytes;
    assert(begin + num_bytes <= spec_.num_frames * spec_.bytes_per_frame());
    (void)num_bytes;  // unused in builds without asserts
    return made_.offsets[kFeaturesDataset] + begin;
  }

  SkippedBytes FeatureBytes() const {
    return {made_.offsets[kFeaturesDataset],
            spec_.num_frames * spec_.bytes_per_frame()};
  }

  // The checksum of the file under its temporary name. Nearly all that is read
  // is in the page cache.
  Result<uint64_t> ReadBack(std::initializer_list<SkippedBytes> skipped) const {
    const auto digest = DigestFile(TemporaryName(made_.file.path()), skipped);
    if (digest.ok()) return digest.value().checksum;
    return Error{
        ErrorCode::kMachineFault,
        "read back " + made_.file.path() + ": " + digest.error().message,
        digest.error().detail};
  }

  Result<void> WriteFileChecksum() {
    const uint64_t offset = made_.offsets[FileChecksumDataset(spec_)];
    const auto checksum =
        ReadBack({FeatureBytes(), {offset, sizeof(uint64_t)}});
    if (!checksum.ok()) return checksum.error();
    return made_.file.WriteAt(offset,
                              std::as_bytes(std::span(&checksum.value(), 1)));
  }

  void AddFinal(uint64_t start, uint64_t num_frames) {
    write_back_.AddFinal(start * spec_.bytes_per_frame(),
                         num_frames * spec_.bytes_per_frame(), &made_.file);
  }

  Result<void> WriteColumns() {
    std::vector<std::byte> bytes;
    const auto columns = ShardColumns(spec_);
    for (size_t c = 0; c < columns.size(); ++c) {
      bytes.clear();
      for (ShardRow& row : rows_) {
        const auto field = columns[c].field(row);
        bytes.insert(bytes.end(), field.begin(), field.end());
      }
      const auto written =
          made_.file.WriteAt(made_.offsets[kFirstColumn + c], bytes);
      if (!written.ok()) return written;
    }
    return {};
  }

  ShardSpec spec_;
  DurableH5File made_;
  std::vector<ShardRow> rows_;
  WriteBack write_back_;
};

ShardWriter::ShardWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardWriter::~ShardWriter() = default;
ShardWriter::ShardWriter(ShardWriter&&) noexcept = default;
ShardWriter& ShardWriter::operator=(ShardWriter&&) noexcept = default;

Result<ShardWriter> ShardWriter::Create(const std::string& path,
                                        const ShardSpec& spec) {
  assert(spec.num_rows > 0 && spec.num_frames > 0 && spec.n_mels > 0 &&
         spec.tail_length >= 0);
  auto made = CreateDurableH5File(path, ShardDatasets(spec),
                                  {{"format", kShardFormat},
                                   {"contract", spec.contract},
                                   {"producer", spec.producer},
                                   {"fingerprint", spec.fingerprint}});
  if (!made.ok()) return made.error();
  return ShardWriter(std::make_unique<Impl>(spec, std::move(made).value()));
}

uint64_t ShardWriter::num_bytes() const { return impl_->num_bytes(); }

Result<void> ShardWriter::WriteFeatures(uint64_t start, uint64_t offset_bytes,
                                        std::span<const std::byte> features) {
  return impl_->WriteFeatures(start, offset_bytes, features);
}

Result<void> ShardWriter::ReadFeatures(uint64_t start, uint64_t offset_bytes,
                                       std::span<std::byte> features) const {
  return impl_->ReadFeatures(start, offset_bytes, features);
}

Result<void> ShardWriter::FinishRow(size_t row, const ShardRow& index,
                                    std::span<const float> tail_samples) {
  return impl_->FinishRow(row, index, tail_samples);
}

Result<void> ShardWriter::SkipRow(size_t row, const ShardRow& index,
                                  uint64_t num_frames) {
  return impl_->SkipRow(row, index, num_frames);
}

Result<ShardWriter::Committed> ShardWriter::Commit(
    std::optional<uint64_t> expected,
    const std::optional<FileIdentity>& replaced) {
  const std::unique_ptr<Impl> impl = std::move(impl_);
  return impl->Commit(expected, replaced);
}

uint64_t EstimateShardBytes(const ShardSpec& spec) {
  uint64_t num_bytes = kFirstDatasetOffset + kMetadataBytes +
                       spec.contract.size() + spec.producer.size();
  for (const DatasetSpec& dataset : ShardDatasets(spec)) {
    num_bytes += dataset.num_bytes();
  }
  return num_bytes;
}

}  // namespace melmill
