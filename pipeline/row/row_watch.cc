#include "pipeline/row/row_watch.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "pipeline/row/row_marks.h"
#include "pipeline/row/suspects_file.h"

namespace melmill {
namespace {

constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

// What the signal handler needs of the only RowWatch.
std::array<char, 4096> suspects_file;  // NUL-terminated; empty if there is none
std::array<struct sigaction, std::size(kCrashSignals)> previous_actions;

// A signal handler may call this.
void NoteSuspect(const Hash128& row, int signal_number) {
  if (suspects_file[0] == '\0') return;
  WriteSuspect(suspects_file.data(), row, signal_number);
}

void HandleCrash(int signal_number) {
  const std::optional<Hash128> row = MarkedRow();
  if (row) NoteSuspect(*row, signal_number);
  const auto* const found = std::find(std::begin(kCrashSignals),
                                      std::end(kCrashSignals), signal_number);
  const auto index = static_cast<size_t>(found - std::begin(kCrashSignals));
  sigaction(signal_number, &previous_actions[index], nullptr);
  raise(signal_number);  // delivered when this returns
}

void InstallCrashHandlers() {
  struct sigaction action = {};
  action.sa_handler = HandleCrash;
  action.sa_flags = SA_ONSTACK;
  for (size_t i = 0; i < std::size(kCrashSignals); ++i) {
    sigaction(kCrashSignals[i], &action, &previous_actions[i]);
  }
}

void RemoveCrashHandlers() {
  for (size_t i = 0; i < std::size(kCrashSignals); ++i) {
    sigaction(kCrashSignals[i], &previous_actions[i], nullptr);
  }
}

}  // namespace

RowWatch::RowWatch(Options options) : options_(std::move(options)) {
  assert(std::isfinite(options_.hang_seconds) && options_.hang_seconds > 0);
  suspects_file.fill('\0');
  if (options_.file.size() < suspects_file.size()) {
    std::copy(options_.file.begin(), options_.file.end(),
              suspects_file.begin());
  }
  InstallCrashHandlers();
  try {
    thread_ = std::thread([this] { Watch(); });
  } catch (...) {  // the destructor would not run
    RemoveCrashHandlers();
    throw;
  }
}

RowWatch::~RowWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  thread_.join();
  RemoveCrashHandlers();
}

void RowWatch::Watch() {
  constexpr int kLooks = 20;
  const std::chrono::duration<double> interval(options_.hang_seconds / kLooks);
  StillRows still;
  std::unique_lock lock(mutex_);
  while (
      !ending_changed_.wait_for(lock, interval, [this] { return ending_; })) {
    const std::optional<Hash128> hung = still.Look(kLooks);
    if (!hung) continue;
    NoteSuspect(*hung, 0);
    options_.on_hung(*hung);
    return;
  }
}

}  // namespace melmill
