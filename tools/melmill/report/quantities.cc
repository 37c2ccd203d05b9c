#include "tools/melmill/report/quantities.h"

#include <fmt/format.h>

#include "tools/melmill/hours.h"

namespace melmill {

std::string FormatCount(uint64_t count) {
  if (count < 1000) return fmt::format("{}", count);
  return fmt::format("{},{:03}", FormatCount(count / 1000), count % 1000);
}

std::string Counted(uint64_t count, std::string_view noun,
                    std::string_view plural) {
  const std::string number = FormatCount(count);
  if (count == 1) return fmt::format("{} {}", number, noun);
  if (plural.empty()) return fmt::format("{} {}s", number, noun);
  return fmt::format("{} {}", number, plural);
}

std::string FormatDuration(double seconds) {
  if (seconds >= 0.1 * kSecondsPerHour) {
    return fmt::format("{:.2f} h", seconds / kSecondsPerHour);
  }
  if (seconds >= 59.95) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} s", seconds);
}

std::string FormatShare(uint64_t part, uint64_t whole) {
  const double percent =
      whole == 0 ? 0
                 : 100 * static_cast<double>(part) / static_cast<double>(whole);
  if (percent >= 9.95 || part == 0) return fmt::format("{:.0f} %", percent);
  if (percent >= 0.1) return fmt::format("{:.1f} %", percent);
  return "under 0.1 %";
}

}  // namespace melmill
