#include "tools/melmill/terminal/color.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

class ColorTest : public testing::Test {
 protected:
  void TearDown() override {
    ChooseColor("auto");
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
  }
};

TEST_F(ColorTest, NeverLeavesTextAlone) {
  ChooseColor("never");
  setenv("CLICOLOR_FORCE", "1", 1);
  EXPECT_EQ(Styled(Style::kError, "x"), "x");
  EXPECT_EQ(StyledMessage("error: x\n"), "error: x\n");
}

TEST_F(ColorTest, AlwaysColoursTheFirstWordOfALine) {
  ChooseColor("always");
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(Styled(Style::kBold, "x"), "\033[1mx\033[0m");
  EXPECT_EQ(StyledMessage("a\nerror: b error: c\nwarning: d"),
            "a\n\033[1;31merror:\033[0m b error: c\n"
            "\033[1;33mwarning:\033[0m d");
}

TEST_F(ColorTest, AutoFollowsTheEnvironment) {
  setenv("CLICOLOR_FORCE", "1", 1);
  EXPECT_TRUE(MessagesHaveColor());
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(MessagesHaveColor());
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(MessagesHaveColor());
}

TEST_F(ColorTest, OtherWordsAreRefused) {
  EXPECT_THROW(ChooseColor("yes"), SetupError);
}

}  // namespace
}  // namespace melmill
