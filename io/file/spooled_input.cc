#include "io/file/spooled_input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "io/file/system_calls.h"

namespace melmill {
namespace {

Error Fault(const std::string& folder) {
  return MachineFault("write a temporary file in " + folder, errno);
}

// Returns a closed descriptor on failure, with errno.
UniqueFd MakeNamelessFile(const std::string& folder) {
  std::string path = folder + "/melmill-XXXXXX";
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  if (file.is_open()) ::unlink(path.c_str());
  return file;
}

bool WriteAll(int fd, const char* bytes, size_t num_bytes) {
  while (num_bytes > 0) {
    const ssize_t written =
        WithoutInterruption([&] { return ::write(fd, bytes, num_bytes); });
    if (written < 0) return false;
    bytes += written;
    num_bytes -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

Result<std::string> SpoolInput(int fd, const std::string& folder) {
  constexpr size_t kPieceBytes = size_t{1} << 16;
  UniqueFd file = MakeNamelessFile(folder);
  if (!file.is_open()) return Fault(folder);
  std::vector<char> piece(kPieceBytes);
  while (true) {
    const ssize_t num_bytes = WithoutInterruption(
        [&] { return ::read(fd, piece.data(), piece.size()); });
    if (num_bytes < 0) return MachineFault("read standard input", errno);
    if (num_bytes == 0) break;
    if (!WriteAll(file.get(), piece.data(), static_cast<size_t>(num_bytes))) {
      return Fault(folder);
    }
  }
  return "/proc/self/fd/" + std::to_string(file.Release());
}

}  // namespace melmill
