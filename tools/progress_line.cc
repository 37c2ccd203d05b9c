#include "tools/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tools/console.h"

namespace melmill {
namespace {

using std::chrono::steady_clock;

constexpr auto kLookInterval = std::chrono::milliseconds(200);
constexpr auto kLogInterval = std::chrono::minutes(1);
// Every preset has a hop of 10 ms.
constexpr double kFramesPerHour = 100.0 * 3600;

std::string Clock(double seconds) {
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
    case RunControl::Phase::kFinish:
      return "finishing";
    case RunControl::Phase::kExtract:
      break;
  }
  const auto done = static_cast<double>(control.frames_done.load());
  const auto all = static_cast<double>(control.frames_to_do.load());
  std::string text = fmt::format("extracting: {:.2f} of {:.2f} h",
                                 done / kFramesPerHour, all / kFramesPerHour);
  constexpr double kMinSeconds = 0.1;  // a rate over less says nothing
  if (done > 0 && all > 0 && seconds > kMinSeconds) {
    const double real_time = done / kFramesPerHour * 3600 / seconds;
    text += fmt::format(" ({:.0f} %), {:.0f} x real time, {} left",
                        100 * done / all, real_time,
                        Clock((all - done) / done * seconds));
  }
  return text;
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

// Once a run that is asked to stop has shards to complete.
void ProgressLine::ShowStopping() {
  const std::string text = fmt::format(
      "stopping: completing the shards in work, for {} s at most; once more "
      "to end at once\n",
      RunControl::kGrace.count());
  PrintMessage(is_terminal_ ? "\r\033[K" + text : text);
}

void ProgressLine::Show() {
  auto phase = control_.phase.load();
  auto phase_start = steady_clock::now();
  auto last_shown = phase_start;
  bool is_stopping = false;
  std::unique_lock lock(mutex_);
  while (!ending_changed_.wait_for(lock, kLookInterval,
                                   [this] { return ending_; })) {
    if (control_.stop_requested() && !is_stopping &&
        control_.phase.load() == RunControl::Phase::kExtract) {
      is_stopping = true;
      ShowStopping();
    }
    if (!is_terminal_ && steady_clock::now() - last_shown < kLogInterval) {
      continue;
    }
    last_shown = steady_clock::now();
    if (control_.phase.load() != phase) {
      phase = control_.phase.load();
      phase_start = steady_clock::now();
    }
    const std::chrono::duration<double> elapsed =
        steady_clock::now() - phase_start;
    const std::string text = DescribeProgress(control_, elapsed.count());
    PrintMessage(is_terminal_ ? "\r\033[K" + text : text + '\n');
  }
}

}  // namespace melmill
