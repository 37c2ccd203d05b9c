#include "io/file/line_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/heap_meter.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

LineReader OpenOrDie(const std::string& path) {
  Result<LineReader> reader = LineReader::Open(path);
  if (!reader.ok()) throw std::runtime_error(reader.error().message);
  return std::move(reader).value();
}

std::vector<Line> ReadAll(LineReader& reader) {
  std::vector<Line> lines;
  for (;;) {
    Result<std::optional<Line>> line = reader.Next();
    if (!line.ok()) throw std::runtime_error(line.error().message);
    if (!line.value()) return lines;
    lines.push_back(*std::move(line).value());
    EXPECT_EQ(lines.back().number, lines.size());
  }
}

class LineReaderTest : public testing::Test {
 protected:
  std::string Write(std::string_view bytes) const {
    WriteWholeFile(folder_.File("manifest.jsonl"), bytes);
    return folder_.File("manifest.jsonl");
  }

  std::vector<Line> Lines(std::string_view bytes) const {
    LineReader reader = OpenOrDie(Write(bytes));
    return ReadAll(reader);
  }

  std::vector<std::string> Texts(std::string_view bytes) const {
    std::vector<std::string> texts;
    for (Line& line : Lines(bytes)) texts.push_back(std::move(line.bytes));
    return texts;
  }

  TempFolder folder_;
};

using Strings = std::vector<std::string>;

TEST_F(LineReaderTest, SplitsAtLineFeeds) {
  EXPECT_EQ(Texts("one\ntwo\n\nfour\n"), (Strings{"one", "two", "", "four"}));
}

TEST_F(LineReaderTest, EmptyFileHasNoLines) { EXPECT_EQ(Texts(""), Strings{}); }

TEST_F(LineReaderTest, LoneLineFeedIsOneEmptyLine) {
  EXPECT_EQ(Texts("\n"), Strings{""});
}

TEST_F(LineReaderTest, LastLineNeedsNoLineFeed) {
  EXPECT_EQ(Texts("one\ntwo"), (Strings{"one", "two"}));
}

TEST_F(LineReaderTest, StripsCarriageReturnOfLineEndingOnly) {
  EXPECT_EQ(Texts("one\r\n\r\nth\ree\r\r\nfour\r"),
            (Strings{"one", "", "th\ree\r", "four\r"}));
}

TEST_F(LineReaderTest, StripsByteOrderMarkOfFirstLineOnly) {
  EXPECT_EQ(Texts("\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n"),
            (Strings{"one", "\xEF\xBB\xBFtwo"}));
  EXPECT_EQ(Texts("\xEF\xBB\xBF"), Strings{""});
  EXPECT_EQ(Texts("\xEF\xBB"), Strings{"\xEF\xBB"});
}

TEST_F(LineReaderTest, SkipsToTheFirstLineThatBeginsThere) {
  const std::string bytes = "\xEF\xBB\xBFone\n\n\xEF\xBB\xBFthree\r\n" +
                            std::string(2 * kMebibyte, 'x') + "\n\nlast";
  const std::string path = Write(bytes);
  std::vector<size_t> starts = {0};
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n') starts.push_back(i + 1);
  }
  for (const size_t target :
       {size_t{1}, size_t{6}, size_t{7}, size_t{8}, size_t{9}, size_t{17},
        size_t{18}, kMebibyte, 2 * kMebibyte, bytes.size() - 6,
        bytes.size() - 5, bytes.size() - 4, bytes.size() - 1, bytes.size(),
        bytes.size() + 9}) {
    for (const bool reads_first : {false, true}) {
      LineReader reader = OpenOrDie(path);
      if (reads_first) (void)reader.Next();
      const size_t from = std::max(target, reads_first ? starts[1] : 0);
      ASSERT_TRUE(reader.SkipTo(target).ok());
      const auto expected =
          std::lower_bound(starts.begin(), starts.end(), from);
      ASSERT_EQ(reader.offset(),
                expected == starts.end() ? bytes.size() : *expected)
          << target;
      const auto line = reader.Next();
      ASSERT_EQ(line.value().has_value(), expected != starts.end()) << target;
      if (line.value() && *expected == starts[2]) {
        EXPECT_EQ(line.value()->bytes, "\xEF\xBB\xBFthree");
      }
    }
  }
}

TEST_F(LineReaderTest, SkipsToTheEndOfAnEmptyFile) {
  LineReader reader = OpenOrDie(Write(""));
  ASSERT_TRUE(reader.SkipTo(5).ok());
  EXPECT_FALSE(reader.Next().value().has_value());
}

TEST_F(LineReaderTest, KeepsNulBytes) {
  const std::string with_nul("a\0b", 3);
  EXPECT_EQ(Texts(with_nul + "\n"), Strings{with_nul});
}

TEST_F(LineReaderTest, LineEndingsMayFallAnywhereAroundPieceEnds) {
  for (int shift = -3; shift <= 3; ++shift) {
    const std::string first(kMebibyte + shift, 'x');
    EXPECT_EQ(Texts(first + "\nsecond\n"), (Strings{first, "second"}));
    EXPECT_EQ(Texts(first + "\r\nsecond\n"), (Strings{first, "second"}));
    EXPECT_EQ(Texts(first + "\n"), Strings{first});
    EXPECT_EQ(Texts(first), Strings{first});
  }
}

TEST_F(LineReaderTest, KeepsLinesOverManyPieces) {
  std::string bytes;
  Strings expected;
  for (const size_t num_bytes : {5 * kMebibyte + 17, size_t{3}, 2 * kMebibyte,
                                 kMebibyte, 3 * kMebibyte - 1}) {
    std::string line(num_bytes, ' ');
    for (size_t i = 0; i < line.size(); ++i) line[i] = 'a' + i % 23;
    bytes += line + "\r\n";
    expected.push_back(std::move(line));
  }
  EXPECT_EQ(Texts(bytes), expected);
}

TEST_F(LineReaderTest, LongestLineIsKeptWithItsEndingAndByteOrderMark) {
  const std::string longest(kMaxLineBytes, 'x');
  const std::vector<Line> lines =
      Lines("\xEF\xBB\xBF" + longest + "\r\n" + longest + "\r\n" + longest);
  ASSERT_EQ(lines.size(), 3u);
  for (const Line& line : lines) {
    EXPECT_FALSE(line.too_long) << line.number;
    EXPECT_TRUE(line.bytes == longest) << line.number;
  }
}

TEST_F(LineReaderTest, LongerLinesAreSkippedAndReported) {
  const std::string too_long(kMaxLineBytes + 1, 'x');
  const std::vector<Line> lines =
      Lines(too_long + "\nsecond\n" + too_long + "\r\n" + too_long + too_long);
  ASSERT_EQ(lines.size(), 4u);
  for (const Line& line : lines) {
    EXPECT_EQ(line.too_long, line.number != 2) << line.number;
    EXPECT_EQ(line.bytes, line.number == 2 ? "second" : "") << line.number;
  }
}

TEST_F(LineReaderTest, MemoryDoesNotFollowTheLengthOfALine) {
  const std::string path =
      Write(std::string(64 * kMebibyte, 'x') + "\nsecond\n");
  const HeapMeter meter;
  LineReader reader = OpenOrDie(path);
  EXPECT_EQ(ReadAll(reader).size(), 2u);
  // The limit covers one piece, a line of at most 16 MiB, and the half of it
  // that it grew from.
  EXPECT_LT(meter.PeakBytes(), 26 * kMebibyte);
}

TEST_F(LineReaderTest, MemoryDoesNotFollowTheNumberOfLines) {
  std::string bytes;
  while (bytes.size() < 8 * kMebibyte) bytes += "{\"audio\": \"a.wav\"}\n";
  const std::string path = Write(bytes);
  const HeapMeter meter;
  LineReader reader = OpenOrDie(path);
  while (reader.Next().value()) {
  }
  EXPECT_LT(meter.PeakBytes(), 2 * kMebibyte);
}

TEST_F(LineReaderTest, ContentHashIsThatOfAllBytes) {
  std::string bytes = "\xEF\xBB\xBFone\r\n\n";
  bytes += std::string(kMaxLineBytes + 5, 'x') + "\nlast";
  LineReader reader = OpenOrDie(Write(bytes));
  ReadAll(reader);
  Hasher128 hasher;
  hasher.Update(bytes);
  EXPECT_EQ(reader.ContentHash(), hasher.Digest());
}

TEST_F(LineReaderTest, EmptyFileHasTheHashOfNothing) {
  LineReader reader = OpenOrDie(Write(""));
  ReadAll(reader);
  EXPECT_EQ(reader.ContentHash(), Hasher128().Digest());
}

TEST_F(LineReaderTest, EndIsReportedAgainAndAgain) {
  LineReader reader = OpenOrDie(Write("one\n"));
  ReadAll(reader);
  EXPECT_FALSE(reader.Next().value().has_value());
}

TEST_F(LineReaderTest, MovedReaderGoesOn) {
  LineReader first = OpenOrDie(Write("one\ntwo\n"));
  EXPECT_EQ(first.Next().value()->bytes, "one");
  LineReader second = std::move(first);
  EXPECT_EQ(second.Next().value()->bytes, "two");
}

TEST_F(LineReaderTest, FileThatBecomesShorterIsAnError) {
  const std::string path = Write(std::string(3 * kMebibyte, '\n'));
  LineReader reader = OpenOrDie(path);
  ASSERT_TRUE(reader.Next().ok());
  std::filesystem::resize_file(path, 2 * kMebibyte);
  Result<std::optional<Line>> line = reader.Next();
  while (line.ok() && line.value()) line = reader.Next();
  ASSERT_FALSE(line.ok());
  EXPECT_EQ(line.error().code, RejectCode::kIoError);
}

TEST_F(LineReaderTest, WhatIsNotARegularFileIsAnError) {
  EXPECT_EQ(LineReader::Open(folder_.File("none")).error().code,
            RejectCode::kNotFound);
  EXPECT_EQ(LineReader::Open(folder_.path()).error().code,
            RejectCode::kIsDirectory);
  EXPECT_EQ(LineReader::Open("/dev/null").error().code,
            RejectCode::kNotRegularFile);
  // Nobody writes to the FIFO, so opening it in the ordinary way would wait for
  // ever.
  ASSERT_EQ(::mkfifo(folder_.File("fifo").c_str(), 0600), 0);
  EXPECT_EQ(LineReader::Open(folder_.File("fifo")).error().code,
            RejectCode::kNotRegularFile);
}

}  // namespace
}  // namespace melmill
