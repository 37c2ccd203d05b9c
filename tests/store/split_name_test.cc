#include "store/split_name.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

TEST(SplitNameTest, NamesAreTextWithoutControlCharacters) {
  const std::string longest = "\u00e9" + std::string(63, 'a');
  for (const std::string& name :
       {std::string("train"), std::string("train.v2"), std::string("my data"),
        std::string("lr=1e-4"), std::string("\u65e5\u672c"), longest}) {
    EXPECT_TRUE(IsSplitName(name)) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\x1b[1m"), std::string("\u0085"), std::string("\x7f"),
        std::string("\xff"), longest + "a"}) {
    EXPECT_FALSE(IsSplitName(name)) << testing::PrintToString(name);
  }
}

TEST(SplitNameTest, FilesHaveSafeCharactersOnly) {
  EXPECT_EQ(SplitFileStem("train-1_B"), "train-1_B");
  EXPECT_EQ(SplitFileStem("train.v2"), "train_v2");
  EXPECT_EQ(SplitFileStem("my data"), "my_data");
  EXPECT_EQ(SplitFileStem("../a"), "___a");
  EXPECT_EQ(SplitFileStem("\u00e9t\u00e9"), "_t_");
  EXPECT_EQ(SplitFileStem("\xff"), "_");
}

}  // namespace
}  // namespace melmill
