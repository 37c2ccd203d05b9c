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

TEST(LanguageTest, NamesAndCodesGiveTheModelsNames) {
  EXPECT_EQ(LanguageName("English"), "English");
  EXPECT_EQ(LanguageName("english"), "English");
  EXPECT_EQ(LanguageName("none"), "None");
  EXPECT_EQ(LanguageName("en"), "English");
  EXPECT_EQ(LanguageName("en-US"), "English");
  EXPECT_EQ(LanguageName("pt_BR"), "Portuguese");
  EXPECT_EQ(LanguageName("zh-CN"), "Chinese");
  EXPECT_EQ(LanguageName("zh-HK"), "Cantonese");
  EXPECT_EQ(LanguageName("yue"), "Cantonese");
  EXPECT_EQ(LanguageName("Klingon"), "Klingon");
  for (const char* text :
       {"", "sw", "e", "eng", "klingon", "1", "A<b", "-en"}) {
    EXPECT_EQ(LanguageName(text), "") << text;
  }
  EXPECT_EQ(LanguageName("A" + std::string(64, 'a')), "");
}

TEST(LanguageTest, EveryLanguageOfTheModelHasACode) {
  for (const char* code :
       {"zh", "en", "yue", "ar", "de", "fr", "es", "pt", "id", "it",
        "ko", "ru", "th",  "vi", "ja", "tr", "hi", "ms", "nl", "sv",
        "da", "fi", "pl",  "cs", "tl", "fa", "el", "ro", "hu", "mk"}) {
    EXPECT_TRUE(IsKnownLanguage(LanguageName(code))) << code;
  }
}

TEST(LanguageTest, TheTemplateMayBeThereTwice) {
  const std::string once = TemplateText("English", "hello");
  EXPECT_EQ(once, "language English<asr_text>hello");
  EXPECT_FALSE(RepeatsTemplate(once));
  EXPECT_FALSE(RepeatsTemplate("hello"));
  EXPECT_FALSE(RepeatsTemplate(TemplateText("English", "")));
  EXPECT_FALSE(RepeatsTemplate(TemplateText("English", "x " + once)));
  EXPECT_TRUE(RepeatsTemplate(TemplateText("English", once)));
  EXPECT_TRUE(RepeatsTemplate(TemplateText("English", "  " + once)));
}

TEST(LanguageTest, AWrongTemplateStillLooksLikeOne) {
  EXPECT_TRUE(LooksLikeTemplate("language English<asr_text>hi"));
  EXPECT_TRUE(LooksLikeTemplate("language english<asr_text>hi"));
  EXPECT_TRUE(LooksLikeTemplate(" LANGUAGE x1<asr_text>"));
  EXPECT_FALSE(LooksLikeTemplate("language is what we speak"));
  EXPECT_FALSE(LooksLikeTemplate("the language English<asr_text>hi"));
  EXPECT_FALSE(LooksLikeTemplate(""));
  EXPECT_FALSE(LooksLikeTemplate(std::string("language ") +
                                 std::string(200, 'x') + "<asr_text>"));
}

}  // namespace
}  // namespace melmill
