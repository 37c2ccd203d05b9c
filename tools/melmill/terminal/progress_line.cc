#include "tools/melmill/terminal/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/run_control.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/terminal/color.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/terminal/terminal_size.h"

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

// The parts of an extraction's progress; parts that are not known are empty.
struct Extraction {
  double share = 0;  // from 0 to 1
  std::string percent;
  std::string rows;      // "120 of 3,000 rows"
  std::string rejected;  // "3 rejected"
  std::string speed;     // "5,200 x real time"
  std::string rate;      // "180 MB/s" of audio files
  std::string left;      // "0:12 left"
};

Extraction Look(const RunControl& control, double seconds) {
  const auto done = static_cast<double>(control.frames_done.load());
  const auto all = static_cast<double>(control.frames_to_do.load());
  Extraction extraction;
  extraction.rows =
      fmt::format("{} of {}", FormatCount(control.rows_done.load()),
                  Counted(control.rows_to_do.load(), "row"));
  if (const uint64_t num_rejected = control.lines_rejected) {
    extraction.rejected = FormatCount(num_rejected) + " rejected";
  }
  if (all > 0) {
    extraction.share = done / all;
    extraction.percent = fmt::format("{:3.0f} %", 100 * done / all);
  }
  constexpr double kMinSeconds = 0.1;  // a rate over less time means nothing
  if (done <= 0 || all <= 0 || seconds <= kMinSeconds) return extraction;
  const double real_time = done / kFramesPerSecond / seconds;
  extraction.speed = fmt::format(
      "{} x real time", FormatCount(static_cast<uint64_t>(real_time + 0.5)));
  extraction.rate = fmt::format(
      "{:.0f} MB/s",
      static_cast<double>(control.bytes_done.load()) / seconds / 1e6);
  extraction.left = FormatClock((all - done) / done * seconds) + " left";
  return extraction;
}

}  // namespace

std::string DescribeProgress(const RunControl& control, double seconds) {
  switch (control.phase.load()) {
    case RunControl::Phase::kPlan:
      return fmt::format("planning: {}",
                         Counted(control.lines_planned.load(), "line"));
    case RunControl::Phase::kCheck:
      return fmt::format("checking: {} of {}",
                         FormatCount(control.shards_checked.load()),
                         Counted(control.shards_to_check.load(), "shard"));
    case RunControl::Phase::kCompareAudio:
      return fmt::format("comparing audio: {} of {}",
                         FormatBytes(control.audio_bytes_read.load()),
                         FormatBytes(control.audio_bytes_to_read.load()));
    case RunControl::Phase::kFinish:
      return "finishing";
    case RunControl::Phase::kExtract:
      break;
  }
  const Extraction extraction = Look(control, seconds);
  std::string text = "extracting: " + extraction.rows;
  for (const std::string& part :
       {extraction.percent, extraction.speed, extraction.rate,
        extraction.rejected, extraction.left}) {
    if (!part.empty()) text += ", " + part;
  }
  return text;
}

std::string DrawProgress(const RunControl& control, double seconds,
                         size_t width) {
  if (control.phase != RunControl::Phase::kExtract) {
    return DescribeProgress(control, seconds).substr(0, width);
  }
  const Extraction extraction = Look(control, seconds);
  if (width < 14) return extraction.percent.substr(0, width);
  // What is most wanted comes first; what finds no room is left out.
  constexpr size_t kMinBar = 10;
  constexpr size_t kMaxBar = 30;
  size_t room = width > kMinBar + 3 ? width - kMinBar - 3 : 0;
  std::array<const std::string*, 6> by_need = {
      &extraction.percent, &extraction.left,  &extraction.rejected,
      &extraction.rows,    &extraction.speed, &extraction.rate};
  std::set<const std::string*> shown;
  for (const std::string* part : by_need) {
    if (part->empty() || part->size() + 2 > room) continue;
    room -= part->size() + 2;
    shown.insert(part);
  }
  const size_t bar = std::min(kMinBar + room, kMaxBar);
  const auto filled = static_cast<size_t>(
      std::clamp(extraction.share, 0.0, 1.0) * static_cast<double>(bar));
  std::string done(filled, '=');
  if (filled < bar) done += '>';
  std::string text = "[";
  text += Styled(Style::kBar, done);
  text.append(bar - std::min(filled + 1, bar), ' ');
  text += ']';
  for (const std::string* part :
       {&extraction.percent, &extraction.rows, &extraction.speed,
        &extraction.rate, &extraction.rejected, &extraction.left}) {
    if (!shown.contains(part)) continue;
    text += "  " + (part == &extraction.rejected ? Styled(Style::kError, *part)
                                                 : *part);
  }
  return text;
}

ProgressText::ProgressText(const RunControl& control, Draw draw,
                           Clock::duration interval, Clock::time_point start)
    : control_(control),
      draw_(std::move(draw)),
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
  return draw_(control_, elapsed.count());
}

namespace {

// Whether standard error is a terminal that can erase a line.
bool CanRedraw() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// The terminal may have another width each time. Its last column stays free:
// some terminals start a new line as soon as it is written.
std::string DrawOnTerminal(const RunControl& control, double seconds) {
  return DrawProgress(control, seconds, TerminalColumns(STDERR_FILENO) - 1);
}

}  // namespace

ProgressLine::ProgressLine(const RunControl& control)
    : control_(control),
      is_terminal_(CanRedraw()),
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
  const auto grace = std::chrono::ceil<std::chrono::seconds>(control_.grace);
  const std::string text =
      num_shards == 0
          ? fmt::format("stopping: no shard in work can be completed in {} s\n",
                        grace.count())
          : fmt::format(
                "stopping: completing {} {} in work, within {} s; another "
                "signal or Ctrl-C ends at once\n",
                num_shards, num_shards == 1 ? "shard" : "shards",
                grace.count());
  PrintMessage(is_terminal_ ? "\r\033[K" + text : text);
}

void ProgressLine::Show() {
  using std::chrono::steady_clock;
  ProgressText progress(
      control_, is_terminal_ ? DrawOnTerminal : DescribeProgress,
      is_terminal_ ? kLookInterval : kLogInterval, steady_clock::now());
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
