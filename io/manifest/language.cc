#include "io/manifest/language.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace melmill {
namespace {

constexpr size_t kMaxLanguageBytes = 64;

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
         c == '-' || c == '\'' || c == '(' || c == ')';
}

}  // namespace

std::string_view TemplateLanguage(std::string_view text) {
  constexpr std::string_view kBefore = "language ";
  constexpr std::string_view kAfter = "<asr_text>";
  if (!text.starts_with(kBefore)) return {};
  text = text.substr(kBefore.size(), kMaxLanguageBytes + kAfter.size());
  const size_t end = text.find(kAfter);
  if (end == text.npos || end == 0) return {};
  const std::string_view name = text.substr(0, end);
  if (name[0] < 'A' || name[0] > 'Z') return {};
  return std::all_of(name.begin(), name.end(), IsNameCharacter)
             ? name
             : std::string_view();
}

bool IsKnownLanguage(std::string_view name) {
  static constexpr std::array<std::string_view, 31> kNames = {
      "Chinese", "English", "Cantonese",  "Arabic",     "German",
      "French",  "Spanish", "Portuguese", "Indonesian", "Italian",
      "Korean",  "Russian", "Thai",       "Vietnamese", "Japanese",
      "Turkish", "Hindi",   "Malay",      "Dutch",      "Swedish",
      "Danish",  "Finnish", "Polish",     "Czech",      "Filipino",
      "Persian", "Greek",   "Romanian",   "Hungarian",  "Macedonian",
      "None"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace melmill
