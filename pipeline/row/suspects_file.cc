#include "pipeline/row/suspects_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/file/durable_file.h"

namespace melmill {
namespace {

constexpr size_t kHexDigits = 2 * sizeof(Hash128);

}  // namespace

// Writes "<32 hex digits> <signal>\n", using only what a signal handler may
// call.
void WriteSuspect(const char* file, const Hash128& source_hash,
                  int signal_number) {
  std::array<char, kHexDigits + 8> line;
  char* end = line.data();
  for (const uint8_t byte : source_hash) {
    *end++ = "0123456789abcdef"[byte >> 4];
    *end++ = "0123456789abcdef"[byte & 15];
  }
  *end++ = ' ';
  if (signal_number >= 10) *end++ = static_cast<char>('0' + signal_number / 10);
  *end++ = static_cast<char>('0' + signal_number % 10);
  *end++ = '\n';
  const int fd =
      open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) return;
  (void)!write(fd, line.data(), static_cast<size_t>(end - line.data()));
  close(fd);
}

Result<Suspects> ReadSuspects(const std::string& file) {
  constexpr size_t kMaxBytes = size_t{1} << 24;
  const Result<std::string> text = ReadSmallFile(file, kMaxBytes);
  Suspects suspects;
  if (!text.ok()) {
    if (text.error().code == RejectCode::kNotFound) return suspects;
    return text.error();
  }
  std::string_view left = text.value();
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (line.size() < kHexDigits + 2) continue;
    Hash128 row = {};
    bool is_good = line[kHexDigits] == ' ';
    const auto parse = [&](std::string_view digits, int base, auto* value) {
      const char* const end = digits.data() + digits.size();
      const auto parsed = std::from_chars(digits.data(), end, *value, base);
      is_good = is_good && parsed.ec == std::errc() && parsed.ptr == end;
    };
    for (size_t i = 0; i < row.size(); ++i)
      parse(line.substr(2 * i, 2), 16, &row[i]);
    int signal_number = 0;
    parse(line.substr(kHexDigits + 1), 10, &signal_number);
    if (is_good) suspects[row] = signal_number;
  }
  return suspects;
}

}  // namespace melmill
