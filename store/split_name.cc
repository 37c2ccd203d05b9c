#include "store/split_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "io/manifest/utf8.h"

namespace melmill {

bool IsSplitName(std::string_view name) {
  constexpr size_t kMaxCharacters = 64;
  if (name.empty() || Printable(name) != name) return false;
  size_t num_characters = 0;
  while (!name.empty()) {
    name.remove_prefix(Utf8SequenceBytes(name));
    ++num_characters;
  }
  return num_characters <= kMaxCharacters;
}

std::string SplitFileStem(std::string_view name) {
  std::string stem;
  while (!name.empty()) {
    const char c = name[0];
    const bool is_safe = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                         c == '-' || c == '_';
    stem += is_safe ? c : '_';
    name.remove_prefix(std::max<size_t>(Utf8SequenceBytes(name), 1));
  }
  return stem;
}

}  // namespace melmill
