#include "io/file/file_digest.h"

#include <gtest/gtest.h>

#include <string>

#include "io/hash.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

class FileDigestTest : public testing::Test {
 protected:
  FileDigestTest() {
    for (int i = 0; i < 3'000'000; ++i) {
      bytes_ += static_cast<char>(i * 37 + i / 251);
    }
    WriteWholeFile(path_, bytes_);
  }

  TempFolder folder_;
  std::string path_ = folder_.File("file");
  std::string bytes_;
};

TEST_F(FileDigestTest, HashesTheWholeFile) {
  const Result<FileDigest> digest = DigestFile(path_);
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest.value().num_bytes, bytes_.size());
  EXPECT_EQ(digest.value().checksum, Xxh3_64(bytes_));
}

TEST_F(FileDigestTest, LeavesOutWhatIsSkipped) {
  const Result<FileDigest> digest = DigestFile(path_, {{4096, 2'000'000}});
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest.value().num_bytes, bytes_.size());
  EXPECT_EQ(digest.value().checksum,
            Xxh3_64(bytes_.substr(0, 4096) + bytes_.substr(2'004'096)));
}

TEST_F(FileDigestTest, LeavesOutSeveralRanges) {
  const Result<FileDigest> digest =
      DigestFile(path_, {{0, 10}, {10, 5}, {100, 0}, {2'000'000, 999'999}});
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest.value().num_bytes, bytes_.size());
  EXPECT_EQ(digest.value().checksum,
            Xxh3_64(bytes_.substr(15, 2'000'000 - 15) + bytes_.back()));
}

TEST_F(FileDigestTest, AnEmptyFileHasADigest) {
  WriteWholeFile(path_, "");
  EXPECT_EQ(DigestFile(path_).value().checksum, Xxh3_64(""));
}

TEST_F(FileDigestTest, AShortOrMissingFileHasNone) {
  EXPECT_TRUE(DigestFile(path_, {{0, bytes_.size()}}).ok());
  EXPECT_EQ(DigestFile(path_, {{1, bytes_.size()}}).error().code,
            RejectCode::kTruncated);
  EXPECT_EQ(DigestFile(path_, {{9, 1}, {4096, UINT64_MAX}}).error().code,
            RejectCode::kTruncated);
  EXPECT_EQ(DigestFile(folder_.File("none")).error().code,
            RejectCode::kNotFound);
}

}  // namespace
}  // namespace melmill
