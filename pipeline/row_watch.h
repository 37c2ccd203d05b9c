#ifndef MELMILL_PIPELINE_ROW_WATCH_H_
#define MELMILL_PIPELINE_ROW_WATCH_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "io/hash.h"
#include "io/result.h"

namespace melmill {

// Knows which row each thread works on, so that a crash or a hang can be
// attributed to it. A row is identified by its source (HashRowSource), which
// outlives runs and plans.

// Marks that the calling thread works on a row, until this is destroyed; one
// row at a time. Costs a few memory writes. Up to 1,024 threads are watched at
// once.
class RowInWork {
 public:
  explicit RowInWork(const Hash128& source_hash);
  ~RowInWork();
  RowInWork(const RowInWork&) = delete;
  RowInWork& operator=(const RowInWork&) = delete;

  // The calling thread has made progress with its row, if it has one.
  static void Beat();
};

// The calling thread waits for a device: however long that takes, its row has
// not hung.
class DeviceWait {
 public:
  DeviceWait();
  ~DeviceWait();
  DeviceWait(const DeviceWait&) = delete;
  DeviceWait& operator=(const DeviceWait&) = delete;
};

// By row: the signal that ended the process, 0 for a hang.
using Suspects = std::map<Hash128, int>;

// While one exists, a thread that dies of SIGSEGV, SIGBUS, SIGABRT, SIGFPE or
// SIGILL, or makes no progress for too long, leaves a line with its row in a
// file. One at a time in a process.
class RowWatch {
 public:
  struct Options {
    std::string file;         // made when it is needed; empty: none
    double hang_seconds = 0;  // finite, above 0
    // Called on a thread of its own, once; should end the process.
    std::function<void(const Hash128& source_hash)> on_hung;
  };

  explicit RowWatch(Options options);
  ~RowWatch();
  RowWatch(const RowWatch&) = delete;
  RowWatch& operator=(const RowWatch&) = delete;

 private:
  void Watch();

  Options options_;
  std::mutex mutex_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  std::thread thread_;
};

// What is in such a file; lines that make no sense are left out. None if it
// does not exist. Errors: kMachineFault.
Result<Suspects> ReadSuspects(const std::string& file);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_WATCH_H_
