#include "tools/melmill/terminal/signals.h"

#include <signal.h>
#include <unistd.h>

#include "pipeline/setup/run_control.h"
#include "tools/melmill/report/json_end.h"

namespace melmill {
namespace {

RunControl* signalled_run = nullptr;

void HandleSignal(int number) {
  if (signalled_run->RequestStop(number)) return;
  PrintJsonOfSignal(number);
  _exit(128 + number);
}

}  // namespace

void InstallSignalHandlers(RunControl* control) {
  signalled_run = control;
  struct sigaction action = {};
  action.sa_handler = HandleSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace melmill
