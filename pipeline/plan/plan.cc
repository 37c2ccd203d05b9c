#include "pipeline/plan/plan.h"

namespace melmill {

uint64_t Plan::num_lines() const {
  uint64_t sum = 0;
  for (const SplitPlan& split : splits) sum += split.num_lines;
  return sum;
}

uint64_t Plan::num_rejected() const {
  uint64_t sum = 0;
  for (const SplitPlan& split : splits) sum += split.num_rejected;
  return sum;
}

uint64_t Plan::num_samples() const {
  uint64_t sum = 0;
  for (const SplitPlan& split : splits) sum += split.num_samples;
  return sum;
}

uint64_t Plan::bytes_per_frame() const {
  return config.features.bytes_per_frame();
}

ShardSpec Plan::MakeShardSpec(const PlannedShard& shard) const {
  ShardSpec spec;
  spec.contract = contract;
  spec.producer = producer;
  spec.fingerprint = ToHex(shard.fingerprint);
  spec.feature_type = config.features.feature_type;
  spec.n_mels = preset().log_mel.mel.n_mels;
  spec.tail_length = preset().log_mel.mel.n_fft;
  spec.num_rows = shard.num_rows;
  spec.num_frames = shard.num_frames;
  return spec;
}

bool Plan::IsShard(const PlannedShard& shard, const ShardSpec& spec) const {
  const ShardSpec wanted = MakeShardSpec(shard);
  return spec.contract == wanted.contract && spec.producer == wanted.producer &&
         spec.fingerprint == wanted.fingerprint &&
         spec.feature_type == wanted.feature_type &&
         spec.n_mels == wanted.n_mels &&
         spec.tail_length == wanted.tail_length &&
         spec.num_rows == wanted.num_rows &&
         spec.num_frames == wanted.num_frames;
}

}  // namespace melmill
