#include "pipeline/folder/machine.h"

#include <unistd.h>

#include <array>
#include <climits>

#include "io/file/durable_file.h"

namespace melmill {

Machine ThisMachine() {
  Machine machine;
  std::array<char, HOST_NAME_MAX + 1> name = {};
  if (gethostname(name.data(), name.size() - 1) == 0) {
    machine.host = name.data();
  }
  constexpr size_t kMaxBytes = 256;
  const Result<std::string> boot_id =
      ReadSmallFile("/proc/sys/kernel/random/boot_id", kMaxBytes);
  if (boot_id.ok()) {
    machine.boot_id = boot_id.value().substr(0, boot_id.value().find('\n'));
  }
  return machine;
}

}  // namespace melmill
