#include "pipeline/parts/part_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// "A-B" or "A".
std::optional<std::pair<uint64_t, uint64_t>> ParseRange(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = ParseNumber(text.substr(0, dash));
  const auto last =
      dash == text.npos ? first : ParseNumber(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return std::pair(*first, *last);
}

}  // namespace

PartChoice PartChoice::OfPart(std::string_view text) {
  PartChoice choice;
  choice.part_ = ParsePart(text);
  choice.text_ = fmt::format("part {}", text);
  return choice;
}

PartChoice PartChoice::OfShards(std::string_view text) {
  PartChoice choice;
  choice.text_ = fmt::format("shards {}", Printable(text));
  std::string_view left = text;
  while (true) {
    const size_t comma = left.find(',');
    const auto range = ParseRange(left.substr(0, comma));
    if (!range) {
      throw SetupError(fmt::format(
          "--shards {}: give numbers and ranges of shards, as in --shards "
          "0-7,12 (info --missing prints them)",
          Printable(text)));
    }
    choice.ranges_.push_back(*range);
    if (comma == left.npos) return choice;
    left.remove_prefix(comma + 1);
  }
}

std::vector<size_t> PartChoice::Choose(const Plan& plan) const {
  std::vector<size_t> shards = DistinctShards(plan);
  if (part_) {
    std::erase_if(shards, [this](size_t i) { return !part_->Includes(i); });
    return shards;
  }
  for (const auto& [first, last] : ranges_) {
    if (last < plan.shards.size()) continue;
    throw SetupError(
        fmt::format("{}: the plan has {} shards, which count from 0", text_,
                    plan.shards.size()));
  }
  std::erase_if(shards, [this](size_t i) {
    return std::none_of(ranges_.begin(), ranges_.end(), [i](const auto& range) {
      return range.first <= i && i <= range.second;
    });
  });
  return shards;
}

std::vector<size_t> DistinctShards(const Plan& plan) {
  std::vector<size_t> shards;
  std::set<std::string> names;
  for (size_t i = 0; i < plan.shards.size(); ++i) {
    if (names.insert(plan.ShardFileName(plan.shards[i])).second) {
      shards.push_back(i);
    }
  }
  return shards;
}

std::vector<size_t> MissingShards(std::vector<size_t> shards, const Plan& plan,
                                  const std::vector<std::string>& names) {
  std::erase_if(shards, [&](size_t i) {
    return std::binary_search(names.begin(), names.end(),
                              plan.ShardFileName(plan.shards[i]));
  });
  return shards;
}

std::string FormatShards(const std::vector<size_t>& shards) {
  std::string text;
  for (size_t i = 0; i < shards.size();) {
    size_t end = i + 1;
    while (end < shards.size() && shards[end] == shards[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(shards[i]);
    if (end > i + 1) text += fmt::format("-{}", shards[end - 1]);
    i = end;
  }
  return text;
}

}  // namespace melmill
