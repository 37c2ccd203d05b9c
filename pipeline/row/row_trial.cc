#include "pipeline/row/row_trial.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <iterator>
#include <thread>

#include "pipeline/row/feature_sink.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/setup/run_control.h"

namespace melmill {
namespace {

// How the process of a trial ends.
enum TrialStatus : int { kSurvived = 0, kHung = 1, kMachineFailed = 2 };

constexpr int kRowsFaults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

bool IsRowsFault(int signal_number) {
  return std::ranges::find(kRowsFaults, signal_number) != std::end(kRowsFaults);
}

TrialStatus Compute(const RowTask& task, const RowComputer& processor,
                    double hang_seconds) {
  const RowWatch watch({.file = "",
                        .hang_seconds = hang_seconds,
                        .on_hung = [](const Hash128&) { _exit(kHung); }});
  RowInput input;
  NoFeatures no_features;
  RowWorkspace workspace(processor);
  const Result<ShardRow> row =
      TryRow(task, processor, &input, &no_features, &workspace);
  const bool failed = !row.ok() && row.error().code == ErrorCode::kMachineFault;
  return failed ? kMachineFailed : kSurvived;
}

[[noreturn]] void RunTrial(const RowTask& task, const RowComputer& processor,
                           double hang_seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(SIGINT, SIG_IGN);  // the parent handles it
  signal(SIGTERM, SIG_DFL);
  // This replaces the handlers of a watch in the parent.
  for (const int number : kRowsFaults) signal(number, SIG_DFL);
  TrialStatus status = kMachineFailed;
  try {
    status = Compute(task, processor, hang_seconds);
  } catch (const std::exception&) {
    status = kMachineFailed;
  }
  _exit(status);
}

// Some parents ignore SIGCHLD, and programs inherit that. The system then
// forgets how a child ended, and may reuse its process id.
class DefaultChildSignal {
 public:
  DefaultChildSignal() {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, &previous_);
  }
  ~DefaultChildSignal() { sigaction(SIGCHLD, &previous_, nullptr); }
  DefaultChildSignal(const DefaultChildSignal&) = delete;
  DefaultChildSignal& operator=(const DefaultChildSignal&) = delete;

 private:
  struct sigaction previous_ = {};
};

// Waits for the child and returns its exit status. Kills it if a stop is
// requested.
Result<int> WaitFor(pid_t child, const RunControl& control) {
  int status = 0;
  while (true) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) {
      return MachineFault("cannot wait for a row tried alone", errno);
    }
    if (control.stop_requested()) kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Result<std::optional<int>> TryRowAlone(const RowTask& task,
                                       const RowComputer& processor,
                                       double hang_seconds,
                                       const RunControl& control) {
  const DefaultChildSignal default_child_signal;
  const pid_t child = fork();
  if (child < 0) return MachineFault("cannot try a row alone", errno);
  if (child == 0) RunTrial(task, processor, hang_seconds);
  const Result<int> ended = WaitFor(child, control);
  if (!ended.ok()) return ended.error();
  const int status = ended.value();
  if (WIFSIGNALED(status) && IsRowsFault(WTERMSIG(status))) {
    return std::optional<int>(WTERMSIG(status));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kHung) {
    return std::optional<int>(0);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kSurvived) {
    return std::optional<int>();
  }
  return Error{ErrorCode::kMachineFault,
               fmt::format("{} could not be tried alone: the process was "
                           "killed or ran out of memory",
                           task.path)};
}

}  // namespace melmill
