#include "tools/melmill/terminal/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/run_control.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

constexpr std::chrono::milliseconds kLookInterval(200);
constexpr std::chrono::minutes kLogInterval(1);
// Every preset has a hop of 10 ms.
constexpr int kFramesPerSecond = 100;

std::string FormatClock(double seconds) {
  const auto total = static_cast<long>(seconds + 0.5);
  if (total < 3600) return fmt::format("{}:{:02}", total / 60, total % 60);
  return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60,
                     total % 60);
}

}  // namespace

std::string DescribeProgress(const RunControl& control, double seconds) {
  switch (control.phase.load()) {
    case RunControl::Phase::kPlan:
      return fmt::format("planning: {} lines", control.lines_planned.load());
    case RunControl::Phase::kCheck:
      return fmt::format("checking: {} of {} shards",
                         control.shards_checked.load(),
                         control.shards_to_check.load());
    case RunControl::Phase::kCompareAudio:
      return fmt::format("comparing audio: {} of {}",
                         FormatBytes(control.audio_bytes_read.load()),
                         FormatBytes(control.audio_bytes_to_read.load()));
    case RunControl::Phase::kFinish:
      return "finishing";
    case RunControl::Phase::kExtract:
      break;
  }
  const auto done = static_cast<double>(control.frames_done.load());
  const auto all = static_cast<double>(control.frames_to_do.load());
  const double hours_done = Hours(done, kFramesPerSecond);
  std::string text = fmt::format("extracting: {:.2f} of {:.2f} h", hours_done,
                                 Hours(all, kFramesPerSecond));
  constexpr double kMinSeconds = 0.1;  // a rate over less time means nothing
  if (done > 0 && all > 0 && seconds > kMinSeconds) {
    const double real_time = hours_done * kSecondsPerHour / seconds;
    text += fmt::format(" ({:.0f} %), {:.0f} x real time, {} left",
                        100 * done / all, real_time,
                        FormatClock((all - done) / done * seconds));
  }
  return text;
}

ProgressText::ProgressText(const RunControl& control, Clock::duration interval,
                           Clock::time_point start)
    : control_(control),
      interval_(interval),
      phase_(control.phase),
      phase_start_(start),
      last_shown_(start) {}

std::optional<std::string> ProgressText::Next(Clock::time_point now) {
  const RunControl::Phase phase = control_.phase;
  if (phase != phase_) {
    phase_ = phase;
    phase_start_ = now;
  }
  if (now - last_shown_ < interval_) return std::nullopt;
  last_shown_ = now;
  const std::chrono::duration<double> elapsed = now - phase_start_;
  return DescribeProgress(control_, elapsed.count());
}

ProgressLine::ProgressLine(const RunControl& control)
    : control_(control),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      thread_([this] { Show(); }) {}

ProgressLine::~ProgressLine() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  thread_.join();
  if (is_terminal_) PrintMessage("\r\033[K");
}

void ProgressLine::PrintLine(const std::string& text) {
  const std::lock_guard lock(mutex_);
  PrintMessage(is_terminal_ ? "\r\033[K" + text : text);
}

// Shows once what a run that was asked to stop will complete.
void ProgressLine::ShowStopping() {
  const int num_shards = control_.shards_to_complete;
  if (has_shown_stopping_ || num_shards < 0) return;
  has_shown_stopping_ = true;
  const std::string text =
      num_shards == 0
          ? fmt::format("stopping: no shard in work can be completed in {} s\n",
                        RunControl::kGrace.count())
          : fmt::format(
                "stopping: completing {} {} in work, within {} s; another "
                "signal or Ctrl-C ends at once\n",
                num_shards, num_shards == 1 ? "shard" : "shards",
                RunControl::kGrace.count());
  PrintMessage(is_terminal_ ? "\r\033[K" + text : text);
}

void ProgressLine::Show() {
  using std::chrono::steady_clock;
  ProgressText progress(control_, is_terminal_ ? kLookInterval : kLogInterval,
                        steady_clock::now());
  std::unique_lock lock(mutex_);
  while (!ending_changed_.wait_for(lock, kLookInterval,
                                   [this] { return ending_; })) {
    ShowStopping();
    const std::optional<std::string> text = progress.Next(steady_clock::now());
    if (!text) continue;
    PrintMessage(is_terminal_ ? "\r\033[K" + *text : *text + '\n');
  }
  ShowStopping();
}

}  // namespace melmill
