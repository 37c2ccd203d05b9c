#ifndef MELMILL_TOOLS_MELMILL_USAGE_FLAG_LIST_H_
#define MELMILL_TOOLS_MELMILL_USAGE_FLAG_LIST_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace melmill {

// A flag or an operand of a command, as help, man page and completion show it.
struct FlagInfo {
  std::string short_name;  // "-o"; may be empty
  std::string long_name;   // "--out"; for an operand its name, "MANIFEST"
  std::string value;  // "FOLDER", "f16|f32|bf16|u8"; empty if it takes none
  std::string description;
  std::vector<std::string> usual_values;  // others may be given, too
  std::string default_value;              // may be empty
  std::string group;
  bool is_operand = false;
  bool is_required = false;
  bool is_repeatable = false;

  // The values, if `value` lists them; else none.
  std::vector<std::string> Choices() const;
  // "-o, --out FOLDER" or "MANIFEST...".
  std::string Synopsis() const;
};

struct CommandInfo {
  std::string name;
  std::string description;
  std::string footer;
  std::vector<FlagInfo>
      flags;  // operands, then required flags, then the others
};

// The flags of an app or of one of its commands. Hidden ones are left out.
CommandInfo DescribeCommand(const CLI::App& command);

// All commands of the app, in order of definition.
std::vector<CommandInfo> DescribeCommands(const CLI::App& app);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_FLAG_LIST_H_
