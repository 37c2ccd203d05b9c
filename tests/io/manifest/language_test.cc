#include "io/manifest/language.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace melmill {
namespace {

TEST(LanguageTest, TemplateLanguageIsTheName) {
  EXPECT_EQ(TemplateLanguage("language English<asr_text>hello"), "English");
  EXPECT_EQ(TemplateLanguage("language None<asr_text>"), "None");
  EXPECT_EQ(TemplateLanguage("language Min Nan (Taiwan)<asr_text>x"),
            "Min Nan (Taiwan)");
  EXPECT_EQ(TemplateLanguage("language Ge'ez-Old<asr_text>x"), "Ge'ez-Old");
  EXPECT_EQ(TemplateLanguage("language A<asr_text>x<asr_text>y"), "A");
}

TEST(LanguageTest, OtherTextsHaveNoTemplateLanguage) {
  for (const std::string_view text :
       {"", "hello", "language ", "language English", "language <asr_text>x",
        "language english<asr_text>x", "Language English<asr_text>x",
        " language English<asr_text>x", "language  English<asr_text>x",
        "language English <asr_text", "language Eng1ish<asr_text>x",
        "language English<ASR_TEXT>x", "language \u00c9wondo<asr_text>x",
        "language\tEnglish<asr_text>x"}) {
    EXPECT_EQ(TemplateLanguage(text), "") << text;
  }
}

TEST(LanguageTest, LanguageNamesEndAt64Bytes) {
  const std::string longest = "A" + std::string(63, 'a');
  EXPECT_EQ(TemplateLanguage("language " + longest + "<asr_text>x"), longest);
  EXPECT_EQ(TemplateLanguage("language " + longest + "a<asr_text>x"), "");
}

TEST(LanguageTest, KnowsTheLanguagesOfTheModel) {
  for (const std::string_view name :
       {"Chinese", "English", "Filipino", "Macedonian", "None"}) {
    EXPECT_TRUE(IsKnownLanguage(name)) << name;
  }
  for (const std::string_view name : {"", "english", "Englsh", "Klingon"}) {
    EXPECT_FALSE(IsKnownLanguage(name)) << name;
  }
}

}  // namespace
}  // namespace melmill
