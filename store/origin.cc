#include "store/origin.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/manifest/utf8.h"
#include "store/json_object.h"

namespace melmill {
namespace {

bool IsPlain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("%+,-./:=@_").find(c) != std::string_view::npos;
}

// Control characters and bytes that are not UTF-8 become "\x1b".
std::string QuotedAsInC(std::string_view word) {
  std::string quoted = "$'";
  while (!word.empty()) {
    const ShownCharacter next = FirstShownCharacter(word);
    const std::string_view c = word.substr(0, next.num_bytes);
    if (c != next.shown) {
      for (const char byte : c) quoted += HexEscaped(byte);
    } else {
      if (c == "\\" || c == "'") quoted += '\\';
      quoted += c;
    }
    word.remove_prefix(next.num_bytes);
  }
  return quoted + '\'';
}

std::string ShellWord(const std::string& word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), IsPlain)) {
    return word;
  }
  if (Printable(word) != word) return QuotedAsInC(word);
  std::string quoted = "'";
  quoted += BetweenSingleQuotes(word);
  quoted += '\'';
  return quoted;
}

}  // namespace

std::string FormatOrigin(const Origin& origin) {
  auto json = nlohmann::ordered_json::object();
  json["command"] = origin.command;
  json["working_folder"] = origin.working_folder;
  json["audio_root"] = origin.audio_root;
  return JsonText(json);
}

std::optional<Origin> ParseOrigin(std::string_view text) {
  if (!IsUsableObject(text)) return std::nullopt;
  try {
    const auto json = ParseUsableObject<nlohmann::json>(text);
    Origin origin;
    json.at("command").get_to(origin.command);
    json.at("working_folder").get_to(origin.working_folder);
    json.at("audio_root").get_to(origin.audio_root);
    return origin;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::vector<std::string> CommandInto(const Origin& origin,
                                     const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;  // then "absolute" is empty
  const fs::path absolute = fs::absolute(folder, ignored).lexically_normal();
  fs::path out = absolute.lexically_relative(origin.working_folder);
  if (out.empty() || *out.begin() == "..") out = absolute;
  if (out.empty()) out = folder;
  std::vector<std::string> words = origin.command;
  words.insert(words.end(), {"--out", out.string()});
  return words;
}

std::string ShellLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += ShellWord(word);
  }
  return line;
}

}  // namespace melmill
