#include "io/manifest/flat_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "io/manifest/utf8.h"
#include "tests/support/json_recorder.h"

namespace melmill {
namespace {

using Json = nlohmann::json;

bool Scan(std::string_view json) {
  JsonRecorder recorder;
  return FlatJsonScanner(json).Scan(&recorder);
}

// Expects that the complete parser reads in the same way what the scanner
// reads. Returns whether the scanner read it.
bool ExpectSameIfRead(std::string_view json) {
  JsonRecorder fast;
  if (!FlatJsonScanner(json).Scan(&fast)) return false;
  JsonRecorder complete;
  EXPECT_TRUE(Json::sax_parse(json.begin(), json.end(), &complete)) << json;
  EXPECT_EQ(fast.events(), complete.events()) << json;
  return true;
}

TEST(FlatJsonTest, ReadsUsualLines) {
  for (const std::string_view json : {
           R"({"audio": "a.wav", "text": "language English<asr_text>one"})",
           R"({"audio":"a.wav","text":"","prompt":null,"ok":true,"no":false})",
           R"({"duration": 3.25, "speaker": 17, "gain": -6, "pan": -0.5})",
           R"({"zero": 0, "minus": -0, "start": 0.0, "n": 123456789012345678})",
           R"({"text": "\u4f60\u597d \ud83d\ude00 \u00e9\u007f\u0000\"\\\/"})",
           R"({"escapes": "\b\f\n\r\t\"\\\/", "\u0061udio": "key"})",
           "{\"text\": \"\xE4\xBD\xA0\xF0\x9F\x98\x80 \x7F\"}",
           "\t {\r\"a\"\t: \"b\"  ,\"a\" :\"c\" } \r",
       }) {
    EXPECT_TRUE(ExpectSameIfRead(json)) << json;
  }
}

TEST(FlatJsonTest, LeavesWhatIsNestedOrRare) {
  for (const std::string_view json :
       {R"({})", R"([])", R"("a")", R"(1)", R"({"a": {}})", R"({"a": []})",
        R"({"a": 1e3})", R"({"a": 1.5E-3})", R"({"a": 1234567890123456789})"}) {
    EXPECT_FALSE(Scan(json)) << json;
  }
}

TEST(FlatJsonTest, LeavesWhatIsWrong) {
  for (const std::string_view json : {R"()",
                                      R"({)",
                                      R"({"a")",
                                      R"({"a":)",
                                      R"({"a":1)",
                                      R"({"a":1,)",
                                      R"({"a":1,})",
                                      R"({"a" 1})",
                                      R"({a:1})",
                                      R"({"a":1} x)",
                                      R"({"a":1}})",
                                      R"({"a":01})",
                                      R"({"a":-})",
                                      R"({"a":+1})",
                                      R"({"a":.5})",
                                      R"({"a":1.})",
                                      R"({"a":0x10})",
                                      R"({"a":tru})",
                                      R"({"a":NaN})",
                                      R"({"a":"b)",
                                      R"({"a":"\)",
                                      R"({"a":"\x"})",
                                      R"({"a":"\u12"})",
                                      R"({"a":"\u12g4"})",
                                      R"({"a":"\u+123"})",
                                      R"({"a":"\ud800"})",
                                      R"({"a":"\ud800\u0041"})",
                                      R"({"a":"\ud800\ud800"})",
                                      R"({"a":"\udc00"})",
                                      "{\"a\":\"\x01\"}",
                                      "{\"a\":\"tab\t\"}"}) {
    JsonRecorder complete;
    ASSERT_FALSE(Json::sax_parse(json.begin(), json.end(), &complete)) << json;
    EXPECT_FALSE(Scan(json)) << json;
  }
}

TEST(FlatJsonTest, ReadsRandomTextLikeTheCompleteParser) {
  const std::vector<std::string> pieces = {
      "{",       "}",        "\"",       "\"a\"",  "\"b\\n\"", ":",
      ",",       " ",        "0",        "12",     "-3",       ".5",
      "-",       "1e2",      "true",     "null",   "\\u0041",  "\\ud83d",
      "\\ude00", "\\",       "\\\"",     "[",      "]",        "\t",
      "\x01",    "\x7F",     "\xC3\xA9", "\"k\":", "\"k\":1",  ",\"k\":",
      "{\"k\":", "\"text\"", "false"};
  std::mt19937 random(1);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  size_t num_read = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string json =
        R"({"audio": "\u00e9\ud83d\ude00.wav", "text": "x", "n": -1.50})";
    if (i % 2 == 0) {
      json = "{";
      const size_t num_pieces = 1 + pick(8);
      for (size_t j = 0; j < num_pieces; ++j)
        json += pieces[pick(pieces.size())];
      json += "}";
    } else {
      const size_t num_edits = 1 + pick(2);
      for (size_t j = 0; j < num_edits; ++j) {
        json.replace(pick(json.size()), pick(3), pieces[pick(pieces.size())]);
      }
    }
    if (FindInvalidUtf8(json) != json.npos) continue;  // an edit cut a letter
    num_read += ExpectSameIfRead(json) ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(num_read, 10'000u);
}

}  // namespace
}  // namespace melmill
