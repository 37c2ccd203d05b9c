#ifndef MELMILL_PIPELINE_ROW_ROW_MARKS_H_
#define MELMILL_PIPELINE_ROW_ROW_MARKS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "io/hash.h"

namespace melmill {

// Records which row each thread works on, so that a crash or a hang can be
// attributed to it. A row is identified by its source (HashRowSource), which
// outlives runs and plans.

// Marks that the calling thread works on a row, until this object is destroyed.
// A thread works on one row at a time. The cost is a few memory writes. Up to
// 1,024 threads are watched at once.
class RowInWork {
 public:
  explicit RowInWork(const Hash128& source_hash);
  ~RowInWork();
  RowInWork(const RowInWork&) = delete;
  RowInWork& operator=(const RowInWork&) = delete;

  // Records that the calling thread has made progress with its row, if it has
  // one.
  static void Beat();
};

// Marks that the calling thread waits for a device. Its row does not count as
// hung, however long that takes.
class DeviceWait {
 public:
  DeviceWait();
  ~DeviceWait();
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
};

// The row of the calling thread, if it works on one. A signal handler may call
// this.
std::optional<Hash128> MarkedRow();

// Counts for how many calls of Look each thread has made no progress with its
// row. It counts calls rather than time: a process that was stopped for an hour
// has not hung. For one thread at a time.
class StillRows {
 public:
  StillRows();
  ~StillRows();

  // Returns a row that made no progress during the last max_looks calls, or
  // none if there is no such row.
  std::optional<Hash128> Look(int max_looks);

 private:
  struct Seen {
    uint64_t beats = 0;
    int num_looks = 0;
  };
  std::unique_ptr<Seen[]> seen_;  // one for each thread
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_MARKS_H_
