#include "io/manifest/audio_path.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

TEST(IsUrl, AUrlBeginsWithItsScheme) {
  for (const char* url : {"s3://b/a", "https://h", "HF://a", "a+b-c.1://x"}) {
    EXPECT_TRUE(IsUrl(url)) << url;
  }
  for (const char* path : {"", "a.wav", "/s3://b", "s3:/b", "s3:b", "://b",
                           "1s://b", "a b://c", "x/s3://b", "\u00e4://b"}) {
    EXPECT_FALSE(IsUrl(path)) << path;
  }
}

TEST(AudioPath, IsMissingOrAPath) {
  AudioPath path;
  EXPECT_FALSE(path.FindError());
  path.Start();
  EXPECT_EQ(path.FindError()->code, RejectCode::kBadAudio);
  path.AddNull();
  EXPECT_FALSE(path.FindError());
  EXPECT_EQ(AudioPath(path).Take(), "");
  path.Start();
  path.AddText("a");
  EXPECT_FALSE(path.FindError());
  EXPECT_EQ(AudioPath(path).Take(), "a");
  path.AddText("");
  EXPECT_EQ(path.FindError()->message, "\"audio_path\" is empty");
  path.AddText(std::string("a\0b", 3));
  EXPECT_EQ(path.FindError()->message, "\"audio_path\" holds a NUL character");
}

}  // namespace
}  // namespace melmill
