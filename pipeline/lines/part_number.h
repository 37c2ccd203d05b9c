#ifndef MELMILL_PIPELINE_LINES_PART_NUMBER_H_
#define MELMILL_PIPELINE_LINES_PART_NUMBER_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace melmill {

// Part i of N: every Nth thing of a list, counted from i. It is a preference,
// not a claim: others may do the same things at the same time.
struct PartNumber {
  uint64_t part = 0;       // below num_parts
  uint64_t num_parts = 1;  // at most 1,000,000,000

  bool Includes(uint64_t index) const { return index % num_parts == part; }
};

// Reads "i/N"; i is taken modulo N. Throws SetupError for any other text.
PartNumber ParsePart(std::string_view text);

// Reads decimal digits, and nothing else.
std::optional<uint64_t> ParseNumber(std::string_view text);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_PART_NUMBER_H_
