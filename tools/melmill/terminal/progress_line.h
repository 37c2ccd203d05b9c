#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_PROGRESS_LINE_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_PROGRESS_LINE_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pipeline/setup/run_control.h"

namespace melmill {

// The progress in words: "extracting: 1.20 of 3.00 h (40 %), 5200 x real time,
// 0:12 left".
std::string DescribeProgress(const RunControl& control, double seconds);

// The text of a run's progress, and when to show it. It has no thread of its
// own. Its user must ask often, since a phase begins when it is first seen.
class ProgressText {
 public:
  using Clock = std::chrono::steady_clock;

  // A text is due after each `interval`.
  ProgressText(const RunControl& control, Clock::duration interval,
               Clock::time_point start);

  // Returns the text that is due at `now`, if one is.
  std::optional<std::string> Next(Clock::time_point now);

 private:
  const RunControl& control_;
  const Clock::duration interval_;
  RunControl::Phase phase_;
  Clock::time_point phase_start_;
  Clock::time_point last_shown_;
};

// Shows a run's progress on standard error, from a thread of its own, until it
// is destroyed. On a terminal it is one line that is overwritten, elsewhere a
// new line every minute.
class ProgressLine {
 public:
  explicit ProgressLine(const RunControl& control);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Prints text that stays, in place of the progress line.
  void PrintLine(const std::string& text);

 private:
  void Show();
  void ShowStopping();

  const RunControl& control_;
  const bool is_terminal_;
  std::mutex mutex_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  bool has_shown_stopping_ = false;  // only for thread_
  std::thread thread_;
};

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_PROGRESS_LINE_H_
