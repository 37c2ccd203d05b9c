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

// A file on the disk, as planning saw it.
struct FileOnDisk {
  explicit FileOnDisk(const std::string& file_path) : path(file_path) {
    const InputFile file = InputFile::Open(path).value();
    num_bytes = file.size_bytes();
    facts = file.facts();
    header = ReadSoundHeader({}, file).value();
  }

  std::string path;
  uint64_t num_bytes = 0;
  FileFacts facts;
  SoundHeader header;
};

struct ReadSegment {
  Hash128 hash = {};
  std::vector<float> samples;
};

Result<ReadSegment> ReadSamples(
    CodedSegments* segments, const FileOnDisk& file, int64_t start,
    int64_t num_samples,
    const CodedSegments::MayGoOn& may_go_on = [] { return Result<void>(); }) {
  ReadSegment read;
  ReusableBuffer<float> buffer;
  const Result<Hash128> hash = segments->Read(
      {.path = file.path,
       .file_bytes = file.num_bytes,
       .header = file.header,
       .facts = file.facts,
       .start = start,
       .num_samples = num_samples},
      may_go_on, &buffer, [&read](std::span<const float> part) -> Result<void> {
        read.samples.insert(read.samples.end(), part.begin(), part.end());
        return {};
      });
  if (!hash.ok()) return hash.error();
  read.hash = hash.value();
  return read;
}

std::vector<float> Slice(const std::vector<float>& whole, int64_t start,
                         int64_t num_samples) {
  return {whole.begin() + start, whole.begin() + start + num_samples};
}

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
    file_.emplace(path_);
  }

  Result<ReadSegment> Read(int64_t start, int64_t num_samples) {
    return ReadSamples(&*segments_, *file_, start, num_samples,
                       [this]() -> Result<void> {
                         ++num_asked_;
                         if (num_asked_ > max_asked_) {
                           return Error{ErrorCode::kStopped, ""};
                         }
                         return {};
                       });
  }

  void ExpectSlice(int64_t start, int64_t num_samples) {
    const Result<ReadSegment> read = Read(start, num_samples);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read.value().samples, Slice(whole_, start, num_samples))
        << start << ' ' << num_samples;
    hash_ = read.value().hash;
  }

  TempFolder folder_;
  std::vector<std::byte> bytes_;
  std::string path_;
  std::vector<float> whole_;
  std::optional<FileOnDisk> file_;
  std::atomic<int> num_asked_{0};
  int max_asked_ = 1'000'000;
  Hash128 hash_ = {};
  std::optional<CodedSegments> segments_{std::in_place};
};

TEST_P(CodedSegmentsTest, SegmentsInAnyOrderAreSlicesOfTheWhole) {
  const int64_t end = file_->header.num_samples;
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
  ExpectSlice(0, file_->header.num_samples);
  const int asked_for_whole = num_asked_.exchange(0);
  segments_.emplace();
  constexpr int kNumSegments = 30;
  const int64_t step = file_->header.num_samples / kNumSegments;
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
      for (int64_t at = next++ * kStep; at + kStep <= file_->header.num_samples;
           at = next++ * kStep) {
        const Result<ReadSegment> read =
            ReadSamples(&*segments_, *file_, at, kStep);
        const bool is_right =
            read.ok() && read.value().samples == Slice(whole_, at, kStep);
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
  file_->header.num_samples += 1;
  const Result<ReadSegment> samples = Read(0, 100);
  ASSERT_FALSE(samples.ok());
  EXPECT_EQ(samples.error().code, RejectCode::kChangedSincePlan);
}

// A file is hashed before it is decoded. It changes, for better or worse, at
// each of the moments at which Read asks whether to go on.
TEST_P(CodedSegmentsTest, TheHashIsThatOfTheBytesThatWereDecoded) {
  const int64_t start = file_->header.num_samples - 100;
  ExpectSlice(start, 100);
  const Hash128 hash = hash_;
  std::vector<std::byte> damaged = bytes_;
  damaged[bytes_.size() / 10 * 9] ^= std::byte{1};
  for (const auto& change :
       {std::pair(damaged, bytes_), std::pair(bytes_, damaged)}) {
    int num_changes = 0;
    for (bool has_changed = true; has_changed; num_changes += has_changed) {
      Write(change.first);
      MakeOld(path_);
      file_->facts = InputFile::Open(path_).value().facts();
      has_changed = false;
      int num_questions = 0;
      const Result<ReadSegment> read =
          ReadSamples(&*segments_, *file_, start, 100, [&]() -> Result<void> {
            if (num_questions++ == num_changes) {
              WriteWholeFile(path_, ToString(change.second));
              has_changed = true;
            }
            return {};
          });
      if (!has_changed) continue;
      ASSERT_FALSE(read.ok()) << num_changes;
      EXPECT_EQ(read.error().code, RejectCode::kChangedSincePlan)
          << num_changes;
    }
    // Opening an Ogg file reads all its pages, and finds the damage.
    const bool is_ogg = GetParam() == SampleEncoding::kVorbis ||
                        GetParam() == SampleEncoding::kOpus;
    EXPECT_GT(num_changes, is_ogg ? 0 : 3);
  }
  Write(bytes_);
  ExpectSlice(start, 100);
  EXPECT_EQ(hash_, hash);
}

TEST_P(CodedSegmentsTest, AStopEndsIt) {
  max_asked_ = 3;
  const Result<ReadSegment> samples = Read(file_->header.num_samples - 10, 10);
  ASSERT_FALSE(samples.ok());
  EXPECT_EQ(samples.error().code, ErrorCode::kStopped);
  max_asked_ = 1'000'000;
  ExpectSlice(file_->header.num_samples - 10, 10);
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
  const FileOnDisk file(path);
  CodedSegments segments;
  for (const auto& [start, num_samples] :
       {std::pair<int64_t, int64_t>{kLength - 10, 10},
        {kLength - CodedSegments::kKeptSamples, 10},
        {10, 10},
        {5, CodedSegments::kMaxBufferedSamples},
        {6, CodedSegments::kMaxBufferedSamples + 1}}) {
    const Result<ReadSegment> read =
        ReadSamples(&segments, file, start, num_samples);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(read.value().samples == Slice(whole, start, num_samples))
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
  const FileOnDisk file(path);
  CodedSegments segments;
  const auto outcome = [&](int64_t start) {
    const Result<ReadSegment> read = ReadSamples(&segments, file, start, 1'000);
    return read.ok() ? "stored"
                     : std::string(RejectCodeName(read.error().code.reject()));
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
