#ifndef MELMILL_PIPELINE_ROW_ROW_MARKS_H_
#define MELMILL_PIPELINE_ROW_ROW_MARKS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "io/hash.h"

namespace melmill {

// Which row each thread works on, so that a crash or a hang can be laid at a
// row's door. A row is known by its source (HashRowSource), which outlives
// runs and plans.

// The calling thread works on a row until this is destroyed; one at a time.
// Costs a few stores. Up to 1,024 threads are watched at once.
class RowInWork {
 public:
  explicit RowInWork(const Hash128& source_hash);
  ~RowInWork();
  RowInWork(const RowInWork&) = delete;
  RowInWork& operator=(const RowInWork&) = delete;

  // The calling thread has got on with its row, if it has one.
  static void Beat();
};

// The calling thread waits for a device, however long: that is not the fault
// of its row.
class DeviceWait {
 public:
  DeviceWait();
  ~DeviceWait();
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
};

// The row of the calling thread, if it works on one. A signal handler may call
// it.
std::optional<Hash128> MarkedRow();

// How long each thread has stood still in its row, in calls of Look: a process
// that was stopped for an hour has not hung. For one thread at a time.
class StillRows {
 public:
  StillRows();
  ~StillRows();

  // A row that made no step between this call and the max_looks before it;
  // none if there is no such row.
  std::optional<Hash128> Look(int max_looks);

 private:
  struct Seen {
    uint64_t beats = 0;
    int num_looks = 0;
  };
  std::unique_ptr<Seen[]> seen_;  // by thread
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_MARKS_H_
