#ifndef MELMILL_PIPELINE_ROW_ROW_PASS_H_
#define MELMILL_PIPELINE_ROW_ROW_PASS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "io/file/byte_source.h"
#include "io/hash.h"
#include "io/result.h"
#include "io/sound/sound_header.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/feature_spec.h"
#include "store/shard/shard.h"

namespace melmill {

// Only row_computer.cc and row_pass.cc may include this.

// Files are read in blocks of this size; most clips are one block.
inline constexpr size_t kBlockBytes = RowComputer::kMaxInputBytes;

// They are decoded in smaller blocks, so that the output of one step is still
// in the first- or second-level cache when the next step reads it.
inline constexpr size_t kDecodeBytes = size_t{64} << 10;
inline constexpr size_t kDecodeSamples = size_t{64}
                                         << 10;  // at the feature rate

// How much of a long file is requested ahead of the block that is read.
inline constexpr uint64_t kReadAheadBytes = uint64_t{8} << 20;

// A row with more feature bytes is written piece by piece, and clamped when its
// maximum is known.
inline constexpr uint64_t kMaxBufferedFeatureBytes = uint64_t{4} << 20;

Error ChangedSincePlan();

// Asks whether the row is still wanted. Error: kStopped if not.
Result<void> AskPermit(const RowTask& task);

// Takes one row from the bytes of its file to its sink.
class RowPass {
 public:
  RowPass(const FeatureSpec& features, const LogMel& log_mel,
          const RowTask& task, RowInput* input, FeatureSink* sink,
          RowWorkspace* workspace)
      : log_mel_(log_mel),
        options_(features.log_mel()),
        type_(features.feature_type),
        frame_bytes_(static_cast<size_t>(options_.mel.n_mels) *
                     FeatureSize(type_)),
        computed_frame_bytes_(static_cast<size_t>(options_.mel.n_mels) *
                              ComputedSize(type_)),
        task_(task),
        header_(task.source.header),
        data_begin_(task.source.own_data_offset()),
        data_end_(data_begin_ + task.source.own_data_bytes()),
        input_(*input),
        sink_(*sink),
        ws_(*workspace) {}

  Result<ShardRow> Compute();

 private:
  class FileBytes;

  size_t DecodeStepSamples() const;
  size_t DecodeStepBytes() const;
  size_t MaxWindowSamples() const;
  bool is_buffered() const {
    return static_cast<uint64_t>(task_.source.num_frames) *
               computed_frame_bytes_ <=
           kMaxBufferedFeatureBytes;
  }

  void StartSamples();
  Result<void> FinishSamples();
  Result<void> CheckHeader();
  Result<void> ReadBlock(uint64_t position, uint64_t end);
  Result<std::span<const std::byte>> NextGroups(uint64_t position);
  Result<void> DecodeBlock(std::span<const std::byte> bytes, uint64_t position);
  int64_t AddToPeak(std::span<const float> mono);
  Result<void> AddSamples(std::span<const float> mono);
  Result<void> DecodeAll();
  Result<void> HashFile();
  Result<void> DecodeCoded();
  Result<void> CheckUnchanged() const;
  Result<void> DecodeHashed();
  Result<void> DecodeCodedSegment();
  Result<void> AddDecoded(std::span<const float> mono, int64_t num_before);
  std::span<const int16_t> Pcm16InPlace();
  template <typename Sample>
  Result<void> ComputePiece(const ClipWindow<Sample>& clip, int64_t count);
  Result<void> ComputePieces(bool is_whole);
  std::span<std::byte> Clamp(std::span<std::byte> features) const;
  std::span<std::byte> CountPiece(std::span<std::byte> features);
  Result<void> FinishFeatures();
  Result<void> ClampLongRow();

  const LogMel& log_mel_;
  const LogMelOptions& options_;
  const FeatureType type_;
  const size_t frame_bytes_;           // as stored
  const size_t computed_frame_bytes_;  // before they are clamped
  const RowTask& task_;
  const SoundHeader& header_;
  const uint64_t data_begin_;  // the row's samples in the file
  const uint64_t data_end_;
  RowInput& input_;
  FeatureSink& sink_;
  RowWorkspace& ws_;

  Hasher128 source_hasher_;
  std::optional<Hash128> segment_hash_;  // of a segment of a coded file
  FrameMaxima maxima_;
  int64_t next_frame_ = 0;
  uint64_t feature_checksum_ = 0;
  float peak_ = 0;
  std::vector<uint16_t> piece_bases_;  // of a long row of bytes
};

// The row's file, read through the input's block. For the pass's thread only.
class RowPass::FileBytes : public ByteSource {
 public:
  explicit FileBytes(RowPass* pass) : pass_(*pass) {}

  uint64_t size_bytes() const override {
    return pass_.input_.file_->size_bytes();
  }
  // Also returns kStopped.
  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override;

 private:
  RowPass& pass_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_PASS_H_
