#ifndef MELMILL_TOOLS_MELMILL_USAGE_NEAREST_NAME_H_
#define MELMILL_TOOLS_MELMILL_USAGE_NEAREST_NAME_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace melmill {

// The number of letters to insert, delete, replace or swap with their
// neighbour to turn one word into the other (optimal string alignment).
size_t EditDistance(std::string_view a, std::string_view b);

// The name that a mistyped word most likely stands for; empty if none is near.
std::string NearestName(std::string_view word,
                        const std::vector<std::string>& names);

// "\n  did you mean --threads?", or nothing. `names` are written as users type
// them.
std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& names);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_NEAREST_NAME_H_
