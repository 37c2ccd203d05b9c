#include "io/manifest/language.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "io/manifest/utf8.h"

namespace melmill {
namespace {

constexpr size_t kMaxLanguageBytes = 64;
constexpr std::string_view kBefore = "language ";
constexpr std::string_view kAfter = "<asr_text>";

constexpr std::array<std::string_view, 31> kNames = {
    "Chinese", "English", "Cantonese",  "Arabic",     "German",
    "French",  "Spanish", "Portuguese", "Indonesian", "Italian",
    "Korean",  "Russian", "Thai",       "Vietnamese", "Japanese",
    "Turkish", "Hindi",   "Malay",      "Dutch",      "Swedish",
    "Danish",  "Finnish", "Polish",     "Czech",      "Filipino",
    "Persian", "Greek",   "Romanian",   "Hungarian",  "Macedonian",
    "None"};

// Codes in lower case. What Common Voice calls zh-HK is Cantonese.
constexpr std::pair<std::string_view, std::string_view> kCodes[] = {
    {"zh-hk", "Cantonese"}, {"zh", "Chinese"},    {"en", "English"},
    {"yue", "Cantonese"},   {"ar", "Arabic"},     {"de", "German"},
    {"fr", "French"},       {"es", "Spanish"},    {"pt", "Portuguese"},
    {"id", "Indonesian"},   {"it", "Italian"},    {"ko", "Korean"},
    {"ru", "Russian"},      {"th", "Thai"},       {"vi", "Vietnamese"},
    {"ja", "Japanese"},     {"tr", "Turkish"},    {"hi", "Hindi"},
    {"ms", "Malay"},        {"nl", "Dutch"},      {"sv", "Swedish"},
    {"da", "Danish"},       {"fi", "Finnish"},    {"pl", "Polish"},
    {"cs", "Czech"},        {"tl", "Filipino"},   {"fil", "Filipino"},
    {"fa", "Persian"},      {"el", "Greek"},      {"ro", "Romanian"},
    {"hu", "Hungarian"},    {"mk", "Macedonian"},
};

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
         c == '-' || c == '\'' || c == '(' || c == ')';
}

// In lower case, with "en_US" as "en-us".
std::string AsCode(std::string_view text) {
  std::string code = AsciiLower(text);
  std::replace(code.begin(), code.end(), '_', '-');
  return code;
}

}  // namespace

std::string_view TemplateLanguage(std::string_view text) {
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

std::string_view Transcript(std::string_view text) {
  const std::string_view name = TemplateLanguage(text);
  if (name.empty()) return text;
  return text.substr(kBefore.size() + name.size() + kAfter.size());
}

bool RepeatsTemplate(std::string_view text) {
  if (TemplateLanguage(text).empty()) return false;
  text = Transcript(text);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return !TemplateLanguage(text).empty();
}

bool LooksLikeTemplate(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  text = text.substr(0, kBefore.size() + kMaxLanguageBytes + kAfter.size());
  return AsciiLower(text).starts_with("language") &&
         text.find(kAfter) != text.npos;
}

std::span<const std::string_view> KnownLanguages() { return kNames; }

bool IsKnownLanguage(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::string LanguageName(std::string_view name_or_code) {
  if (name_or_code.size() > kMaxLanguageBytes) return "";
  const std::string wanted = AsCode(name_or_code);
  for (const std::string_view name : kNames) {
    if (wanted == AsCode(name)) return std::string(name);
  }
  for (const auto& [code, name] : kCodes) {
    if (wanted == code || wanted.starts_with(std::string(code) + '-')) {
      return std::string(name);
    }
  }
  const std::string text = TemplateText(name_or_code, "");
  return std::string(TemplateLanguage(text));
}

std::string TemplateText(std::string_view name, std::string_view transcript) {
  std::string text(kBefore);
  text += name;
  text += kAfter;
  text += transcript;
  return text;
}

}  // namespace melmill
