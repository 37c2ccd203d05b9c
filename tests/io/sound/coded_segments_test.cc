#include "io/sound/coded_segments.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/sound/sound_file.h"
#include "tests/support/corpus.h"
#include "tests/support/sound_builder.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr int64_t kNumSamples = 300'000;

class CodedSegmentsTest : public testing::TestWithParam<SampleEncoding> {
 protected:
  CodedSegmentsTest()
      : bytes_(EncodeSound(GetParam(), MakeSamples(kNumSamples, 1, 3))),
        path_(folder_.File("a")) {
    Write(bytes_);
    whole_ = ReadBySndfile(bytes_);
  }

  void Write(const std::vector<std::byte>& bytes) {
    std::filesystem::remove(path_);  // another inode
    WriteWholeFile(path_, ToString(bytes));
    const Result<InputFile> file = InputFile::Open(path_);
    facts_ = file.value().facts();
    file_bytes_ = file.value().size_bytes();
    const Result<SoundHeader> header = ReadSoundHeader({}, file.value());
    if (header.ok()) header_ = header.value();
  }

  Result<std::vector<float>> Read(int64_t start, int64_t num_samples) {
    std::vector<float> samples;
    ReusableBuffer<float> buffer;
    const Result<Hash128> hash = segments_->Read(
        {.path = path_,
         .file_bytes = file_bytes_,
         .header = header_,
         .facts = facts_,
         .start = start,
         .num_samples = num_samples},
        [this]() -> Result<void> {
          ++num_asked_;
          if (num_asked_ > max_asked_) return Error{ErrorCode::kStopped, ""};
          return {};
        },
        &buffer,
        [&samples](std::span<const float> part) -> Result<void> {
          samples.insert(samples.end(), part.begin(), part.end());
          return {};
        });
    if (!hash.ok()) return hash.error();
    hash_ = hash.value();
    return samples;
  }

  void ExpectSlice(int64_t start, int64_t num_samples) {
    const Result<std::vector<float>> samples = Read(start, num_samples);
    ASSERT_TRUE(samples.ok()) << samples.error().message;
    EXPECT_EQ(samples.value(),
              std::vector<float>(whole_.begin() + start,
                                 whole_.begin() + start + num_samples))
        << start << ' ' << num_samples;
  }

  TempFolder folder_;
  std::vector<std::byte> bytes_;
  std::string path_;
  std::vector<float> whole_;
  SoundHeader header_;
  FileFacts facts_;
  uint64_t file_bytes_ = 0;
  std::atomic<int> num_asked_{0};
  int max_asked_ = 1'000'000;
  Hash128 hash_ = {};
  std::optional<CodedSegments> segments_{std::in_place};
};

TEST_P(CodedSegmentsTest, SegmentsInAnyOrderAreSlicesOfTheWhole) {
  const int64_t end = header_.num_samples;
  for (const auto& [start, num_samples] : {std::pair<int64_t, int64_t>{0, 1},
                                           {1, 20'000},
                                           {15'000, 30'000},  // overlaps
                                           {100'000, 1},      // a gap
                                           {99'999, 3},
                                           {end - 1, 1},
                                           {end - 70'000, 70'000},
                                           {0, end},
                                           {5'000, 100}}) {
    ExpectSlice(start, num_samples);
  }
}

TEST_P(CodedSegmentsTest, AFileIsDecodedOnceForSegmentsInOrder) {
  ExpectSlice(0, header_.num_samples);
  const int asked_for_whole = num_asked_.exchange(0);
  segments_.emplace();
  constexpr int kNumSegments = 30;
  const int64_t step = header_.num_samples / kNumSegments;
  for (int i = 0; i < kNumSegments; ++i) ExpectSlice(i * step, step);
  // Each part that is decoded asks once, and so does each part handed over.
  EXPECT_LE(num_asked_, asked_for_whole + 2 * kNumSegments);
}

TEST_P(CodedSegmentsTest, ThreadsTakeTurns) {
  constexpr int kNumThreads = 4;
  constexpr int64_t kStep = 5'000;
  std::atomic<int64_t> next{0};
  std::atomic<int> num_wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kNumThreads; ++i) {
    threads.emplace_back([&] {
      ReusableBuffer<float> buffer;
      for (int64_t at = next++ * kStep; at + kStep <= header_.num_samples;
           at = next++ * kStep) {
        std::vector<float> samples;
        const Result<Hash128> hash = segments_->Read(
            {.path = path_,
             .file_bytes = file_bytes_,
             .header = header_,
             .facts = facts_,
             .start = at,
             .num_samples = kStep},
            [] { return Result<void>(); }, &buffer,
            [&samples](std::span<const float> part) -> Result<void> {
              samples.assign(part.begin(), part.end());
              return {};
            });
        const bool is_right =
            hash.ok() &&
            samples == std::vector<float>(whole_.begin() + at,
                                          whole_.begin() + at + kStep);
        if (!is_right) ++num_wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_wrong, 0);
  EXPECT_GT(next, 50);
}

TEST_P(CodedSegmentsTest, HashTellsFilesAndPlacesApart) {
  ExpectSlice(0, 100);
  const Hash128 first = hash_;
  ExpectSlice(0, 100);
  EXPECT_EQ(hash_, first);
  ExpectSlice(1, 100);
  EXPECT_NE(hash_, first);
  ExpectSlice(0, 101);
  EXPECT_NE(hash_, first);
  bytes_ = EncodeSound(GetParam(), MakeSamples(kNumSamples, 1, 4));
  whole_ = ReadBySndfile(bytes_);
  Write(bytes_);
  ExpectSlice(0, 100);  // of the new file
  EXPECT_NE(hash_, first);
}

TEST_P(CodedSegmentsTest, AnotherFileThanTheHeadersHasChanged) {
  header_.num_samples += 1;
  const Result<std::vector<float>> samples = Read(0, 100);
  ASSERT_FALSE(samples.ok());
  EXPECT_EQ(samples.error().code, RejectCode::kChangedSincePlan);
}

TEST_P(CodedSegmentsTest, AStopEndsIt) {
  max_asked_ = 3;
  const Result<std::vector<float>> samples = Read(header_.num_samples - 10, 10);
  ASSERT_FALSE(samples.ok());
  EXPECT_EQ(samples.error().code, ErrorCode::kStopped);
  max_asked_ = 1'000'000;
  ExpectSlice(header_.num_samples - 10, 10);
}

INSTANTIATE_TEST_SUITE_P(Formats, CodedSegmentsTest,
                         testing::Values(SampleEncoding::kFlac,
                                         SampleEncoding::kMp3,
                                         SampleEncoding::kVorbis,
                                         SampleEncoding::kOpus),
                         [](const auto& of) {
                           std::string name(SampleEncodingName(of.param));
                           std::erase(name, ' ');
                           return name;
                         });

TEST(LongCodedSegmentsTest, WhatIsNotKeptIsDecodedAgain) {
  TempFolder folder;
  const std::string path = folder.File("a.flac");
  constexpr int64_t kLength =
      CodedSegments::kMaxBufferedSamples + CodedSegments::kKeptSamples;
  const std::vector<std::byte> bytes =
      EncodeSound(SampleEncoding::kFlac, MakeSamples(kLength, 1, 3));
  WriteWholeFile(path, ToString(bytes));
  const std::vector<float> whole = ReadBySndfile(bytes);
  const InputFile file = InputFile::Open(path).value();
  const SoundHeader header = ReadSoundHeader({}, file).value();
  CodedSegments segments;
  ReusableBuffer<float> buffer;
  for (const auto& [start, num_samples] :
       {std::pair<int64_t, int64_t>{kLength - 10, 10},
        {kLength - CodedSegments::kKeptSamples, 10},
        {10, 10},
        {5, CodedSegments::kMaxBufferedSamples},
        {6, CodedSegments::kMaxBufferedSamples + 1}}) {
    std::vector<float> samples;
    const Result<Hash128> hash = segments.Read(
        {.path = path,
         .file_bytes = file.size_bytes(),
         .header = header,
         .facts = file.facts(),
         .start = start,
         .num_samples = num_samples},
        [] { return Result<void>(); }, &buffer,
        [&samples](std::span<const float> part) -> Result<void> {
          samples.insert(samples.end(), part.begin(), part.end());
          return {};
        });
    ASSERT_TRUE(hash.ok());
    EXPECT_TRUE(samples ==
                std::vector<float>(whole.begin() + start,
                                   whole.begin() + start + num_samples))
        << start;
  }
}

// A damaged place rejects the segments that need what lies behind it, whatever
// was read before.
TEST(DamagedCodedSegmentsTest, TheOrderOfSegmentsChangesNothing) {
  TempFolder folder;
  const std::string path = folder.File("a.flac");
  std::vector<std::byte> bytes =
      EncodeSound(SampleEncoding::kFlac, MakeSamples(kNumSamples, 1, 3));
  bytes[bytes.size() / 2] ^= std::byte{1};
  WriteWholeFile(path, ToString(bytes));
  const InputFile file = InputFile::Open(path).value();
  const SoundHeader header = ReadSoundHeader({}, file).value();
  CodedSegments segments;
  const auto outcome = [&](int64_t start) {
    ReusableBuffer<float> buffer;
    const Result<Hash128> hash = segments.Read(
        {.path = path,
         .file_bytes = file.size_bytes(),
         .header = header,
         .facts = file.facts(),
         .start = start,
         .num_samples = 1'000},
        [] { return Result<void>(); }, &buffer,
        [](std::span<const float>) { return Result<void>(); });
    return hash.ok() ? "stored"
                     : std::string(RejectCodeName(hash.error().code.reject()));
  };
  std::map<int64_t, std::string> outcomes;
  for (int64_t at = 0; at < kNumSamples - 1'000; at += 10'000) {
    outcomes[at] = outcome(at);
  }
  EXPECT_EQ(outcomes.begin()->second, "stored");
  EXPECT_EQ(outcomes.rbegin()->second, "decode_failed");
  for (auto next = outcomes.rbegin(); next != outcomes.rend(); ++next) {
    EXPECT_EQ(outcome(next->first), next->second) << next->first;
  }
}

}  // namespace
}  // namespace melmill
