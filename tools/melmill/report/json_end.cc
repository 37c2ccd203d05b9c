#include "tools/melmill/report/json_end.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <system_error>

#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

#define MELMILL_OUT_OF(what, limits)    \
  what ": raise the limit (" limits     \
       "), or use fewer --threads and " \
       "--io-threads"
constexpr std::string_view kOutOfMemory =
    MELMILL_OUT_OF("out of memory", "ulimit -v, the container's");
constexpr std::string_view kOutOfThreads =
    MELMILL_OUT_OF("cannot start a thread", "ulimit -u, ulimit -v");
#undef MELMILL_OUT_OF

std::atomic<bool> is_expected{false};

bool Claim() { return is_expected.exchange(false); }

// Writes without allocating memory.
void Write(std::string_view text) {
  (void)!write(STDOUT_FILENO, text.data(), text.size());
}

}  // namespace

void ExpectJson() { is_expected = true; }

bool PrintJson(std::string_view json) { return !Claim() || PrintResult(json); }

std::string_view DescribeException(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return kOutOfMemory;
  }
  const auto* system_error = dynamic_cast<const std::system_error*>(&error);
  if (system_error != nullptr &&
      system_error->code() == std::errc::resource_unavailable_try_again) {
    return kOutOfThreads;
  }
  return error.what();
}

void PrintJsonOfException(const std::exception& error) {
  if (!Claim()) return;
  const std::string_view text = DescribeException(error);
  try {
    const bool is_setup = dynamic_cast<const SetupError*>(&error) != nullptr;
    PrintResult(is_setup ? FormatJsonSetupError(std::string(text))
                         : FormatJsonFault(std::string(text)));
  } catch (const std::exception&) {  // there is no memory for that either
    Write(
        "{\"status\":\"machine_fault\",\"exit_code\":4,"
        "\"error\":\"out of memory\"}\n");
  }
}

void PrintJsonOfSignal(int number) {
  if (!Claim()) return;
  switch (number) {
    case SIGINT:
      return Write("{\"status\":\"stopped\",\"exit_code\":130}\n");
    case SIGTERM:
      return Write("{\"status\":\"stopped\",\"exit_code\":143}\n");
    default:
      return Write("{\"status\":\"crashed\",\"exit_code\":134}\n");
  }
}

}  // namespace melmill
