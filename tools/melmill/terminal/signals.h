#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_SIGNALS_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_SIGNALS_H_

#include "pipeline/setup/run_control.h"

namespace melmill {

// Makes SIGINT and SIGTERM ask the run of `control` to stop; a second signal
// ends the process at once. SIGXFSZ and SIGPIPE are ignored, so that writes
// fail instead. `control` must live as long as the process.
void InstallSignalHandlers(RunControl* control);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_SIGNALS_H_
