#include "io/manifest/manifest.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/heap_meter.h"

namespace melmill {
namespace {

constexpr size_t kMaxLine = size_t{16} << 20;

ManifestOptions Keeping(std::vector<std::string> fields) {
  ManifestOptions options;
  options.kept_fields = std::move(fields);
  return options;
}

// Parses a line that must be accepted. An error is a test failure.
ManifestLine Parse(std::string_view line, const ManifestOptions& options = {}) {
  Result<ManifestLine> result = ParseManifestLine(line, options);
  if (result.ok()) return std::move(result).value();
  ADD_FAILURE() << line.substr(0, 200) << ": " << result.error().message;
  ManifestLine nothing;
  nothing.kept.resize(options.kept_fields.size());
  return nothing;
}

Error ErrorOf(std::string_view line, const ManifestOptions& options = {}) {
  const Result<ManifestLine> result = ParseManifestLine(line, options);
  return result.ok() ? Error{} : result.error();
}

std::string_view CodeOf(std::string_view line,
                        const ManifestOptions& options = {}) {
  const Error error = ErrorOf(line, options);
  return error.code.is_reject() ? RejectCodeName(error.code.reject()) : "none";
}

// A good line with one more field.
std::string With(std::string_view field) {
  return R"({"audio":"a.wav","text":"language English<asr_text>hello",)" +
         std::string(field) + "}";
}

std::string Repeated(std::string_view text, size_t count) {
  std::string repeated;
  for (size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

double SecondsToParse(std::string_view line) {
  const auto start = std::chrono::steady_clock::now();
  (void)ParseManifestLine(line, {});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

// ---- Accepted lines ----

TEST(ManifestTest, TakesAudioTextAndLanguage) {
  const ManifestLine line = Parse(
      R"({"audio": "clips/a.wav", "text": "language English<asr_text>hello"})");
  EXPECT_EQ(line.audio, "clips/a.wav");
  EXPECT_EQ(line.text, "language English<asr_text>hello");
  EXPECT_EQ(line.language, "English");
  EXPECT_EQ(line.prompt, "");
  EXPECT_EQ(line.num_dropped_fields, 0);
  EXPECT_FALSE(line.lacks_template);
  EXPECT_FALSE(line.segment.has_start);
}

TEST(ManifestTest, FieldsMayComeInAnyOrderWithWhiteSpace) {
  const ManifestLine line =
      Parse(" \t{ \"text\" :\t\"x\" , \"audio\" : \"a.wav\" } \t");
  EXPECT_EQ(line.audio, "a.wav");
  EXPECT_EQ(line.text, "x");
}

TEST(ManifestTest, DecodesEscapesAndUtf8) {
  const ManifestLine line =
      Parse(R"({"audio":"\u00fc/\ud83d\ude00.wav","text":")"
            "\u4f60\u597d"
            R"( \n\u0000"})");
  EXPECT_EQ(line.audio, "\u00fc/\U0001F600.wav");
  EXPECT_EQ(line.text, std::string("\u4f60\u597d \n\0", 9));
}

TEST(ManifestTest, EmptyTextIsAText) {
  const ManifestLine line = Parse(R"({"audio":"a.wav","text":""})");
  EXPECT_EQ(line.text, "");
  EXPECT_TRUE(line.lacks_template);
}

TEST(ManifestTest, KeepsPrompt) {
  const ManifestLine line = Parse(With(R"("prompt":"be exact")"));
  EXPECT_EQ(line.prompt, "be exact");
  EXPECT_EQ(line.num_dropped_fields, 0);
}

TEST(ManifestTest, NullPromptIsNoPrompt) {
  EXPECT_EQ(Parse(With(R"("prompt":null)")).prompt, "");
}

TEST(ManifestTest, CountsDroppedTopLevelFields) {
  const ManifestLine line =
      Parse(With(R"("id":7,"audio_info":{"a":1,"b":[2,{"c":3}]},"x":null)"));
  EXPECT_EQ(line.num_dropped_fields, 3);
}

TEST(ManifestTest, NestedFieldsOfTheSameNamesMeanNothing) {
  const ManifestLine line = Parse(
      With(R"("more":{"audio":"b.wav","text":5,"prompt":[],"offset":2})"));
  EXPECT_EQ(line.audio, "a.wav");
  EXPECT_EQ(line.text, "language English<asr_text>hello");
  EXPECT_FALSE(line.segment.has_start);
}

TEST(ManifestTest, AChannelIsANumberOfTheTopLevel) {
  for (const char* fields :
       {R"("channel":0)", R"("channel":1)", R"("channel":"1")",
        R"("channel":1,"offset":1,"duration":2)"}) {
    const ManifestLine line = Parse(With(fields));
    EXPECT_TRUE(line.names_channel) << fields;
    EXPECT_FALSE(line.segment.has_start) << fields;
    EXPECT_EQ(line.dropped_fields, std::vector<std::string>{"channel"});
  }
  for (const char* fields :
       {R"("channel":"news")", R"("channel":null)", R"("channel":[0,1])",
        R"("channels":2)", R"("x":{"channel":1})"}) {
    EXPECT_FALSE(Parse(With(fields)).names_channel) << fields;
  }
}

TEST(ManifestTest, NestedDuplicateKeysAreAccepted) {
  EXPECT_EQ(Parse(With(R"("x":{"a":1,"a":2})")).num_dropped_fields, 1);
}

TEST(ManifestTest, HugeIntegersAreAcceptedInDroppedFields) {
  EXPECT_EQ(CodeOf(With(R"("id":123456789012345678901234567890)")), "none");
  EXPECT_EQ(CodeOf(With(R"("id":-123456789012345678901234567890)")), "none");
}

TEST(ManifestTest, DepthOf32IsAccepted) {
  // The line's object is the first level.
  EXPECT_EQ(CodeOf(With("\"x\":" + Repeated("[", 31) + Repeated("]", 31))),
            "none");
  EXPECT_EQ(CodeOf(With("\"x\":" + Repeated("{\"y\":", 31) + "1" +
                        Repeated("}", 31))),
            "none");
  // Only the depth counts, not the number of brackets.
  EXPECT_EQ(CodeOf(With("\"x\":[" + Repeated("[],", 100) + "{}]")), "none");
}

// ---- Segments ----

TEST(ManifestTest, FieldsThatNameAPartOfTheFileAreKnown) {
  const NamedSegment segment =
      Parse(With(R"("duration":"2","offset":1.50,"end":[ 3 ],"id":7)")).segment;
  EXPECT_TRUE(segment.has_start);
  EXPECT_EQ(segment.fields, R"("duration": "2", "offset": 1.50, "end": [3])");
  EXPECT_TRUE(Parse(With(R"("start":"00:00:01")")).segment.has_start);
  EXPECT_TRUE(Parse(With(R"("segment":{"a":{"b":"2"}})")).segment.has_start);
  EXPECT_FALSE(Parse(With(R"("id":7,"x":{"start":1})")).segment.has_start);
}

TEST(ManifestTest, LongSegmentFieldsAreShortened) {
  const std::string fields =
      Parse(With("\"segment\":[" + Repeated("1,", 1000) + "1]")).segment.fields;
  EXPECT_TRUE(fields.starts_with(R"("segment": [1,1,1)"));
  EXPECT_LT(fields.size(), 200u);
}

// ---- Kept fields ----

TEST(ManifestTest, KeepsFieldsAsCompactJsonInTheOrderAskedFor) {
  const ManifestLine line =
      Parse(With(R"("b":{"x" : [1, -2, 2.50,1E5, true ,null], "y":{},"z":"q"},)"
                 R"("a": "say \"hi\" \u00e9\u001b","c":[ ],"d":4)"),
            Keeping({"a", "b", "c", "none"}));
  ASSERT_EQ(line.kept.size(), 4u);
  EXPECT_EQ(line.kept[0], "\"say \\\"hi\\\" \u00e9\\u001b\"");
  EXPECT_EQ(line.kept[1], R"({"x":[1,-2,2.50,1E5,true,null],"y":{},"z":"q"})");
  EXPECT_EQ(line.kept[2], "[]");
  EXPECT_EQ(line.kept[3], "");
  EXPECT_EQ(line.num_dropped_fields, 1);
}

TEST(ManifestTest, KeepsNumbersExactly) {
  const ManifestLine line =
      Parse(With(R"("a":18446744073709551615,"b":-9223372036854775808,)"
                 R"("c":123456789012345678901234567890,"d":0.1000)"),
            Keeping({"a", "b", "c", "d"}));
  EXPECT_EQ(line.kept, (std::vector<std::string>{
                           "18446744073709551615", "-9223372036854775808",
                           "123456789012345678901234567890", "0.1000"}));
}

TEST(ManifestTest, KeepsScalarsOfEveryKind) {
  const ManifestLine line = Parse(With(R"("a":null,"b":true,"c":"","d":false)"),
                                  Keeping({"a", "b", "c", "d"}));
  EXPECT_EQ(line.kept,
            (std::vector<std::string>{"null", "true", "\"\"", "false"}));
}

TEST(ManifestTest, KeptSegmentStartStillIsASegment) {
  const ManifestLine line = Parse(With(R"("offset":1.5)"), Keeping({"offset"}));
  EXPECT_TRUE(line.segment.has_start);
  EXPECT_EQ(line.segment.fields, R"("offset": 1.5)");
  EXPECT_EQ(line.kept[0], "1.5");
  EXPECT_EQ(line.num_dropped_fields, 0);
}

TEST(ManifestTest, KnownFieldsCanBeKeptAsWell) {
  const ManifestLine line =
      Parse(With(R"("prompt":null)"), Keeping({"prompt", "audio"}));
  EXPECT_EQ(line.kept, (std::vector<std::string>{"null", "\"a.wav\""}));
  EXPECT_EQ(line.audio, "a.wav");
}

// ---- Bytes that are not text ----

TEST(ManifestTest, RawNulIsRefused) {
  const std::string nul(1, '\0');
  const Error error = ErrorOf("{\"audio\":\"a" + nul + "\"}");
  EXPECT_EQ(error.code, RejectCode::kRawNul);
  EXPECT_EQ(error.message, "NUL at byte 12");
  // The JSON parser alone would take it for the end of the line.
  EXPECT_EQ(CodeOf(With("\"x\":1") + nul), "raw_nul");
}

TEST(ManifestTest, InvalidUtf8IsRefusedWithItsPlace) {
  const Error error = ErrorOf("{\"audio\":\"\u00e9\xFF.wav\",\"text\":\"x\"}");
  EXPECT_EQ(error.code, RejectCode::kInvalidUtf8);
  EXPECT_EQ(error.message, "not valid UTF-8 at byte 13: \\xff");
}

TEST(ManifestTest, EveryFormOfInvalidUtf8IsRefused) {
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF",
        "\xE2\x82", "\xE2(\xA1", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
    // The bad byte is at every place in a word of eight bytes, in a string and
    // at the end.
    for (size_t shift = 0; shift < 9; ++shift) {
      const std::string padding(shift, 'x');
      const std::string bytes(bad);
      EXPECT_EQ(CodeOf(With("\"x\":\"" + padding + bytes + "\"")),
                "invalid_utf8")
          << testing::PrintToString(bytes) << " after " << shift;
      EXPECT_EQ(CodeOf(padding + bytes), "invalid_utf8")
          << testing::PrintToString(bytes) << " after " << shift;
    }
  }
}

TEST(ManifestTest, BordersOfValidUtf8AreAccepted) {
  const std::string text =
      "\u0080\u07FF\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF";
  EXPECT_EQ(Parse("{\"audio\":\"a\",\"text\":\"" + text + "\"}").text, text);
}

TEST(ManifestTest, ByteOrderMarkIsRefused) {
  // LineReader removes the mark of line 1. On any other line it is an error.
  EXPECT_EQ(CodeOf("\xEF\xBB\xBF" + With("\"x\":1")), "bad_json");
}

// ---- Not one JSON object ----

TEST(ManifestTest, BrokenSyntaxIsRefused) {
  for (const std::string_view line :
       {R"({"audio":"a.wav","text":"x",})",
        R"({"audio":"a.wav","text":"x")",
        R"({"audio":"a.wav" "text":"x"})",
        R"({"audio":"a.wav","text":"x)",
        R"({'audio':'a.wav','text':'x'})",
        R"({audio:"a.wav","text":"x"})",
        R"({"audio":"a.wav","text":"x"} {"audio":"b.wav","text":"x"})",
        R"({"audio":"a.wav","text":"x"}{})",
        R"({"audio":"a.wav"} x)",
        R"({"audio":"a.wav","text":"x"} // a comment)",
        R"(/* a comment */ {"audio":"a.wav","text":"x"})",
        R"({"audio":"a.wav","text":"x","y":NaN})",
        R"({"audio":"a.wav","text":"x","y":Infinity})",
        R"({"audio":"a.wav","text":"x","y":-Infinity})",
        R"({"audio":"a.wav","text":"x","y":01})",
        R"({"audio":"a.wav","text":"x","y":+1})",
        R"({"audio":"a.wav","text":"x","y":.5})",
        R"({"audio":"a.wav","text":"x","y":True})",
        R"({"audio":"a.wav","text":"\x41"})",
        "{\"audio\":\"a\tb\"}",
        "a.wav",
        "{",
        "}",
        "",
        " "}) {
    EXPECT_EQ(CodeOf(line), "bad_json") << line;
  }
}

TEST(ManifestTest, LoneSurrogatesAreRefused) {
  EXPECT_EQ(CodeOf(With(R"("x":"\ud83d")")), "bad_json");
  EXPECT_EQ(CodeOf(With(R"("x":"\ude00")")), "bad_json");
  EXPECT_EQ(CodeOf(With(R"("x":"\ud83d\u0041")")), "bad_json");
}

TEST(ManifestTest, OtherJsonThanAnObjectIsRefused) {
  for (const std::string_view line :
       {"[]", R"([{"audio":"a.wav"}])", R"("a.wav")", "5", "-1.5", "true",
        "null"}) {
    EXPECT_EQ(CodeOf(line), "not_an_object") << line;
  }
}

TEST(ManifestTest, DepthOver32IsRefused) {
  EXPECT_EQ(CodeOf(With("\"x\":" + Repeated("[", 32) + Repeated("]", 32))),
            "too_deep");
  EXPECT_EQ(CodeOf(With("\"x\":" + Repeated("{\"y\":", 32) + "1" +
                        Repeated("}", 32))),
            "too_deep");
  EXPECT_EQ(CodeOf(With("\"x\":" + Repeated("[{\"y\":", 16) + "1" +
                        Repeated("}]", 16)),
                   Keeping({"x"})),
            "too_deep");
}

TEST(ManifestTest, DuplicateTopLevelKeyIsRefusedByName) {
  EXPECT_EQ(CodeOf(R"({"audio":"a","text":"x","audio":"b"})"), "duplicate_key");
  EXPECT_EQ(ErrorOf(With(R"("x":1,"y":2,"x":1)")).message,
            "\"x\" appears twice");
  // These are two ways to write the same key.
  EXPECT_EQ(ErrorOf(With(R"("te\u0078t":"y")")).message,
            "\"text\" appears twice");
}

TEST(ManifestTest, NumberBeyondDoubleIsRefused) {
  const Error error = ErrorOf(With(R"("x":1e400)"));
  EXPECT_EQ(error.code, RejectCode::kNumberOutOfRange);
  EXPECT_EQ(error.message, "number out of range at column 67: 1e400");
  EXPECT_EQ(CodeOf(With(R"("x":[-1e400])")), "number_out_of_range");
  EXPECT_EQ(CodeOf(With("\"x\":" + std::string(400, '9'))),
            "number_out_of_range");
}

// ---- Fields ----

TEST(ManifestTest, MissingAudioIsRefused) {
  EXPECT_EQ(CodeOf("{}"), "missing_audio");
  EXPECT_EQ(CodeOf(R"({"text":"x"})"), "missing_audio");
  EXPECT_EQ(CodeOf(R"({"Audio":"a.wav","text":"x"})"), "missing_audio");
}

TEST(ManifestTest, AudioMustBeAString) {
  for (const std::string_view value :
       {"null", "5", "-5", "1.5", "true", R"(["a.wav"])", R"({"path":"a.wav"})",
        R"("")", R"("a\u0000.wav")"}) {
    EXPECT_EQ(CodeOf("{\"audio\":" + std::string(value) + ",\"text\":\"x\"}"),
              "bad_audio")
        << value;
  }
}

TEST(ManifestTest, MissingTextIsRefused) {
  EXPECT_EQ(CodeOf(R"({"audio":"a.wav"})"), "missing_text");
}

TEST(ManifestTest, TextMustBeAString) {
  for (const std::string_view value :
       {"null", "5", "-5", "1.5", "false", R"(["x"])", R"({"x":"y"})"}) {
    const std::string line =
        "{\"audio\":\"a.wav\",\"text\":" + std::string(value) + "}";
    ManifestOptions no_text;
    no_text.require_text = false;
    EXPECT_EQ(CodeOf(line), "bad_text") << value;
    EXPECT_EQ(CodeOf(line, no_text), "bad_text") << value;
  }
}

TEST(ManifestTest, TextMayBeMissingWhenItIsNotRequired) {
  ManifestOptions options;
  options.require_text = false;
  options.strict_text = true;
  const ManifestLine line = Parse(R"({"audio":"a.wav"})", options);
  EXPECT_EQ(line.text, "");
  EXPECT_FALSE(line.lacks_template);
}

TEST(ManifestTest, PromptMustBeAStringOrNull) {
  for (const std::string_view value : {"5", "false", R"(["x"])", "{}"}) {
    EXPECT_EQ(CodeOf(With("\"prompt\":" + std::string(value))), "bad_prompt")
        << value;
  }
}

TEST(ManifestTest, MostFundamentalCauseIsReported) {
  EXPECT_EQ(CodeOf("{\"audio\":5,\"\xFF\":\"" + std::string(1, '\0') + "\""),
            "raw_nul");
  EXPECT_EQ(CodeOf("{\"audio\":5,\"\xFF\":"), "invalid_utf8");
  EXPECT_EQ(CodeOf(R"({"audio":5,"audio":6,)"), "bad_json");
  EXPECT_EQ(CodeOf(R"({"audio":5,"audio":6})"), "duplicate_key");
  EXPECT_EQ(CodeOf(R"({"text":5,"prompt":5})"), "missing_audio");
  EXPECT_EQ(CodeOf(R"({"prompt":5,"text":5,"audio":5})"), "bad_audio");
  EXPECT_EQ(CodeOf(R"({"prompt":5,"audio":"a.wav"})"), "missing_text");
}

// ---- Other fields ----

TEST(ManifestTest, AudioAndTextMayHaveOtherNames) {
  ManifestOptions options;
  options.fields = {.audio = "wav", .text = "txt"};
  const ManifestLine line =
      Parse(R"({"wav":"a.wav","txt":"x","audio":5,"text":[1]})", options);
  EXPECT_EQ(line.audio, "a.wav");
  EXPECT_EQ(line.text, "x");
  EXPECT_EQ(line.dropped_fields, (std::vector<std::string>{"audio", "text"}));
  EXPECT_EQ(ErrorOf(R"({"audio":"a"})", options).message, "no \"wav\" field");
  EXPECT_EQ(ErrorOf(R"({"wav":1})", options).message,
            "\"wav\" is not a string");
  EXPECT_EQ(ErrorOf(R"({"wav":"a"})", options).message, "no \"txt\" field");
  EXPECT_EQ(ErrorOf(R"({"wav":"a","txt":1})", options).message,
            "\"txt\" is not a string");
}

// A line whose audio is at a URL, with these fields.
std::string AtUrl(std::string_view fields) {
  return R"({"audio":"s3://b/a.wav","text":"language English<asr_text>x",)" +
         std::string(fields) + "}";
}

TEST(ManifestTest, AudioAtAUrlMayHaveAPath) {
  const ManifestLine line = Parse(AtUrl(R"("audio_path":"c/a.wav","n":1)"));
  EXPECT_EQ(line.audio, "s3://b/a.wav");
  EXPECT_EQ(line.audio_path, "c/a.wav");
  EXPECT_EQ(line.dropped_fields, std::vector<std::string>{"n"});
  EXPECT_EQ(line.num_dropped_fields, 1);
  // In any order, and also if it is kept.
  const ManifestLine kept = Parse(
      R"({"audio_path":"c\u0061","x":[],"text":"t","audio":"HF://o/n/a"})",
      Keeping({"audio_path"}));
  EXPECT_EQ(kept.audio_path, "ca");
  EXPECT_EQ(kept.kept, std::vector<std::string>{R"("ca")"});
  EXPECT_EQ(kept.num_dropped_fields, 1);
  EXPECT_EQ(Parse(AtUrl(R"("n":1)")).audio_path, "");
  const ManifestLine null = Parse(AtUrl(R"("audio_path":null)"));
  EXPECT_EQ(null.audio_path, "");
  EXPECT_EQ(null.num_dropped_fields, 1);
}

TEST(ManifestTest, APathOfAudioAtAUrlMustBeOne) {
  const auto message_of = [](const std::string& value) {
    const std::string line = AtUrl("\"audio_path\":" + value);
    EXPECT_EQ(CodeOf(line), "bad_audio") << value;
    return ErrorOf(line).message;
  };
  for (const char* value : {"5", "true", "[\"a\"]", "{\"a\":\"b\"}"}) {
    EXPECT_EQ(message_of(value), "\"audio_path\" is not a string") << value;
  }
  EXPECT_EQ(message_of("\"\""), "\"audio_path\" is empty");
  EXPECT_EQ(message_of(R"("a\u0000b")"),
            "\"audio_path\" holds a NUL character");
  EXPECT_EQ(CodeOf(AtUrl(R"("audio_path":"a","audio_path":"a")")),
            "duplicate_key");
}

TEST(ManifestTest, APathBesideOtherAudioMeansNothing) {
  for (const char* value : {"\"b.wav\"", "\"\"", "5", "[1]", "null"}) {
    const ManifestLine line =
        Parse(With("\"audio_path\":" + std::string(value)));
    EXPECT_EQ(line.audio_path, "") << value;
    EXPECT_EQ(line.dropped_fields, std::vector<std::string>{"audio_path"});
  }
}

TEST(ManifestTest, AFieldHasOneMeaning) {
  ManifestOptions options;
  const std::string_view json = R"({"audio_path":"s3://b/a","text":"t"})";
  options.fields.audio = "audio_path";
  EXPECT_EQ(Parse(json, options).audio_path, "");
  EXPECT_EQ(Parse(json, options).audio, "s3://b/a");
  options.fields = {.audio = "url", .text = "audio_path"};
  const std::string_view other = R"({"audio_path":"t","url":"s3://b/a"})";
  EXPECT_EQ(Parse(other, options).audio_path, "");
  EXPECT_EQ(Parse(other, options).text, "t");
}

TEST(ManifestTest, ALanguageGivesPlainTextsTheTemplate) {
  ManifestOptions options;
  options.fields.language = "en";
  options.fields.language_field = "lang";
  const auto text_of = [&options](std::string_view rest) {
    return Parse(R"({"audio":"a.wav",)" + std::string(rest) + "}", options)
        .text;
  };
  EXPECT_EQ(text_of(R"("text":"hi")"), "language English<asr_text>hi");
  EXPECT_EQ(text_of(R"("lang":"fr","text":"hi")"),
            "language French<asr_text>hi");
  EXPECT_EQ(text_of(R"("text":"hi","lang":"fr")"),
            "language French<asr_text>hi");
  EXPECT_EQ(text_of(R"("text":"hi","lang":null)"),
            "language English<asr_text>hi");
  EXPECT_EQ(text_of(R"("text":"hi","lang":["fr"])"),
            "language English<asr_text>hi");
  EXPECT_EQ(text_of(R"("text":"language Thai<asr_text>hi","lang":"fr")"),
            "language Thai<asr_text>hi");
  options.fields.language = "";
  EXPECT_EQ(text_of(R"("text":"hi","lang":"xx")"), "hi");
  EXPECT_TRUE(
      Parse(R"({"audio":"a.wav","text":"hi"})", options).lacks_template);
  const ManifestLine line =
      Parse(R"({"audio":"a.wav","text":"hi","lang":"de"})", options);
  EXPECT_EQ(line.language, "German");
  EXPECT_EQ(line.num_dropped_fields, 0);
  options.require_text = false;
  EXPECT_EQ(Parse(R"({"audio":"a.wav","lang":"de"})", options).text, "");
}

TEST(ManifestTest, NamesOfDroppedFieldsAreFewAndShort) {
  const std::string key(200, 'k');
  const ManifestLine line = Parse(With("\"" + key + R"(":1,"":1,"b\n":1)"));
  ASSERT_EQ(line.dropped_fields.size(), 3u);
  EXPECT_LT(line.dropped_fields[0].size(), 130u);
  EXPECT_EQ(line.dropped_fields[1], "");
  EXPECT_EQ(line.dropped_fields[2], "b\\x0a");
  std::string many = "\"0\":0";
  for (int i = 1; i < 20; ++i) many += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(Parse(With(many)).num_dropped_fields, 20);
  EXPECT_EQ(Parse(With(many)).dropped_fields.size(),
            ManifestLine::kMaxDroppedNames);
}

// ---- The template ----

TEST(ManifestTest, ATemplateThatIsThereTwiceIsMarked) {
  const std::string_view line =
      R"({"audio":"a","text":"language Thai<asr_text>language Thai<asr_text>"})";
  ManifestOptions options;
  EXPECT_TRUE(Parse(line, options).repeats_template);
  options.check_template = false;
  EXPECT_FALSE(Parse(line, options).repeats_template);
}

TEST(ManifestTest, MissingTemplateIsMarkedOrRefusedAsAskedFor) {
  const std::string_view line = R"({"audio":"a.wav","text":"hello"})";
  ManifestOptions options;
  EXPECT_TRUE(Parse(line, options).lacks_template);
  EXPECT_EQ(Parse(line, options).language, "");
  options.strict_text = true;
  EXPECT_EQ(CodeOf(line, options), "text_template");
  EXPECT_EQ(CodeOf(With("\"x\":1"), options), "none");
  options.check_template = false;
  EXPECT_FALSE(Parse(line, options).lacks_template);
}

TEST(ManifestTest, BlankIsSpacesAndTabsOnly) {
  EXPECT_TRUE(IsBlank(""));
  EXPECT_TRUE(IsBlank(" \t "));
  EXPECT_FALSE(IsBlank("\r"));
  EXPECT_FALSE(IsBlank("\u00a0"));
  EXPECT_FALSE(IsBlank(" x "));
}

// ---- Messages ----

TEST(ManifestTest, SyntaxErrorSaysWhereAndWhy) {
  const Error error = ErrorOf("{\"\u00fc\u4f60\":1,}");
  EXPECT_EQ(error.message,
            "not valid JSON at column 9: syntax error while parsing object key "
            "- unexpected '}'; expected string literal");
  EXPECT_EQ(ErrorOf("{").message.substr(0, 29),
            "not valid JSON at column 2: s");
}

TEST(ManifestTest, MessagesAreShortAndClean) {
  const std::string escape = "\x1b[31m\x7f\u0085";
  std::vector<std::string> lines = {
      "{\"audio\":" + std::string(100000, 'x'),
      "{\"audio\":\"" + std::string(100000, 'x'),
      "{\"audio\":\u4f60",
      "{\"audio\":" + escape,
      "{\"x\":1" + std::string(100000, '0') + "}",
  };
  const std::string key =
      "\"" + Repeated("\u4f60", 100000) + "\\n\\u001b\\u0085\":1";
  lines.push_back("{" + key + "," + key + "}");
  lines.push_back(R"({"a\n\u001b\u0085":1,"a\n\u001b\u0085":1})");
  for (const std::string& line : lines) {
    const std::string message = ErrorOf(line).message;
    EXPECT_GT(message.size(), 10u);
    EXPECT_LT(message.size(), 200u);
    EXPECT_EQ(message.find("json.exception"), message.npos) << message;
    EXPECT_EQ(message.find("\u0085"), message.npos) << message;
    for (const char c : message) {
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
          << message;
    }
    // The message must be valid UTF-8, as the parser itself checks.
    EXPECT_EQ(CodeOf("{\"\":\"" + message), "bad_json") << message;
  }
  EXPECT_EQ(ErrorOf(lines.back()).message,
            "\"a\\x0a\\x1b\\x85\" appears twice");
}

// ---- Hostile lines: time and memory ----

TEST(ManifestTest, DeepLinesAreRefusedAtOnce) {
  const std::string brackets(kMaxLine, '[');
  EXPECT_EQ(CodeOf(brackets), "not_an_object");
  EXPECT_LT(SecondsToParse(brackets), 2.0);
  const std::string objects = Repeated("{\"x\":", kMaxLine / 5);
  EXPECT_EQ(CodeOf(objects), "too_deep");
  EXPECT_LT(SecondsToParse(objects), 2.0);
}

TEST(ManifestTest, LongStringCostsNoMoreThanAFewTimesItsSize) {
  const std::string text(kMaxLine - 100, 'x');
  const std::string line = "{\"audio\":\"a.wav\",\"text\":\"" + text + "\"}";
  const HeapMeter meter;
  EXPECT_EQ(Parse(line).text.size(), text.size());
  EXPECT_LT(meter.PeakBytes(), 8 * kMaxLine);
  EXPECT_LT(SecondsToParse(line), 10.0);
}

TEST(ManifestTest, LongSyntaxErrorCostsNoMoreThanAFewTimesItsSize) {
  const std::string line = "{\"audio\":\"" + std::string(kMaxLine - 100, 'x');
  const HeapMeter meter;
  EXPECT_EQ(CodeOf(line), "bad_json");
  EXPECT_LT(meter.PeakBytes(), 12 * kMaxLine);
}

TEST(ManifestTest, ManyKeysCostNoMoreThanAFewTimesTheirSize) {
  std::string line = "{";
  for (int i = 0; line.size() < kMaxLine - 20; ++i) {
    line += "\"" + std::to_string(i) + "\":0,";
  }
  line += "\"0\":0}";
  const HeapMeter meter;
  EXPECT_EQ(CodeOf(line), "duplicate_key");
  EXPECT_LT(meter.PeakBytes(), 12 * kMaxLine);
}

TEST(ManifestTest, DroppedFieldsCostNoMemory) {
  const std::string line =
      With("\"x\":[" + Repeated("1,", kMaxLine / 3) + "1]");
  const HeapMeter meter;
  EXPECT_EQ(Parse(line).num_dropped_fields, 1);
  EXPECT_LT(meter.PeakBytes(), size_t{100000});
}

TEST(ParseManifestLineTest, GivesTheAudioOfALineThatIsOtherwiseWrong) {
  const auto audio_of = [](std::string_view line) {
    std::string audio = "left over";
    EXPECT_FALSE(ParseManifestLine(line, {}, &audio).ok());
    return audio;
  };
  EXPECT_EQ(audio_of(R"({"audio": "a.wav"})"), "a.wav");
  EXPECT_EQ(audio_of(R"({"audio": "a.wav", "text": 1})"), "a.wav");
  EXPECT_EQ(audio_of(R"({"text": "x"})"), "");
  EXPECT_EQ(audio_of(R"({"audio": "a\u0000b", "text": "x"})"), "");
  EXPECT_EQ(audio_of(R"({"audio": "a.wav", "audio": "b.wav"})"), "");
  EXPECT_EQ(audio_of(R"({"audio": "a.wav", )"), "");
  EXPECT_EQ(audio_of("\xff"), "");
}

}  // namespace
}  // namespace melmill
