#ifndef MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_
#define MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_

#include <string>
#include <string_view>
#include <vector>

namespace melmill {

// Where a flag or an operand of any command stands in the help, and what kind
// of value it takes.
struct FlagPlace {
  std::string_view long_name;  // "--out"; of an operand its name
  const char* group;
  const char* value;  // nullptr: it takes none
  // The usual values, for completion, if others may be given too; or nullptr.
  std::vector<std::string> (*usual_values)() = nullptr;
};

// Returns nullptr for one that has no place of its own.
const FlagPlace* FindFlagPlace(std::string_view long_name);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_
