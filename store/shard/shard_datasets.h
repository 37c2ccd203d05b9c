#ifndef MELMILL_STORE_SHARD_SHARD_DATASETS_H_
#define MELMILL_STORE_SHARD_SHARD_DATASETS_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "store/hdf5/h5_file.h"
#include "store/shard/shard.h"

namespace melmill {

// What ShardWriter and ShardReader agree on: the datasets of a shard, in the
// order of the file, and the field of ShardRow for each column. Only these two
// may include this.

inline constexpr char kShardFormat[] = "melmill shard 1";
inline constexpr char kPeakColumn[] = "peak";  // of shards with peaks

enum ShardDataset : size_t {
  kFeaturesDataset,
  kTailSamplesDataset,
  kFirstColumn,
};

// A column of the index. Its values are copied from and to a field of ShardRow.
struct ShardColumn {
  const char* name;
  ElementType type;
  std::span<std::byte> (*field)(ShardRow& row);

  std::vector<uint64_t> Dims(uint64_t num_rows) const {
    ShardRow row;
    const uint64_t num_values = field(row).size() / ElementSize(type);
    if (num_values == 1) return {num_rows};
    return {num_rows, num_values};
  }
};

namespace shard_layout_internal {

template <auto kMember>
std::span<std::byte> Field(ShardRow& row) {
  return std::as_writable_bytes(std::span(&(row.*kMember), 1));
}

}  // namespace shard_layout_internal

// The columns in the order of the file. reject_detail is stored in two's
// complement, as it is in memory.
inline std::span<const ShardColumn> ShardColumns(const ShardSpec& spec) {
  using shard_layout_internal::Field;
  static constexpr ShardColumn kColumns[] = {
      {"start", ElementType::kU64, Field<&ShardRow::start>},
      {"num_frames", ElementType::kU32, Field<&ShardRow::num_frames>},
      {"num_samples", ElementType::kU64, Field<&ShardRow::num_samples>},
      {"body_max", ElementType::kF32, Field<&ShardRow::body_max>},
      {"floor", ElementType::kF32, Field<&ShardRow::floor>},
      {"status", ElementType::kU8, Field<&ShardRow::status>},
      {"checksum", ElementType::kU64, Field<&ShardRow::checksum>},
      {"source_rate", ElementType::kU32, Field<&ShardRow::source_rate>},
      {"source_channels", ElementType::kU32, Field<&ShardRow::source_channels>},
      {"source_num_samples", ElementType::kU64,
       Field<&ShardRow::source_num_samples>},
      {"source_checksum", ElementType::kU8, Field<&ShardRow::source_checksum>},
      {"reject_code", ElementType::kU8, Field<&ShardRow::reject_code>},
      {"reject_detail", ElementType::kU64, Field<&ShardRow::reject_detail>},
      {kPeakColumn, ElementType::kF32, Field<&ShardRow::peak>},
  };
  const std::span<const ShardColumn> columns = kColumns;
  return spec.has_peaks ? columns : columns.first(columns.size() - 1);
}

// The dataset after the columns holds the XXH3-64 of all bytes of the file that
// are neither in /features nor in this dataset.
inline size_t FileChecksumDataset(const ShardSpec& spec) {
  return kFirstColumn + ShardColumns(spec).size();
}

inline ElementType FeatureElementType(FeatureType type) {
  switch (type) {
    case FeatureType::kFloat16:
      return ElementType::kF16;
    case FeatureType::kFloat32:
      return ElementType::kF32;
    case FeatureType::kBfloat16:
      return ElementType::kBF16;
    case FeatureType::kUint8:
      return ElementType::kU8;
  }
  assert(false);
  return ElementType::kU8;
}

// All datasets of a shard of this shape.
inline std::vector<DatasetSpec> ShardDatasets(const ShardSpec& spec) {
  const auto n_mels = static_cast<uint64_t>(spec.n_mels);
  const auto tail_length = static_cast<uint64_t>(spec.tail_length);
  std::vector<DatasetSpec> datasets = {
      {"features",
       FeatureElementType(spec.feature_type),
       {spec.num_frames, n_mels}},
      {"tail_samples", ElementType::kF32, {spec.num_rows, tail_length}}};
  for (const ShardColumn& column : ShardColumns(spec)) {
    datasets.push_back({column.name, column.type, column.Dims(spec.num_rows)});
  }
  datasets.push_back({"file_checksum", ElementType::kU64, {1}});
  return datasets;
}

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_DATASETS_H_
