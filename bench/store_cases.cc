#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "bench/limits.h"
#include "bench/stages.h"
#include "io/hash.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_config.h"
#include "store/shard/shard_reader.h"
#include "store/shard/shard_writer.h"

namespace melmill {
namespace {

// A shard's rows, in memory. Its features have as many bytes as the disk limits
// are measured with.
class BenchShard {
 public:
  BenchShard(std::span<const BenchClip> clips, const LogMelOptions& options,
             const std::string& path)
      : path_(path) {
    const FeatureSpec features = MakeFeatureSpec();
    spec_.contract = features.Contract();
    spec_.producer = ProducerJson({});
    spec_.fingerprint = std::string(32, '0');
    spec_.feature_type = features.feature_type;
    spec_.n_mels = options.mel.n_mels;
    spec_.tail_length = options.mel.n_fft;
    const auto log_mel = MakeGeneralLogMel(options);
    for (const BenchClip& clip : clips) {
      if (num_bytes() >= kLimitBytes) break;
      AddClip(clip, *log_mel);
    }
    // Computed rows are repeated until there are enough bytes.
    const size_t num_clips = rows_.size();
    for (size_t i = 0; num_bytes() < kLimitBytes; ++i) {
      AddRow(rows_[i % num_clips]);
    }
  }

  uint64_t num_bytes() const {
    return spec_.num_frames * spec_.bytes_per_frame();
  }
  double audio_seconds() const { return audio_seconds_; }

  void Remove() const { std::filesystem::remove(path_); }

  void Write() const {
    Result<ShardWriter> writer = ShardWriter::Create(path_, spec_);
    if (!writer.ok()) throw std::runtime_error(writer.error().message);
    for (size_t r = 0; r < rows_.size(); ++r) {
      const Clip& clip = *rows_[r].clip;
      ShardRow index = rows_[r].index;
      index.checksum = Xxh3_64(clip.features);  // part of the work
      Result<void> written =
          writer.value().WriteFeatures(index.start, 0, clip.features);
      if (written.ok()) {
        written = writer.value().FinishRow(r, index, clip.tail_samples);
      }
      if (!written.ok()) throw std::runtime_error(written.error().message);
    }
    const auto committed = writer.value().Commit();
    if (!committed.ok()) throw std::runtime_error(committed.error().message);
  }

  BenchCheck Check() const {
    Remove();
    Write();
    const Result<ShardReader> reader = ShardReader::Open(path_);
    if (!reader.ok()) return {false, reader.error().message};
    const auto damaged = reader.value().FindDamagedRows();
    if (!damaged.ok()) return {false, damaged.error().message};
    if (reader.value().rows().size() != rows_.size()) {
      return {false, "another number of rows"};
    }
    for (size_t r = 0; r < rows_.size(); ++r) {
      ShardRow expected = rows_[r].index;
      expected.checksum = rows_[r].clip->checksum;
      if (reader.value().rows()[r] != expected) {
        return {false, fmt::format("row {} is another one", r)};
      }
    }
    if (!damaged.value().empty()) {
      return {false, fmt::format("row {} is damaged", damaged.value()[0])};
    }
    return {true, "read back, every checksum right"};
  }

 private:
  struct Clip {
    std::vector<std::byte> features;
    std::vector<float> tail_samples;
    uint64_t checksum = 0;
    double duration_s = 0;
  };
  struct Row {
    std::shared_ptr<const Clip> clip;
    ShardRow index;
  };

  void AddClip(const BenchClip& source, const LogMel& log_mel) {
    const SampleVector samples =
        Resample(DecodeClip(source), source.header.sample_rate_hz,
                 log_mel.options().mel.sample_rate_hz);
    const auto num_samples = static_cast<int64_t>(samples.size());
    const int64_t num_frames = NumFrames(log_mel.options(), num_samples);
    Clip clip;
    clip.features.resize(static_cast<size_t>(num_frames) *
                         spec_.bytes_per_frame());
    clip.duration_s = source.duration_s();
    const auto workspace = log_mel.MakeWorkspace();
    const ClipLevels levels =
        log_mel.Compute(samples, spec_.feature_type, clip.features, *workspace);
    clip.checksum = Xxh3_64(clip.features);
    clip.tail_samples.resize(static_cast<size_t>(spec_.tail_length));
    std::copy(samples.end() - static_cast<std::ptrdiff_t>(std::min(
                                  samples.size(), clip.tail_samples.size())),
              samples.end(), clip.tail_samples.begin());
    Row row;
    row.index.num_frames = static_cast<uint32_t>(num_frames);
    row.index.num_samples = static_cast<uint64_t>(num_samples);
    row.index.body_max = levels.body_max;
    row.index.floor = levels.floor;
    row.index.status = RowStatus::kStored;
    row.index.source_rate = static_cast<uint32_t>(source.header.sample_rate_hz);
    row.index.source_channels =
        static_cast<uint32_t>(source.header.num_channels);
    row.index.source_num_samples =
        static_cast<uint64_t>(source.header.num_samples);
    row.clip = std::make_shared<const Clip>(std::move(clip));
    AddRow(std::move(row));
  }

  void AddRow(Row row) {
    row.index.start = spec_.num_frames;
    spec_.num_frames += row.index.num_frames;
    spec_.num_rows += 1;
    audio_seconds_ += row.clip->duration_s;
    rows_.push_back(std::move(row));
  }

  std::string path_;
  ShardSpec spec_;
  std::vector<Row> rows_;
  double audio_seconds_ = 0;
};

}  // namespace

std::vector<BenchCase> MakeStoreCases(std::span<const BenchClip> clips,
                                      const LogMelOptions& options,
                                      const std::string& folder) {
  const auto shard =
      std::make_shared<const BenchShard>(clips, options, folder + "/shard.h5");
  BenchCase result;
  result.stage = "store";
  result.variant = "one shard";
  result.input = "float16 features";
  result.audio_seconds = shard->audio_seconds();
  result.bytes_read = shard->num_bytes();
  result.bytes_written = shard->num_bytes();
  result.limit = BenchLimit::kDiskWrite;
  result.check = [shard] { return shard->Check(); };
  result.prepare = [shard] { shard->Remove(); };
  result.pass = [shard](size_t) { shard->Write(); };
  return {std::move(result)};
}

}  // namespace melmill
