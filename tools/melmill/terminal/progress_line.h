#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_PROGRESS_LINE_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_PROGRESS_LINE_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pipeline/setup/run_control.h"

namespace melmill {

// The progress in words: "extracting: 1,200 of 3,000 rows, 40 %, 5,200 x real
// time, 180 MB/s, 3 rejected, 0:12 left". `seconds` is the time since the phase
// began.
std::string DescribeProgress(const RunControl& control, double seconds);

// The same as a bar with as much beside it as fits into `width` columns.
// Colours take no column.
std::string DrawProgress(const RunControl& control, double seconds,
                         size_t width);

// The text of a run's progress, and when to show it. It has no thread of its
// own. Its user must ask often, since a phase begins when it is first seen.
class ProgressText {
 public:
  using Clock = std::chrono::steady_clock;
  using Draw = std::function<std::string(const RunControl&, double seconds)>;

  // A text is due after each `interval`.
  ProgressText(const RunControl& control, Draw draw, Clock::duration interval,
               Clock::time_point start);

  // Returns the text that is due at `now`, if one is.
  std::optional<std::string> Next(Clock::time_point now);

 private:
  const RunControl& control_;
  const Draw draw_;
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
