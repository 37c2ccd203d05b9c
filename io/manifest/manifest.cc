#include "io/manifest/manifest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "io/manifest/audio_path.h"
#include "io/manifest/flat_json.h"
#include "io/manifest/language.h"
#include "io/manifest/piece_fields.h"
#include "io/manifest/segment_fields.h"
#include "io/manifest/utf8.h"

namespace melmill {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string CompactString(const std::string& text) { return Json(text).dump(); }

// Makes the compact JSON text of one value from its SAX events.
class CompactWriter {
 public:
  explicit CompactWriter(std::string* out) : out_(out) {}

  void Value(std::string_view json) {
    Separate();
    *out_ += json;
    needs_comma_ = true;
  }
  void Open(char bracket) {
    Separate();
    *out_ += bracket;
  }
  void Key(const std::string& key) {
    Separate();
    *out_ += CompactString(key) + ':';
  }
  void Close(char bracket) {
    *out_ += bracket;
    needs_comma_ = true;
  }

 private:
  void Separate() {
    if (needs_comma_) *out_ += ',';
    needs_comma_ = false;
  }

  std::string* out_;
  bool needs_comma_ = false;
};

// The keys of an object. Most objects have so few that comparing with each
// costs less than allocating a set.
class KeySet {
 public:
  // Returns false if the key is there already.
  bool Add(const std::string& key) {
    const auto few_end = few_.begin() + num_few_;
    if (std::find(few_.begin(), few_end, key) != few_end) return false;
    if (num_few_ == few_.size()) return many_.insert(key).second;
    few_[num_few_++] = key;
    return true;
  }

 private:
  std::array<std::string, 8> few_;
  size_t num_few_ = 0;
  std::unordered_set<std::string> many_;
};

// Keeps the wanted values of a line's SAX events and drops the rest.
class LineHandler final : public Json::json_sax_t {
 public:
  LineHandler(std::string_view json, const ManifestOptions& options)
      : json_(json), options_(options) {
    line_.kept.resize(options.kept_fields.size());
  }

  // Both may be called only when the parser is done.
  std::string UsableAudio() const;
  Result<ManifestLine> Finish() &&;

  bool null() override {
    if (IsField(Field::kPrompt)) prompt_ = Presence::kGood;
    if (IsField(Field::kAudioPath)) audio_path_.AddNull();
    if (depth_ == 1) pieces_.AddNull();
    return Scalar("null");
  }
  bool boolean(bool value) override { return Scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    if (depth_ == 1) pieces_.AddInteger(value);
    return Number(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 1) pieces_.AddUnsigned(value);
    return Number(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (depth_ == 1) pieces_.AddReal(value);
    return Number(value, text);
  }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return Open('{'); }
  bool start_array(std::size_t) override { return Open('['); }
  bool end_object() override { return Close('}'); }
  bool end_array() override { return Close(']'); }
  bool key(string_t& key) override;
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override;

 private:
  enum class Field { kOther, kAudio, kText, kPrompt, kLanguage, kAudioPath };
  enum class Presence { kMissing, kWrongType, kGood };

  // Whether the next event is the whole value of this top-level field.
  bool IsField(Field field) const { return depth_ == 1 && field_ == field; }

  void StartField(const std::string& key);
  // Makes value_ write the value of the field that starts, if it is needed.
  void StartValue(const std::string& key);
  void Drop(const std::string& key);
  // Takes the fields that say which audio is meant from those that are dropped.
  void UndropAudioFields();
  void Undrop(std::string_view field);
  bool Scalar(std::string_view json);
  bool Number(double value, std::string_view text);
  bool Open(char bracket);
  bool Close(char bracket);
  // Stops the parser.
  bool Fail(ErrorCode code, std::string message);
  std::optional<Error> FieldError() const;
  // Puts the template before a plain text whose language is known.
  void AddTemplate();

  std::string_view json_;
  const ManifestOptions& options_;
  ManifestLine line_;
  int depth_ = 0;
  Field field_ = Field::kOther;
  // Writes the value of a field that is kept or may name a segment.
  std::optional<CompactWriter> value_;
  PieceFields pieces_;
  SegmentFields segment_;
  std::list<std::string> segment_values_;  // those that are not kept
  KeySet keys_;
  std::optional<std::string> duplicate_key_;
  Presence audio_ = Presence::kMissing;
  Presence text_ = Presence::kMissing;
  Presence prompt_ = Presence::kMissing;
  AudioPath audio_path_;
  std::string language_;  // of the language field
  std::optional<Error> error_;
};

bool LineHandler::Fail(ErrorCode code, std::string message) {
  error_ = Error{code, std::move(message)};
  return false;
}

bool LineHandler::key(string_t& key) {
  if (depth_ == 1) {
    StartField(key);
  } else if (value_) {
    value_->Key(key);
  }
  return true;
}

void LineHandler::StartField(const std::string& key) {
  // Parsing continues after a duplicate key: a later syntax error takes
  // precedence.
  if (!keys_.Add(key) && !duplicate_key_) duplicate_key_ = key;

  // The type counts as wrong until a value of the right type comes.
  field_ = Field::kOther;
  if (key == options_.fields.audio) {
    field_ = Field::kAudio;
    audio_ = Presence::kWrongType;
  } else if (key == options_.fields.text) {
    field_ = Field::kText;
    text_ = Presence::kWrongType;
  } else if (key == "prompt") {
    field_ = Field::kPrompt;
    prompt_ = Presence::kWrongType;
  } else if (!key.empty() && key == options_.fields.language_field) {
    field_ = Field::kLanguage;
  } else if (key == kAudioPathField) {
    field_ = Field::kAudioPath;
    audio_path_.Start();
  }
  pieces_.StartField(key);
  StartValue(key);
}

void LineHandler::Drop(const std::string& key) {
  ++line_.num_dropped_fields;
  if (line_.dropped_fields.size() < ManifestLine::kMaxDroppedNames) {
    line_.dropped_fields.push_back(Quotable(key));
  }
}

void LineHandler::Undrop(std::string_view field) {
  const auto& kept = options_.kept_fields;
  if (std::ranges::find(kept, field) != kept.end() ||
      field == options_.fields.language_field) {
    return;
  }
  --line_.num_dropped_fields;
  std::erase(line_.dropped_fields, field);
}

void LineHandler::UndropAudioFields() {
  for (const std::string_view field : line_.piece.fields) Undrop(field);
  if (!line_.audio_path.empty()) Undrop(kAudioPathField);
}

void LineHandler::StartValue(const std::string& key) {
  value_.reset();
  const bool may_name_segment = segment_.StartField(key);
  const auto& fields = options_.kept_fields;
  const auto kept = std::find(fields.begin(), fields.end(), key);
  std::string* value = nullptr;
  if (kept != fields.end()) {
    value = &line_.kept[static_cast<size_t>(kept - fields.begin())];
    value->clear();
  } else {
    if (field_ == Field::kOther || field_ == Field::kAudioPath) Drop(key);
    if (may_name_segment) value = &segment_values_.emplace_back();
  }
  if (may_name_segment) segment_.SetJson(value);
  if (value != nullptr) value_.emplace(value);
}

bool LineHandler::string(string_t& value) {
  const bool goes_on = Scalar(value_ ? CompactString(value) : std::string());
  if (IsField(Field::kAudio)) {
    audio_ = Presence::kGood;
    line_.audio = std::move(value);
  } else if (IsField(Field::kText)) {
    text_ = Presence::kGood;
    line_.text = std::move(value);
  } else if (IsField(Field::kPrompt)) {
    prompt_ = Presence::kGood;
    line_.prompt = std::move(value);
  } else if (IsField(Field::kLanguage)) {
    language_ = std::move(value);
  } else if (IsField(Field::kAudioPath)) {
    audio_path_.AddText(std::move(value));
  } else if (depth_ > 0) {
    segment_.AddText(value, depth_ > 1);
  }
  return goes_on;
}

bool LineHandler::Number(double value, std::string_view text) {
  if (depth_ > 0) segment_.AddNumber(value, depth_ > 1);
  return Scalar(text);
}

bool LineHandler::Scalar(std::string_view json) {
  if (depth_ == 0) return Fail(RejectCode::kNotAnObject, "not a JSON object");
  if (value_) value_->Value(json);
  return true;
}

bool LineHandler::Open(char bracket) {
  if (depth_ == 0 && bracket != '{') {
    return Fail(RejectCode::kNotAnObject, "not a JSON object");
  }
  if (value_) value_->Open(bracket);
  if (++depth_ > kMaxDepth) {
    return Fail(RejectCode::kTooDeep,
                "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  return true;
}

bool LineHandler::Close(char bracket) {
  --depth_;
  if (depth_ > 0 && value_) value_->Close(bracket);
  return true;
}

bool LineHandler::parse_error(std::size_t position,
                              const std::string& last_token,
                              const nlohmann::detail::exception& error) {
  // Columns are characters, as editors count them. At the end of the line the
  // position is one beyond it.
  const std::string_view before = json_.substr(0, position - 1);
  const auto column =
      1 + std::count_if(before.begin(), before.end(), [](char c) {
        return (static_cast<uint8_t>(c) & 0xC0) != 0x80;
      });
  const std::string place = " at column " + std::to_string(column) + ": ";
  constexpr int kNumberOverflowId = 406;
  if (error.id == kNumberOverflowId) {
    return Fail(RejectCode::kNumberOutOfRange,
                "number out of range" + place + Quotable(last_token));
  }
  // "[json.exception...] parse error at line 1, column 2: <reason>".
  const std::string_view what = error.what();
  const size_t colon = what.find(": ");
  return Fail(RejectCode::kBadJson,
              "not valid JSON" + place +
                  Quotable(what.substr(colon == what.npos ? 0 : colon + 2)));
}

// A message about a field: `before`, its name in quotes, `after`.
Error FieldFault(RejectCode code, std::string_view before,
                 const std::string& field, std::string_view after) {
  std::string message(before);
  message += '"' + Quotable(field) + '"';
  message += after;
  return {code, std::move(message)};
}

std::optional<Error> LineHandler::FieldError() const {
  if (duplicate_key_) {
    return Error{RejectCode::kDuplicateKey,
                 "\"" + Quotable(*duplicate_key_) + "\" appears twice"};
  }
  const std::string& audio = options_.fields.audio;
  const std::string& text = options_.fields.text;
  if (audio_ == Presence::kMissing) {
    return FieldFault(RejectCode::kMissingAudio, "no ", audio, " field");
  }
  if (audio_ == Presence::kWrongType) {
    return FieldFault(RejectCode::kBadAudio, "", audio, " is not a string");
  }
  if (line_.audio.empty()) {
    return FieldFault(RejectCode::kBadAudio, "", audio, " is empty");
  }
  if (line_.audio.find('\0') != std::string::npos) {
    return FieldFault(RejectCode::kBadAudio, "", audio,
                      " holds a NUL character");
  }
  if (IsUrl(line_.audio)) {
    if (std::optional<Error> error = audio_path_.FindError()) return error;
  }
  if (text_ == Presence::kMissing && options_.require_text) {
    return FieldFault(RejectCode::kMissingText, "no ", text, " field");
  }
  if (text_ == Presence::kWrongType) {
    return FieldFault(RejectCode::kBadText, "", text, " is not a string");
  }
  if (prompt_ == Presence::kWrongType) {
    return Error{RejectCode::kBadPrompt, "\"prompt\" is not a string"};
  }
  return std::nullopt;
}

void LineHandler::AddTemplate() {
  const ManifestFields& fields = options_.fields;
  if (fields.language.empty() && fields.language_field.empty()) return;
  // A text with a wrong template gets no second one, but a warning.
  if (text_ != Presence::kGood || LooksLikeTemplate(line_.text)) return;
  std::string name = LanguageName(language_);
  if (name.empty()) name = LanguageName(fields.language);
  if (!name.empty()) line_.text = TemplateText(name, line_.text);
}

std::string LineHandler::UsableAudio() const {
  const bool is_usable = !error_ && !duplicate_key_ &&
                         audio_ == Presence::kGood &&
                         line_.audio.find('\0') == std::string::npos;
  return is_usable ? line_.audio : std::string();
}

Result<ManifestLine> LineHandler::Finish() && {
  if (error_) return *std::move(error_);
  if (std::optional<Error> error = FieldError()) return *std::move(error);
  Result<PieceRequest> piece = pieces_.Finish(options_.segments);
  if (!piece.ok()) return piece.error();
  line_.piece = std::move(piece).value();
  if (IsUrl(line_.audio)) line_.audio_path = std::move(audio_path_).Take();
  UndropAudioFields();
  if (!line_.piece.segment) line_.segment = segment_.Finish();
  line_.names_channel = segment_.has_channel();
  AddTemplate();
  line_.language = TemplateLanguage(line_.text);
  line_.lacks_template = options_.check_template && text_ == Presence::kGood &&
                         line_.language.empty();
  line_.repeats_template =
      options_.check_template && RepeatsTemplate(line_.text);
  if (line_.lacks_template && options_.strict_text) {
    return FieldFault(RejectCode::kTextTemplate, "", options_.fields.text,
                      " does not start with \"language {Name}<asr_text>\"");
  }
  return std::move(line_);
}

std::optional<Error> EncodingError(std::string_view line) {
  if (const size_t nul = line.find('\0'); nul != line.npos) {
    return Error{RejectCode::kRawNul, "NUL at byte " + std::to_string(nul + 1)};
  }
  if (const size_t bad = FindInvalidUtf8(line); bad != line.npos) {
    return Error{RejectCode::kInvalidUtf8, "not valid UTF-8 at byte " +
                                               std::to_string(bad + 1) + ": " +
                                               HexEscaped(line[bad])};
  }
  // The JSON parser would accept it on any line.
  if (line.starts_with(kByteOrderMark)) {
    return Error{RejectCode::kBadJson,
                 "not valid JSON at column 1: a byte order mark"};
  }
  return std::nullopt;
}

}  // namespace

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == line.npos;
}

Result<ManifestLine> ParseManifestLine(std::string_view line,
                                       const ManifestOptions& options,
                                       std::string* audio) {
  if (audio != nullptr) audio->clear();
  if (std::optional<Error> error = EncodingError(line)) {
    return *std::move(error);
  }
  std::optional<LineHandler> handler(std::in_place, line, options);
  if (!FlatJsonScanner(line).Scan(&*handler)) {
    handler.emplace(line, options);
    // The handler knows more than the return value says.
    (void)Json::sax_parse(line.begin(), line.end(), &*handler);
  }
  if (audio != nullptr) *audio = handler->UsableAudio();
  return std::move(*handler).Finish();
}

}  // namespace melmill
