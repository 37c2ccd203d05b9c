#include "pipeline/plan/decode_cost.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "pipeline/plan/speed_estimate.h"
#include "store/plan/plan_row.h"

namespace melmill {
namespace {

// A file decoded up to some sample.
struct Decode {
  double sound_s = 0;
  double processor_s = 0;

  explicit Decode(const Source& source) {
    SoundHeader header = source.header;
    header.num_samples = source.segment_start + source.segment_num_samples;
    sound_s = static_cast<double>(header.num_samples) / header.sample_rate_hz;
    processor_s = DecodeSeconds(header);
  }
};

class DecodeCounter {
 public:
  // `bytes_of_shard` is what a shard has of features.
  DecodeCounter(std::vector<uint64_t> sources, double bytes_per_frame,
                double bytes_of_shard)
      : sources_(std::move(sources)),
        shards_per_frame_(bytes_per_frame / bytes_of_shard) {
    KeepRepeated();
    files_.resize(sources_.size());
  }

  void Add(const Source& source, uint64_t identity) {
    ++cost_.num_segments;
    cost_.segment_s += static_cast<double>(source.segment_num_samples) /
                       source.header.sample_rate_hz;
    const Decode decode(source);
    const double shards =
        static_cast<double>(source.num_frames) * shards_per_frame_;
    const auto found =
        std::lower_bound(sources_.begin(), sources_.end(), identity);
    if (found == sources_.end() || *found != identity) {
      AddDecode(decode);
      cost_.sorted_s += decode.sound_s;
      return;
    }
    const auto index = static_cast<size_t>(found - sources_.begin());
    File& file = files_[index];
    file.shards += static_cast<float>(shards);
    file.end_s = std::max(file.end_s, static_cast<float>(decode.sound_s));
    const auto [in_shard, is_new] = in_shard_.emplace(index, decode);
    if (!is_new && in_shard->second.sound_s < decode.sound_s) {
      in_shard->second = decode;
    }
  }

  void EndShard() {
    for (const auto& [index, decode] : in_shard_) {
      AddDecode(decode);
      File& file = files_[index];
      if (file.num_decodes < 2 && ++file.num_decodes == 2) {
        ++cost_.num_files_decoded_again;
      }
    }
    in_shard_.clear();
  }

  // In sorted rows, a file whose segments fill x shards is cut into x + 1
  // parts on average, and each part decodes from the file's beginning.
  DecodeCost Finish() {
    for (const File& file : files_) {
      cost_.sorted_s += double{file.end_s} * (1 + double{file.shards} / 2);
    }
    return cost_;
  }

 private:
  // A file with several segments. Its numbers are for an estimate.
  struct File {
    float end_s = 0;          // of its last segment
    float shards = 0;         // that its segments fill
    uint8_t num_decodes = 0;  // at most 2
  };

  // Keeps what occurs more than once.
  void KeepRepeated() {
    std::sort(sources_.begin(), sources_.end());
    size_t num_kept = 0;
    for (size_t i = 1; i < sources_.size(); ++i) {
      const uint64_t source = sources_[i];
      if (source != sources_[i - 1]) continue;
      if (num_kept > 0 && sources_[num_kept - 1] == source) continue;
      sources_[num_kept++] = source;
    }
    sources_.resize(num_kept);
  }

  void AddDecode(const Decode& decode) {
    cost_.decoded_s += decode.sound_s;
    cost_.processor_s += decode.processor_s;
  }

  std::vector<uint64_t> sources_;  // sorted, each once
  std::vector<File> files_;        // of each of them
  const double shards_per_frame_;
  std::map<size_t, Decode> in_shard_;  // the longest of each file
  DecodeCost cost_;
};

}  // namespace

Result<DecodeCost> CountDecodes(const Plan& plan, const PlannedFiles& files,
                                uint64_t bytes_per_frame,
                                std::vector<uint64_t> sources) {
  DecodeCounter counter(std::move(sources),
                        static_cast<double>(bytes_per_frame),
                        static_cast<double>(plan.shard_target_bytes));
  size_t shard = 0;
  const Result<void> visited =
      ForEachPlannedRow(*plan.rows, files,
                        [&](uint64_t number, const PlanRow& row,
                            const PlannedFile& file) -> Result<void> {
                          if (number >= plan.shards[shard].end_row) {
                            counter.EndShard();
                            while (number >= plan.shards[shard].end_row)
                              ++shard;
                          }
                          if (row.source.is_coded_segment()) {
                            counter.Add(row.source, file.identity);
                          }
                          return {};
                        });
  if (!visited.ok()) return visited.error();
  counter.EndShard();
  return counter.Finish();
}

}  // namespace melmill
