#include "io/manifest/foreign_manifest.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

// Formats and their commands: tests/python/test_other_manifests.py.

std::string Recognize(const std::string& bytes,
                      const ManifestOptions& options = {}) {
  return RecognizeManifest({bytes, "in.jsonl", "in"}, options).value_or("");
}

TEST(ForeignManifestTest, OwnManifestsAreNotForeign) {
  for (const std::string text :
       {"", "\n", "{}", "{broken", "[1]", "[]", "{\"text\":\"x\"}\n",
        "{\"audio\":\"a.wav\",\"text\":\"x\"}\n",
        "{\"audio\":\"a.wav\",\"text\":\"x\",\"sentence\":\"y\"}\n",
        "{\"audio\":\"a.wav\",\"x\":1}\n", "{\"audio\":3}\n", "hello\nyou\n"}) {
    EXPECT_EQ(Recognize(text), "") << text;
  }
}

TEST(ForeignManifestTest, TheFirstLineThatIsForeignDecides) {
  EXPECT_EQ(Recognize("\xEF\xBB\xBF\n{\"audio\":3}\nbroken\n"
                      "{\"audio_filepath\":\"a.wav\",\"text\":\"x\"}\n"),
            "is a NeMo manifest; add --audio-field audio_filepath --language "
            "English");
}

TEST(ForeignManifestTest, FieldsThatWereGivenAreNotAdvised) {
  const std::string line =
      "{\"audio_filepath\":\"a.wav\",\"sentence\":\"x\"}\n";
  EXPECT_EQ(Recognize(line, {.fields = {.audio = "audio_filepath"}}),
            "has no \"text\"; add --text-field sentence --language English");
  EXPECT_EQ(Recognize(line, {.fields = {.audio = "wav", .language = "fr"}}),
            "is a NeMo manifest; add --audio-field audio_filepath --text-field "
            "sentence");
}

TEST(ForeignManifestTest, PlainTextsGetNoTemplate) {
  const ManifestOptions plain = {.check_template = false};
  EXPECT_EQ(Recognize("{\"audio_filepath\":\"a.wav\",\"sentence\":\"x\","
                      "\"lang\":\"en\"}\n",
                      plain),
            "is a NeMo manifest; add --audio-field audio_filepath --text-field "
            "sentence");
  for (const std::string text :
       {"id,path,txt,lang\n", "id,path,txt\n",
        "{\"messages\":[],\"audios\":[\"a.wav\"]}\n", "[{\"audios\":[]}]\n",
        "{\"recording\":1,\"supervisions\":[{\"language\":\"en\"}]}\n", "PAR1",
        "ARROW1"}) {
    const std::string advice = Recognize(text, plain);
    EXPECT_TRUE(advice.ends_with(" in_melmill.jsonl --plain-text")) << advice;
  }
  EXPECT_TRUE(Recognize("a a.wav\n", plain).ends_with(" --no-text"));
}

TEST(ForeignManifestTest, HostileBeginningsAreHarmless) {
  std::string deep(65536, '[');
  EXPECT_EQ(Recognize("{\"a\":" + deep), "");
  EXPECT_EQ(Recognize("{\"a\":" + deep + "\n{\"b\":\"\xff\"}\n"), "");
  EXPECT_EQ(Recognize(std::string(65536, ' ')), "");
  EXPECT_EQ(Recognize(std::string(300, '\0')), "");
  EXPECT_EQ(Recognize("{\"\x1b\\u001b[2J\":\"a.wav\"}"), "");
}

TEST(ForeignManifestTest, CommandsQuoteNames) {
  EXPECT_EQ(RecognizeBinary({"\x1F\x8B", "it's $x.gz", "a b"}, {}),
            "is gzip; unpack it: zcat 'it'\\''s $x.gz' | melmill validate "
            "'a b=-'");
  EXPECT_EQ(RecognizeBinary({"\x1F\x8B", "", "a"}, {}),
            "is gzip; unpack it: zcat FILE | melmill validate a=-");
}

TEST(ForeignManifestTest, ConversionsDoNotReplaceTheirInput) {
  const std::string chat = "{\"messages\":[],\"audios\":[\"a.wav\"]}\n";
  EXPECT_EQ(RecognizeManifest({chat, "a b/in.jsonl", "in"}, {}),
            "has chat messages; convert it: melmill convert chat "
            "'a b/in.jsonl' in_melmill.jsonl --language English");
  EXPECT_EQ(RecognizeManifest({chat, "in.txt", "in"}, {}),
            "has chat messages; convert it: melmill convert chat in.txt "
            "in.jsonl --language English");
  EXPECT_EQ(RecognizeManifest({"id\tpath\tlocale\n", "t.tsv", "t"}, {}),
            "is a TSV table; convert it: melmill convert tsv t.tsv t.jsonl "
            "--no-text");
  EXPECT_EQ(RecognizeManifest({"id,path,txt,lang\n", "", "t"}, {}),
            "is a CSV table; convert it: melmill convert csv FILE t.jsonl");
}

TEST(ForeignManifestTest, HostileCutsAreHarmless) {
  for (const std::string cut : {"3", "[]", "[3]", "{}", "[{\"language\":3}]"}) {
    EXPECT_EQ(Recognize("{\"recording\":1,\"supervisions\":" + cut + "}"),
              "has cuts of lhotse; convert it: melmill convert lhotse in.jsonl "
              "in_melmill.jsonl --language English")
        << cut;
  }
}

TEST(ForeignManifestTest, ReadsTheBeginningOnly) {
  const TempFolder folder;
  const std::string path = folder.path() + "/a";
  WriteWholeFile(path, std::string(70000, 'x'));
  EXPECT_EQ(ReadManifestHead(path).size(), 65536u);
  WriteWholeFile(path, "short");
  EXPECT_EQ(ReadManifestHead(path), "short");
  EXPECT_EQ(ReadManifestHead(folder.path()), "");
}

}  // namespace
}  // namespace melmill
