#include "store/json_object.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace melmill {
namespace {

TEST(JsonObjectTest, OnlyAShallowObjectIsUsable) {
  EXPECT_TRUE(IsUsableObject("{}"));
  EXPECT_TRUE(IsUsableObject(R"( {"a": [1, {"b": null}]} )"));
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("\"{}\""),
        std::string("{"), std::string("{\"a\": 1, \"a\": 2}"),
        std::string("{}\0x", 4),
        "{\"a\":" + std::string(40, '[') + std::string(40, ']') + '}'}) {
    EXPECT_FALSE(IsUsableObject(text)) << text;
  }
}

TEST(JsonObjectTest, DifferencesAreListedInKeyOrder) {
  const std::vector<std::string> expected = {"a: absent -> null", "b: 1 -> 2",
                                             "c: \"x\" -> \"y\"",
                                             "e: [1] -> absent", "f: 1 -> 1.0"};
  EXPECT_EQ(DescribeDifference(R"({"e":[1],"b":1,"c":"x","d":true,"f":1})",
                               R"({"d":true,"c":"y","b":2,"f":1.0,"a":null})"),
            expected);
}

TEST(JsonObjectTest, EqualObjectsHaveNoDifference) {
  EXPECT_TRUE(DescribeDifference("{}", "{}").empty());
  EXPECT_TRUE(
      DescribeDifference(R"({"a":1,"b":"x"})", R"({"b":"x","a":1})").empty());
}

}  // namespace
}  // namespace melmill
