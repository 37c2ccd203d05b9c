#include "pipeline/lines/part_number.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
    return std::nullopt;
  }
  return value;
}

PartNumber ParsePart(std::string_view text) {
  constexpr uint64_t kMaxParts = 1'000'000'000;
  const size_t slash = text.find('/');
  const auto part = ParseNumber(text.substr(0, slash));
  const auto num_parts =
      slash == text.npos ? std::nullopt : ParseNumber(text.substr(slash + 1));
  if (!part || !num_parts || *num_parts == 0 || *num_parts > kMaxParts) {
    throw SetupError(fmt::format(
        "--part {}: give i/N, part i of N parts, as in --part 3/100 (i counts "
        "from 0; N is at least 1)",
        Printable(text)));
  }
  return {.part = *part % *num_parts, .num_parts = *num_parts};
}

}  // namespace melmill
