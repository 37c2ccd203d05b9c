#ifndef MELMILL_PIPELINE_ROW_ROW_WATCH_H_
#define MELMILL_PIPELINE_ROW_ROW_WATCH_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "io/hash.h"

namespace melmill {

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

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_WATCH_H_
