#include "store/shard/shard_reader.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "io/file/file_digest.h"
#include "io/file/system_calls.h"
#include "io/hash.h"
#include "store/hdf5/h5_contents.h"
#include "store/shard/shard_datasets.h"
#include "store/shard/without_features.h"

namespace melmill {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are read as they lie in memory");

Error Damaged(std::string what) {
  return Error{ErrorCode::kDamaged, std::move(what)};
}

// The shape of the shard, from the file's datasets and attributes.
Result<ShardSpec> ReadSpec(const H5Contents& contents) {
  const auto attribute = [&contents](std::string_view name) {
    const std::string* value = contents.FindAttribute(name);
    return value != nullptr ? *value : std::string();
  };
  if (attribute("format") != kShardFormat) {
    return Damaged("not a shard of this format");
  }
  ShardSpec spec;
  spec.contract = attribute("contract");
  spec.producer = attribute("producer");
  spec.fingerprint = attribute("fingerprint");
  const DatasetPlace* features = contents.FindDataset("features");
  const DatasetPlace* tail = contents.FindDataset("tail_samples");
  if (features == nullptr || features->spec.dims.size() != 2 ||
      tail == nullptr || tail->spec.dims.size() != 2) {
    return Damaged("no features or no tail samples");
  }
  constexpr uint64_t kMaxInt = std::numeric_limits<int>::max();
  const uint64_t n_mels = features->spec.dims[1];
  const uint64_t tail_length = tail->spec.dims[1];
  spec.num_frames = features->spec.dims[0];
  spec.num_rows = tail->spec.dims[0];
  if (n_mels > kMaxInt || tail_length > kMaxInt || n_mels == 0 ||
      spec.num_frames == 0 || spec.num_rows == 0) {
    return Damaged("impossible shapes of features or tail samples");
  }
  spec.n_mels = static_cast<int>(n_mels);
  spec.tail_length = static_cast<int>(tail_length);
  const auto* const type =
      std::ranges::find(kFeatureTypes, features->spec.type, FeatureElementType);
  if (type == kFeatureTypes.end()) return Damaged("features of another type");
  spec.feature_type = *type;
  spec.has_peaks = contents.FindDataset(kPeakColumn) != nullptr;
  return spec;
}

// The places of the datasets of a shard of this shape.
Result<std::vector<DatasetPlace>> FindDatasets(const H5Contents& contents,
                                               const ShardSpec& spec) {
  std::vector<DatasetPlace> places;
  for (const DatasetSpec& expected : ShardDatasets(spec)) {
    const DatasetPlace* place = contents.FindDataset(expected.name);
    if (place == nullptr || place->spec.type != expected.type ||
        place->spec.dims != expected.dims) {
      return Damaged("dataset " + expected.name +
                     ": missing or of another type or shape");
    }
    places.push_back(*place);
  }
  const DatasetPlace& features = places[kFeaturesDataset];
  if (features.offset != kFirstDatasetOffset) {
    return Damaged("the features do not start at byte " +
                   std::to_string(kFirstDatasetOffset));
  }
  if (places[FileChecksumDataset(spec)].offset <
      features.offset + features.spec.num_bytes()) {
    return Damaged("the checksum lies within the features");
  }
  return places;
}

Result<void> CheckRow(const ShardSpec& spec, const ShardRow& row) {
  const bool is_stored = row.status == RowStatus::kStored;
  if (!is_stored && row.status != RowStatus::kRejected &&
      row.status != RowStatus::kWithdrawn) {
    return Damaged("an unknown status");
  }
  if (is_stored != (row.num_frames > 0)) {
    return Damaged("a status that does not agree with its frames");
  }
  if (row.num_frames > spec.num_frames ||
      row.start > spec.num_frames - row.num_frames) {
    return Damaged("frames that are not in the shard");
  }
  return {};
}

Result<std::vector<ShardRow>> ReadRows(int fd, const ShardSpec& spec,
                                       std::span<const DatasetPlace> places) {
  // num_rows is bounded: the status column alone has a byte per row, and it
  // lies in the file.
  std::vector<ShardRow> rows(static_cast<size_t>(spec.num_rows));
  std::vector<std::byte> bytes;
  const auto columns = ShardColumns(spec);
  for (size_t c = 0; c < columns.size(); ++c) {
    const DatasetPlace& place = places[kFirstColumn + c];
    bytes.resize(static_cast<size_t>(place.spec.num_bytes()));
    const int error_number = ReadExactly(fd, place.offset, bytes);
    if (error_number != 0) return StoreReadError(error_number);
    const std::byte* next = bytes.data();
    for (ShardRow& row : rows) {
      const auto field = columns[c].field(row);
      std::memcpy(field.data(), next, field.size());
      next += field.size();
    }
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    if (auto checked = CheckRow(spec, rows[r]); !checked.ok()) {
      return Damaged("row " + std::to_string(r) + " has " +
                     checked.error().message);
    }
    if (!spec.has_peaks && rows[r].status == RowStatus::kStored) {
      rows[r].peak = kUnknownPeak;
    }
  }
  return rows;
}

}  // namespace

class ShardReader::Impl {
 public:
  Impl(std::string path_in, UniqueFd fd_in, uint64_t num_bytes_in,
       ShardSpec spec_in, const std::vector<DatasetPlace>& places,
       std::vector<ShardRow> rows_in)
      : path(std::move(path_in)),
        fd(std::move(fd_in)),
        num_bytes(num_bytes_in),
        spec(std::move(spec_in)),
        tail_offset(places[kTailSamplesDataset].offset),
        checksum_offset(places[FileChecksumDataset(spec)].offset),
        rows(std::move(rows_in)) {}

  uint64_t FeatureOffset(size_t row) const {
    return kFirstDatasetOffset + rows[row].start * spec.bytes_per_frame();
  }
  uint64_t FeatureBytes(size_t row) const {
    return rows[row].num_frames * spec.bytes_per_frame();
  }

  Result<void> FindUncleanRows(std::vector<size_t>* damaged) const;

  std::string path;
  UniqueFd fd;
  uint64_t num_bytes;
  ShardSpec spec;
  uint64_t tail_offset;
  uint64_t checksum_offset;
  std::vector<ShardRow> rows;

 private:
  Result<uint64_t> FindNonZero(uint64_t begin, uint64_t end) const;
};

ShardReader::ShardReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;
ShardReader& ShardReader::operator=(ShardReader&&) noexcept = default;

Result<ShardReader> ShardReader::Open(const std::string& path) {
  ReadableFile file = OpenForReading(path);
  if (file.error != 0) return StoreReadError(file.error);
  const auto contents = ReadH5Contents(path);
  if (!contents.ok()) return contents.error();
  if (contents.value().file_bytes != file.size_bytes) {
    return Damaged("the file changes while it is opened");
  }
  auto spec = ReadSpec(contents.value());
  if (!spec.ok()) return spec.error();
  const auto places = FindDatasets(contents.value(), spec.value());
  if (!places.ok()) return places.error();
  auto rows = ReadRows(file.fd.get(), spec.value(), places.value());
  if (!rows.ok()) return rows.error();
  return ShardReader(std::make_unique<Impl>(
      path, std::move(file.fd), file.size_bytes, std::move(spec).value(),
      places.value(), std::move(rows).value()));
}

const ShardSpec& ShardReader::spec() const { return impl_->spec; }
const std::vector<ShardRow>& ShardReader::rows() const { return impl_->rows; }
uint64_t ShardReader::num_bytes() const { return impl_->num_bytes; }

Result<std::vector<std::byte>> ShardReader::ReadFeatures(size_t row) const {
  assert(row < rows().size());
  std::vector<std::byte> features(
      static_cast<size_t>(impl_->FeatureBytes(row)));
  const int error_number =
      ReadExactly(impl_->fd.get(), impl_->FeatureOffset(row), features);
  if (error_number != 0) return StoreReadError(error_number);
  return features;
}

Result<std::vector<float>> ShardReader::ReadTailSamples(size_t row) const {
  assert(row < rows().size());
  std::vector<float> samples(static_cast<size_t>(spec().tail_length));
  const auto bytes = std::as_writable_bytes(std::span(samples));
  const int error_number = ReadExactly(
      impl_->fd.get(), impl_->tail_offset + row * bytes.size(), bytes);
  if (error_number != 0) return StoreReadError(error_number);
  return samples;
}

Result<uint64_t> ShardReader::CheckIndex() const {
  uint64_t expected = 0;
  const SkippedBytes features = {kFirstDatasetOffset,
                                 spec().num_frames * spec().bytes_per_frame()};
  const SkippedBytes own = {impl_->checksum_offset, sizeof(expected)};
  const int error_number =
      ReadExactly(impl_->fd.get(), own.offset,
                  std::as_writable_bytes(std::span(&expected, 1)));
  if (error_number != 0) return StoreReadError(error_number);
  const auto digest = DigestFile(impl_->path, {features, own});
  if (!digest.ok()) return digest.error();
  if (digest.value().checksum != expected) {
    return Damaged("its own checksum is wrong");
  }
  const auto known_outside = DigestFile(impl_->path, {features});
  if (!known_outside.ok()) return known_outside.error();
  return known_outside.value().checksum;
}

// Reads frames [begin, end) in pieces. Returns the first frame that is not
// zeros, or `end`.
Result<uint64_t> ShardReader::Impl::FindNonZero(uint64_t begin,
                                                uint64_t end) const {
  constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
  const uint64_t bytes_per_frame = spec.bytes_per_frame();
  const uint64_t piece_frames =
      std::max<uint64_t>(kPieceBytes / bytes_per_frame, 1);
  std::vector<std::byte> piece;
  while (begin < end) {
    const uint64_t num_frames = std::min(piece_frames, end - begin);
    piece.resize(static_cast<size_t>(num_frames * bytes_per_frame));
    const int error_number = ReadExactly(
        fd.get(), kFirstDatasetOffset + begin * bytes_per_frame, piece);
    if (error_number != 0) return StoreReadError(error_number);
    const auto bad = std::find_if(piece.begin(), piece.end(), [](std::byte b) {
      return b != std::byte{0};
    });
    if (bad != piece.end()) {
      return begin +
             static_cast<uint64_t>(bad - piece.begin()) / bytes_per_frame;
    }
    begin += num_frames;
  }
  return end;
}

// Checks rows without features, in the order of their slots. Only the start of
// the next row says how long a slot is.
Result<void> ShardReader::Impl::FindUncleanRows(
    std::vector<size_t>* damaged) const {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return std::pair(rows[a].start, a) < std::pair(rows[b].start, b);
  });
  uint64_t frame = 0;  // all frames before it were checked
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  size_t owner = kNone;  // the row of the unstored frames from there on
  const auto check_until = [&](uint64_t end) -> Result<void> {
    if (end <= frame) return {};
    const Result<uint64_t> bad = FindNonZero(frame, end);
    if (!bad.ok()) return bad.error();
    if (bad.value() == end) return {};
    if (owner == kNone) {
      return Damaged("frame " + std::to_string(bad.value()) +
                     " is of no row and not zeros");
    }
    damaged->push_back(owner);
    return {};
  };
  for (const size_t r : order) {
    const ShardRow& row = rows[r];
    if (auto checked = check_until(row.start); !checked.ok()) return checked;
    owner = row.status == RowStatus::kStored ? kNone : r;
    frame = std::max(frame, row.start + row.num_frames);
  }
  return check_until(spec.num_frames);
}

Result<std::vector<size_t>> ShardReader::FindDamagedRows(
    const std::function<bool()>& must_stop) const {
  if (LacksFeatures(impl_->path)) return MissingFeatures();
  std::vector<size_t> damaged;
  for (size_t r = 0; r < rows().size(); ++r) {
    if (rows()[r].status != RowStatus::kStored) continue;
    if (must_stop && must_stop()) return MachineFault("stopped", EINTR);
    const auto features = ReadFeatures(r);
    if (!features.ok()) return features.error();
    if (Xxh3_64(features.value()) != rows()[r].checksum) damaged.push_back(r);
  }
  const Result<void> found = impl_->FindUncleanRows(&damaged);
  if (!found.ok()) return found.error();
  std::sort(damaged.begin(), damaged.end());
  return damaged;
}

}  // namespace melmill
