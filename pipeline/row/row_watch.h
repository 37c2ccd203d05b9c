#ifndef MELMILL_PIPELINE_ROW_ROW_WATCH_H_
#define MELMILL_PIPELINE_ROW_ROW_WATCH_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "io/hash.h"

namespace melmill {

// While a RowWatch exists, a thread that dies of SIGSEGV, SIGBUS, SIGABRT,
// SIGFPE or SIGILL, or makes no progress for too long, leaves a line with its
// row in a file. A process may have only one at a time.
class RowWatch {
 public:
  struct Options {
    std::string file;         // created when needed; no file if empty
    double hang_seconds = 0;  // must be finite and above 0
    // Called once, on a thread of its own. It should end the process.
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
