#ifndef MELMILL_TOOLS_MELMILL_REPORT_QUANTITIES_H_
#define MELMILL_TOOLS_MELMILL_REPORT_QUANTITIES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace melmill {

// Numbers for people. pipeline/setup/byte_size.h has FormatBytes.

// A count with commas: "12,345".
std::string FormatCount(uint64_t count);

// A count with its noun: "1 line", "12,345 lines". `plural` is needed where it
// is not noun + "s".
std::string Counted(uint64_t count, std::string_view noun,
                    std::string_view plural = "");

// A duration in the unit that suits it: "4.2 s", "3.5 min", and from 0.1 h on
// "1.25 h".
std::string FormatDuration(double seconds);

// A share of a whole: "26 %", "0.3 %", "under 0.1 %".
std::string FormatShare(uint64_t part, uint64_t whole);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_QUANTITIES_H_
