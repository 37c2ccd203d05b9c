#include "io/manifest/foreign_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/file/input_file.h"
#include "io/manifest/language.h"
#include "io/manifest/utf8.h"

namespace melmill {
namespace {

using namespace std::string_view_literals;
using Json = nlohmann::json;

constexpr size_t kHeadBytes = size_t{64} << 10;

struct Magic {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
  std::string_view command;      // writes the content to standard output
  std::string_view format = "";  // of `melmill convert`, without a command
};

// The first match counts.
constexpr Magic kMagics[] = {
    {0, "\x1F\x8B"sv, "gzip", "zcat"},
    {0, "BZh"sv, "bzip2", "bzcat"},
    {0, "\xFD\x37zXZ"sv, "xz", "xzcat"},
    {0, "\x28\xB5\x2F\xFD"sv, "Zstandard", "zstdcat"},
    {0, "PK\x03\x04"sv, "a zip archive", "unzip -p"},
    {0, "PAR1"sv, "Parquet", "", "parquet"},
    {0, "ARROW1"sv, "Arrow", "", "arrow"},
    {257, "ustar"sv, "a tar archive", "", "tar"},
    {0, "\xFF\xFE\0\0"sv, "UTF-32", "iconv -f utf-32 -t utf-8"},
    {0, "\xFF\xFE"sv, "UTF-16", "iconv -f utf-16 -t utf-8"},
    {0, "\xFE\xFF"sv, "UTF-16", "iconv -f utf-16 -t utf-8"},
    {0, "{\0"sv, "UTF-16", "iconv -f utf-16le -t utf-8"},
    {0, "[\0"sv, "UTF-16", "iconv -f utf-16le -t utf-8"},
    {0, "\0{"sv, "UTF-16", "iconv -f utf-16be -t utf-8"},
    {0, "\0["sv, "UTF-16", "iconv -f utf-16be -t utf-8"},
};

constexpr std::array kAudioSuffixes = {
    ".wav"sv, ".flac"sv, ".mp3"sv,  ".ogg"sv,  ".opus"sv, ".m4a"sv,
    ".aac"sv, ".wma"sv,  ".aiff"sv, ".webm"sv, ".mp4"sv,  ".sph"sv};
constexpr std::array kAudioNames = {
    "audio"sv,      "path"sv,     "audio_filepath"sv, "file_name"sv,
    "filename"sv,   "file"sv,     "audio_path"sv,     "wav"sv,
    "audio_file"sv, "wav_path"sv, "wav_filename"sv,
};
constexpr std::array kTextNames = {
    "text"sv,     "sentence"sv, "transcription"sv, "transcript"sv,
    "raw_text"sv, "txt"sv,      "label"sv,         "normalized_text"sv,
};
constexpr std::array kLanguageNames = {"language"sv, "lang"sv, "locale"sv,
                                       "source_lang"sv};

bool IsAudioName(std::string_view path) {
  return std::any_of(kAudioSuffixes.begin(), kAudioSuffixes.end(),
                     [path](std::string_view suffix) {
                       return path.size() > suffix.size() &&
                              path.ends_with(suffix);
                     });
}

std::string ShellQuoted(const std::string& text) {
  constexpr std::string_view kSafe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=+-";
  if (!text.empty() && text.find_first_not_of(kSafe) == text.npos) return text;
  return "'" + BetweenSingleQuotes(text) + "'";
}

std::string PathOf(const ManifestHead& head) {
  return head.path.empty() ? "FILE" : ShellQuoted(Printable(head.path));
}

// A command that has melmill read what another one writes.
std::string Piped(const ManifestHead& head, const std::string& command,
                  std::string_view flags = "") {
  return fmt::format("{} | melmill validate {}{}", command,
                     ShellQuoted(head.split + "=-"), flags);
}

// The command that makes a manifest of another format into one of melmill.
std::string Converted(const ManifestHead& head, std::string_view format,
                      std::string_view flags) {
  std::string out = head.split + ".jsonl";
  if (std::filesystem::path(head.path).filename() == out) {
    out = head.split + "_melmill.jsonl";
  }
  return fmt::format("convert it: melmill convert {} {} {}{}", format,
                     PathOf(head), ShellQuoted(Printable(out)), flags);
}

// The flag for texts whose language `melmill convert` is told, or finds in the
// file.
std::string_view LanguageFlag(const ManifestOptions& options,
                              bool has_language = false) {
  if (!options.check_template) return " --plain-text";
  return has_language ? "" : " --language English";
}

// ---- Text that is not JSON ----

std::vector<std::string_view> FirstLines(std::string_view text) {
  constexpr size_t kMaxLines = 20;
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kMaxLines) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!IsBlank(line)) lines.push_back(line);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

std::vector<std::string> Columns(std::string_view header, char separator) {
  std::vector<std::string> columns;
  while (true) {
    const size_t end = header.find(separator);
    std::string_view name = header.substr(0, end);
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) {
      name = name.substr(1, name.size() - 2);
    }
    columns.emplace_back(name);
    if (end == header.npos) return columns;
    header.remove_prefix(end + 1);
  }
}

// The first of the names that is among the columns, or "".
template <typename Names>
std::string FindName(const Names& names,
                     const std::vector<std::string>& columns) {
  for (const std::string_view name : names) {
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) {
      return std::string(name);
    }
  }
  return "";
}

std::optional<std::string> RecognizeTable(const ManifestHead& head,
                                          std::string_view header,
                                          const ManifestOptions& options) {
  const bool has_tabs = header.find('\t') != header.npos;
  const auto columns = Columns(header, has_tabs ? '\t' : ',');
  if (columns.size() < 2 || FindName(kAudioNames, columns).empty()) {
    return std::nullopt;
  }
  std::string_view flags =
      LanguageFlag(options, !FindName(kLanguageNames, columns).empty());
  if (FindName(kTextNames, columns).empty()) flags = " --no-text";
  return fmt::format("is {}; {}", has_tabs ? "a TSV table" : "a CSV table",
                     Converted(head, has_tabs ? "tsv" : "csv", flags));
}

std::optional<std::string> RecognizeKaldi(const ManifestHead& head,
                                          std::string_view line,
                                          const ManifestOptions& options) {
  const size_t space = line.find_first_of(" \t");
  if (space == line.npos || space == 0) return std::nullopt;
  const std::string_view audio = line.substr(space + 1);
  if (audio.ends_with('|')) {
    return fmt::format(
        "is a wav.scp of Kaldi whose lines are commands, which melmill does "
        "not run; write their audio to files: while read -r id command; do sh "
        "-c \"${{command%|}}\" < /dev/null > \"$id.wav\"; done < {}",
        PathOf(head));
  }
  if (!IsAudioName(audio)) return std::nullopt;
  const auto texts = std::filesystem::path(head.path).parent_path() / "text";
  std::error_code error;
  const bool has_texts =
      !head.path.empty() && std::filesystem::exists(texts, error);
  return "is a wav.scp of Kaldi; " +
         Converted(head, "kaldi",
                   has_texts ? LanguageFlag(options) : " --no-text");
}

std::optional<std::string> RecognizeText(const ManifestHead& head,
                                         std::string_view text,
                                         const ManifestOptions& options) {
  const std::vector<std::string_view> lines = FirstLines(text);
  if (lines.empty()) return std::nullopt;
  const std::string_view first = lines[0];
  if (first.starts_with("version https://git-lfs")) {
    return "is a Git LFS pointer; get the file: git lfs pull";
  }
  if (first.starts_with("<!DOCTYPE") || first.starts_with("<html")) {
    return "is a web page: the download failed";
  }
  if (auto table = RecognizeTable(head, first, options)) return table;
  if (auto kaldi = RecognizeKaldi(head, first, options)) return kaldi;
  if (!IsAudioName(first)) return std::nullopt;
  return fmt::format(
      "is a list of paths; turn it into JSON lines: {}",
      Piped(head, fmt::format("jq -Rc '{{audio: .}}' {}", PathOf(head)),
            " --no-text"));
}

// ---- JSON ----

bool IsText(const Json& object, std::string_view key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string();
}

// Flags for texts, and for their language unless the text has the template.
std::string TextFlags(const Json& object, const ManifestOptions& options) {
  const ManifestFields& fields = options.fields;
  std::string text = fields.text;
  std::string flags;
  if (!object.contains(text)) {
    const auto name =
        std::find_if(kTextNames.begin(), kTextNames.end(),
                     [&](std::string_view key) { return IsText(object, key); });
    if (name == kTextNames.end()) return " --no-text";
    text = *name;
    flags = " --text-field " + text;
  }
  if (!options.check_template || !IsText(object, text) ||
      !fields.language.empty() || !fields.language_field.empty() ||
      !TemplateLanguage(object[text].get_ref<const std::string&>()).empty()) {
    return flags;
  }
  for (const std::string_view language : kLanguageNames) {
    if (IsText(object, language)) {
      return flags + " --language-field " + std::string(language);
    }
  }
  return flags + " --language English";
}

std::string AudioFieldAdvice(const Json& object, std::string_view audio,
                             const ManifestOptions& options) {
  return fmt::format("add --audio-field {}{}", ShellQuoted(std::string(audio)),
                     TextFlags(object, options));
}

std::string JqAdvice(const ManifestHead& head, std::string_view program,
                     std::string_view flags) {
  return "turn it into melmill's fields: " +
         Piped(head, fmt::format("jq -c '{}' {}", program, PathOf(head)),
               flags);
}

std::optional<std::string> RecognizeChat(const ManifestHead& head,
                                         const Json& object,
                                         const ManifestOptions& options) {
  if (!object.contains("messages") && !object.contains("conversations")) {
    return std::nullopt;
  }
  return "has chat messages; " + Converted(head, "chat", LanguageFlag(options));
}

bool HasLanguage(const Json& cut) {
  const Json& supervisions = cut["supervisions"];
  return supervisions.is_array() && !supervisions.empty() &&
         supervisions[0].is_object() && IsText(supervisions[0], "language");
}

std::optional<std::string> RecognizeLhotse(const ManifestHead& head,
                                           const Json& object,
                                           const ManifestOptions& options) {
  if (object.contains("recording") && object.contains("supervisions")) {
    return "has cuts of lhotse; " +
           Converted(head, "lhotse",
                     LanguageFlag(options, HasLanguage(object)));
  }
  if (object.contains("sources") && object.contains("sampling_rate")) {
    return "has recordings of lhotse; " +
           JqAdvice(head, "{audio: .sources[0].source}", " --no-text");
  }
  if (object.contains("recording_id")) {
    return fmt::format(
        "has supervisions of lhotse, without audio; make cuts: lhotse cut "
        "simple -r recordings.jsonl.gz -s {} cuts.jsonl",
        PathOf(head));
  }
  return std::nullopt;
}

std::optional<std::string> RecognizeDataset(const ManifestHead& head,
                                            const Json& object,
                                            const ManifestOptions& options) {
  const auto audio = object.find(options.fields.audio);
  if (audio == object.end() || !audio->is_object()) return std::nullopt;
  if (!IsText(*audio, "path")) {
    return "has audio within its lines; write it to files first";
  }
  return "has audio objects of Hugging Face datasets; " +
         JqAdvice(head, ".audio = .audio.path", TextFlags(object, options));
}

std::optional<std::string> RecognizeObject(const ManifestHead& head,
                                           const Json& object,
                                           const ManifestOptions& options) {
  if (IsText(object, options.fields.audio)) {
    const std::string flags = TextFlags(object, options);
    if (object.contains(options.fields.text) || flags == " --no-text") {
      return std::nullopt;
    }
    return "has no \"" + Quotable(options.fields.text) + "\"; add" + flags;
  }
  if (auto dataset = RecognizeDataset(head, object, options)) return dataset;
  if (auto chat = RecognizeChat(head, object, options)) return chat;
  if (auto lhotse = RecognizeLhotse(head, object, options)) return lhotse;
  if (IsText(object, "audio_filepath")) {
    return "is a NeMo manifest; " +
           AudioFieldAdvice(object, "audio_filepath", options);
  }
  if (IsText(object, "file_name")) {
    return "is the metadata of a Hugging Face audio folder; " +
           AudioFieldAdvice(object, "file_name", options);
  }
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) continue;
    if (IsAudioName(value.get_ref<const std::string&>())) {
      return fmt::format("has its audio in another field; {}",
                         AudioFieldAdvice(object, Printable(key), options));
    }
  }
  return std::nullopt;
}

std::optional<std::string> RecognizeObjects(const ManifestHead& head,
                                            std::string_view text,
                                            const ManifestOptions& options) {
  const std::vector<std::string_view> lines = FirstLines(text);
  for (const std::string_view line : lines) {
    const Json object = Json::parse(line.begin(), line.end(), nullptr, false);
    if (!object.is_object()) continue;
    auto recognized = RecognizeObject(head, object, options);
    if (recognized) return recognized;
  }
  const bool is_spread =
      lines.size() > 1 && lines[0].find_first_not_of("{ \t") == lines[0].npos;
  if (!is_spread) return std::nullopt;
  return "has objects over several lines; put each on one line: " +
         Piped(head, fmt::format("jq -c . {}", PathOf(head)));
}

std::string_view WithoutSpace(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

}  // namespace

std::string ReadManifestHead(const std::string& path) {
  const Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return "";
  std::string bytes(static_cast<size_t>(std::min<uint64_t>(
                        file.value().size_bytes(), kHeadBytes)),
                    '\0');
  const Result<void> read =
      file.value().ReadAt(0, std::as_writable_bytes(std::span(bytes)));
  return read.ok() ? bytes : "";
}

std::optional<std::string> RecognizeBinary(const ManifestHead& head,
                                           const ManifestOptions& options) {
  const std::string_view bytes = head.bytes;
  const auto magic = std::find_if(
      std::begin(kMagics), std::end(kMagics), [bytes](const Magic& candidate) {
        return bytes.substr(std::min(candidate.offset, bytes.size()))
            .starts_with(candidate.bytes);
      });
  if (magic == std::end(kMagics)) return std::nullopt;
  if (magic->name.starts_with("UTF")) {
    return fmt::format(
        "is {}; convert it: {}", magic->name,
        Piped(head, fmt::format("{} {}", magic->command, PathOf(head))));
  }
  if (!magic->command.empty()) {
    return fmt::format(
        "is {}; unpack it: {}", magic->name,
        Piped(head, fmt::format("{} {}", magic->command, PathOf(head))));
  }
  return fmt::format("is {}; {}", magic->name,
                     Converted(head, magic->format, LanguageFlag(options)));
}

std::optional<std::string> RecognizeManifest(const ManifestHead& head,
                                             const ManifestOptions& options) {
  if (auto binary = RecognizeBinary(head, options)) return binary;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::string_view text = head.bytes;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  text = WithoutSpace(text);
  if (text.starts_with('[')) {
    if (!WithoutSpace(text.substr(1)).starts_with('{')) return std::nullopt;
    // Of chat messages, and not of rows.
    if (text.find("\"audios\"") != text.npos) {
      return "is a JSON array of chat messages; " +
             Converted(head, "chat", LanguageFlag(options));
    }
    return "is a JSON array; put each object on one line: " +
           Piped(head, fmt::format("jq -c '.[]' {}", PathOf(head)));
  }
  if (text.starts_with('{')) return RecognizeObjects(head, text, options);
  return RecognizeText(head, text, options);
}

std::string DescribeOtherFile(const std::string& path, const std::string& split,
                              const ManifestOptions& options) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return fmt::format("is a folder; give its manifests, as in {}/*.jsonl",
                       Printable(path));
  }
  if (!std::filesystem::exists(path, error)) {
    return path.find_first_of("*?[") == path.npos
               ? "no such file"
               : "no such file; if files match this pattern, write it without "
                 "quotes";
  }
  const auto recognized = RecognizeManifest(
      {.bytes = ReadManifestHead(path), .path = path, .split = split}, options);
  if (recognized) return *recognized;
  return "a manifest's name must end in .jsonl or .json";
}

}  // namespace melmill
