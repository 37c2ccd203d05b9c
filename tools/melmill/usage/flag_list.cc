#include "tools/melmill/usage/flag_list.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tools/melmill/usage/command_lookup.h"
#include "tools/melmill/usage/flag_groups.h"

namespace melmill {
namespace {

FlagInfo Describe(const CLI::Option& option) {
  FlagInfo flag;
  flag.is_operand = option.get_positional();
  if (flag.is_operand) {
    flag.long_name = option.get_name(true);
  } else {
    if (!option.get_lnames().empty()) {
      flag.long_name = "--" + option.get_lnames()[0];
    }
    if (!option.get_snames().empty()) {
      flag.short_name = "-" + option.get_snames()[0];
    }
  }
  if (option.get_items_expected_max() > 0) flag.value = option.get_type_name();
  flag.description = option.get_description();
  flag.default_value = option.get_default_str();
  flag.group = option.get_group();
  if (const FlagPlace* place = FindFlagPlace(flag.long_name)) {
    flag.group = place->group;
    if (place->value != nullptr) flag.value = place->value;
    if (place->usual_values != nullptr) {
      flag.usual_values = place->usual_values();
    }
  }
  flag.is_required = option.get_required();
  flag.is_repeatable = option.get_expected_max() > 1;
  return flag;
}

}  // namespace

std::vector<std::string> FlagInfo::Choices() const {
  if (value.find('|') == std::string::npos) return {};
  return CLI::detail::split(value, '|');
}

std::string FlagInfo::Synopsis() const {
  if (is_operand) return long_name + (is_repeatable ? "..." : "");
  std::string text = short_name.empty() ? "    " : short_name + ", ";
  text += long_name;
  if (!value.empty()) text += " " + value;
  return text;
}

CommandInfo DescribeCommand(const CLI::App& command) {
  CommandInfo info;
  info.name = command.get_name();
  info.description = command.get_description();
  info.footer = command.get_footer();
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_group().empty()) info.flags.push_back(Describe(*option));
  }
  std::stable_partition(info.flags.begin(), info.flags.end(),
                        [](const FlagInfo& flag) { return flag.is_required; });
  std::stable_partition(info.flags.begin(), info.flags.end(),
                        [](const FlagInfo& flag) { return flag.is_operand; });
  return info;
}

std::vector<CommandInfo> DescribeCommands(const CLI::App& app) {
  std::vector<CommandInfo> commands;
  for (const CLI::App* command : AllCommands(app)) {
    commands.push_back(DescribeCommand(*command));
  }
  return commands;
}

}  // namespace melmill
