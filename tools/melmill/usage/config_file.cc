#include "tools/melmill/usage/config_file.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tools/melmill/usage/command_lookup.h"

namespace melmill {
namespace {

// CLI11 reads a file only for the main command, and looks for the flags of a
// command in a section of its name. This class puts all flags into that
// section.
class SectionlessConfig : public CLI::ConfigTOML {
 public:
  explicit SectionlessConfig(const CLI::App* app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> flags = CLI::ConfigTOML::from_config(input);
    const std::vector<CLI::App*> commands = app_->get_subcommands();
    if (commands.empty()) return flags;
    std::erase_if(flags, [&](const CLI::ConfigItem& item) {
      return item.parents.empty() &&
             FindFlagOfFile(*commands[0], item.name) == nullptr &&
             AnyCommandKnows(item.name);
    });
    for (CLI::ConfigItem& item : flags) {
      item.parents.insert(item.parents.begin(), commands[0]->get_name());
    }
    return flags;
  }

 private:
  bool AnyCommandKnows(const std::string& flag) const {
    const std::vector<const CLI::App*> all = AllCommands(*app_);
    return std::any_of(all.begin(), all.end(), [&](const CLI::App* command) {
      return FindFlagOfFile(*command, flag) != nullptr;
    });
  }

  const CLI::App* app_;
};

}  // namespace

void ReadConfigFiles(CLI::App* app) {
  constexpr const char* kHidden = "";
  app->set_config("--config")->group(kHidden);
  app->config_formatter(std::make_shared<SectionlessConfig>(app));
  app->allow_config_extras(CLI::config_extras_mode::error);
}

void AddConfigFlag(CLI::App* command) {
  CLI::Option* of_app = command->get_parent()->get_config_ptr();
  command
      ->add_option_function<std::string>(
          "--config",
          [of_app](const std::string& file) { of_app->add_result(file); },
          "Read flags from an INI or TOML file (flag = value)")
      ->trigger_on_parse()
      ->configurable(false);
}

}  // namespace melmill
