#include "pipeline/plan/planned_work.h"

#include "io/hash.h"

namespace melmill {

ShardSpec PlannedWork::SpecOf(const PlannedShard& shard) const {
  const MelFilterBankOptions& mel = features.log_mel().mel;
  ShardSpec spec;
  spec.contract = plan.contract;
  spec.producer = plan.producer;
  spec.fingerprint = ToHex(shard.fingerprint);
  spec.feature_type = features.feature_type;
  spec.n_mels = mel.n_mels;
  spec.tail_length = mel.n_fft;
  spec.num_rows = shard.num_rows;
  spec.num_frames = shard.num_frames;
  return spec;
}

bool PlannedWork::IsShard(const PlannedShard& shard,
                          const ShardSpec& spec) const {
  const ShardSpec wanted = SpecOf(shard);
  return spec.contract == wanted.contract && spec.producer == wanted.producer &&
         spec.fingerprint == wanted.fingerprint &&
         spec.feature_type == wanted.feature_type &&
         spec.n_mels == wanted.n_mels &&
         spec.tail_length == wanted.tail_length &&
         spec.num_rows == wanted.num_rows &&
         spec.num_frames == wanted.num_frames;
}

}  // namespace melmill
