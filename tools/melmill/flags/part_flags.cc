#include "tools/melmill/flags/part_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// What a part chooses by itself.
constexpr std::string_view kOfAPart[] = {
    "--out",  "--part",   "--shards", "--threads",    "--io-threads",
    "--simd", "--memory", "--grace",  "--hang-after", "--audio-root",
    "--json", "--quiet",  "--color",  "--config",     "--help"};

}  // namespace

void AddPartFlags(CLI::App* command, PartFlags* flags) {
  CLI::Option* part = command->add_option(
      "--part", flags->part,
      "Make only part i of N of a store that melmill plan has planned, as in "
      "3/100: every Nth shard, counted from i modulo N. Takes no manifest. Any "
      "machine may make any part, in any order and any number of times; then "
      "melmill finish completes the store");
  command
      ->add_option("--shards", flags->shards,
                   "The same for the shards of these numbers, as in 0-7,12; "
                   "info --missing prints them")
      ->excludes(part);
}

std::optional<PartChoice> ChoosePart(const PartFlags& flags,
                                     const CLI::App& command) {
  const bool is_part = command.count("--part") > 0;
  if (!is_part && command.count("--shards") == 0) return std::nullopt;
  const char* const flag = is_part ? "--part" : "--shards";
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    if (option->get_positional()) {
      throw SetupError(fmt::format(
          "{} takes no manifest: the manifests belong to melmill plan", flag));
    }
    const std::string name = "--" + option->get_lnames()[0];
    if (std::find(std::begin(kOfAPart), std::end(kOfAPart), name) ==
        std::end(kOfAPart)) {
      throw SetupError(fmt::format(
          "{} belongs to melmill plan, and every part has it from there; leave "
          "it out with {}",
          name, flag));
    }
  }
  return is_part ? PartChoice::OfPart(flags.part)
                 : PartChoice::OfShards(flags.shards);
}

}  // namespace melmill
