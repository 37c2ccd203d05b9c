#ifndef MELMILL_PIPELINE_ROW_WORK_PERMIT_H_
#define MELMILL_PIPELINE_ROW_WORK_PERMIT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "pipeline/setup/run_control.h"

namespace melmill {

// Tells rows in work, before each piece (30 s of audio, or a block of their
// file), whether they are still wanted. All rows of a shard share one permit,
// which must outlive them. Thread-safe.
class WorkPermit {
 public:
  // Once a stop is requested, each call of MayGoOn calls `on_stop`, from any
  // thread. `on_stop` may call Revoke.
  explicit WorkPermit(const RunControl& control,
                      std::function<void()> on_stop = {})
      : control_(control), on_stop_(std::move(on_stop)) {}
  WorkPermit(const WorkPermit&) = delete;
  WorkPermit& operator=(const WorkPermit&) = delete;

  // Returns false once the permit is revoked or the grace of a stopped run is
  // over. The row should then end with kStopped.
  bool MayGoOn() const {
    if (control_.stop_requested() && on_stop_) on_stop_();
    return !is_revoked_ && !control_.grace_is_over();
  }
  void Revoke() { is_revoked_ = true; }

  void AddFrames(uint64_t num_frames) { num_frames_ += num_frames; }
  // The frames computed so far, including those of incomplete rows.
  uint64_t num_frames() const { return num_frames_; }

 private:
  const RunControl& control_;
  std::function<void()> on_stop_;
  std::atomic<bool> is_revoked_{false};
  std::atomic<uint64_t> num_frames_{0};
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_WORK_PERMIT_H_
