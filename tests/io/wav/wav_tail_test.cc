#include "io/wav/wav_tail.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/wav_reading.h"

namespace melmill {
namespace {

using namespace std::string_literals;

constexpr char kOk[] = "ok";

std::string OddityOf(const Result<SoundFile>& wav) {
  if (!wav.ok()) return ErrorOf(wav).substr(0, ErrorOf(wav).find(':'));
  switch (wav.value().oddity) {
    case SoundOddity::kNone:
      return kOk;
    case SoundOddity::kBytesBehindData:
      return "bytes";
    case SoundOddity::kCutBehindData:
      return "cut";
    default:
      return "sizes";
  }
}

// A file of 100 samples whose RIFF size covers what is in the spec.
std::vector<std::byte> Plain(const WavSpec& spec = {}) {
  return BuildWavAround(spec, SomeData(spec));
}

std::string With(std::string_view tail, const WavSpec& spec = {}) {
  return OddityOf(ReadFile(Joined(Plain(spec), tail)));
}

std::string Chunk(const std::string& id, const std::string& content) {
  return ChunkBytes({id, content, {}, false}, false);
}

// Bytes that are neither chunk nor padding.
std::string Junk(size_t num_bytes) {
  std::mt19937 random(7);
  std::string junk;
  for (size_t i = 0; i < num_bytes; ++i) {
    junk += static_cast<char>(0x80 + random() % 100);
  }
  return junk;
}

// A spec whose RIFF size covers this many bytes after the data.
WavSpec Counting(size_t num_bytes) {
  WavSpec spec;
  spec.claimed_riff_bytes =
      static_cast<uint32_t>(Plain().size() - 8 + num_bytes);
  return spec;
}

// A file with one failing read, numbered from 1.
class FailingSource : public MemorySource {
 public:
  FailingSource(const std::vector<std::byte>& bytes, int failing_read)
      : MemorySource(bytes), failing_read_(failing_read) {}

  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    if (num_reads() + 1 == failing_read_) {
      return Error{RejectCode::kIoError, "no disk"};
    }
    return MemorySource::ReadAt(offset, bytes);
  }

 private:
  int failing_read_;
};

TEST(WavTailTest, NothingBehindTheDataCostsNothing) {
  for (const size_t num_samples : {100, 100'000}) {
    const MemorySource file(
        BuildWavAround(WavSpec(), SomeData(WavSpec(), num_samples)));
    const auto prefix = std::span(file.bytes()).first(kWavPrefixBytes / 8);
    ASSERT_TRUE(ReadWavFile(prefix, file).ok());
    EXPECT_EQ(file.num_reads(), 0);
  }
}

TEST(WavTailTest, AChunkBehindTheDataCostsOneSmallRead) {
  WavSpec spec;
  spec.chunks_after_data = {{"LIST", std::string(5000, 'x')}};
  const MemorySource file(BuildWavAround(spec, SomeData(spec, 1000)));
  const auto prefix = std::span(file.bytes()).first(kWavPrefixBytes);
  EXPECT_EQ(OddityOf(ReadWavFile(prefix, file)), kOk);
  EXPECT_EQ(file.num_reads(), 1);
  EXPECT_LE(file.largest_read_bytes(), 8u);
}

TEST(WavTailTest, ChunksAreNoOddity) {
  for (const size_t size : {0, 1, 2, 7, 5000}) {
    const std::string chunk = Chunk("LIST", std::string(size, 'x'));
    const std::string pad(size % 2, '\0');
    EXPECT_EQ(With(chunk), kOk) << size;
    EXPECT_EQ(With(chunk + pad), kOk) << size;
    EXPECT_EQ(With(chunk + pad + Chunk("id3 ", "abcd")), kOk) << size;
    EXPECT_EQ(With(chunk + Chunk("id3 ", "abcd")), kOk) << size;
  }
}

TEST(WavTailTest, ChunksBehindOddDataWithAndWithoutPadding) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kPcmU8;
  for (const bool omit : {false, true}) {
    spec.omit_data_padding = omit;
    for (const std::string& tail : {""s, Chunk("LIST", "INFO")}) {
      const auto bytes =
          Joined(BuildWavAround(spec, SomeData(spec, 101)), tail);
      EXPECT_EQ(OddityOf(ReadFile(bytes)), kOk) << omit << tail;
    }
  }
}

TEST(WavTailTest, RunsOfPaddingAreIgnored) {
  for (const char value : {'\0', '\xFF'}) {
    for (const size_t size : {1, 2, 7, 8, 12, 4096, 4097, 70'000, 200'000}) {
      const std::string run(size, value);
      EXPECT_EQ(With(run), "bytes") << size;
      EXPECT_EQ(With(run, Counting(size)), "bytes") << size;
      EXPECT_EQ(With(Chunk("LIST", "INFO") + run), "bytes") << size;
      EXPECT_EQ(With(run + Chunk("LIST", "INFO")), "bytes") << size;
    }
  }
  // Neither runs of other bytes nor two values in turn are padding: quiet
  // samples can be both.
  EXPECT_EQ(With(std::string(70'000, '\1')), "lying_size");
  EXPECT_EQ(With(std::string(35'000, '\0') + std::string(35'000, '\xFF')),
            "lying_size");
}

TEST(WavTailTest, LongRunsAreLookedAtInBoundedTime) {
  const std::vector<std::byte> head = Plain();
  for (const uint64_t size : {(uint64_t{16} << 20) + 5000,
                              (uint64_t{17} << 20) + 1, uint64_t{10} << 30}) {
    const HollowSource file(head, size);
    EXPECT_EQ(OddityOf(ReadWavFile({}, file)), "bytes") << size;
    EXPECT_LT(file.num_reads(), 4096 + 1024 + 20);
    for (const uint64_t odd_byte_at :
         {uint64_t{300}, uint64_t{8} << 20, (uint64_t{16} << 20) + 1000,
          size - 4096, size - 1}) {
      HollowSource odd(head, size);
      odd.odd_byte_at = odd_byte_at;
      EXPECT_EQ(OddityOf(ReadWavFile({}, odd)), "lying_size") << odd_byte_at;
    }
  }
}

TEST(WavTailTest, UnknownBytesAreIgnoredWhereTheRiffSizeLeavesThemOut) {
  for (const size_t size : {1, 7, 8, 4096, 4097, 65536}) {
    EXPECT_EQ(With(Junk(size)), "bytes") << size;
    // A difference of up to 8 bytes is allowed, by which writers miscount.
    EXPECT_EQ(With(Junk(size), Counting(8)), "bytes") << size;
    EXPECT_EQ(With(Junk(size), Counting(9)), "lying_size") << size;
    EXPECT_EQ(With(Junk(size), Counting(-size_t{8})), "bytes") << size;
    EXPECT_EQ(With(Junk(size), Counting(-size_t{9})), "lying_size") << size;
    for (const uint32_t riff_bytes : {0u, 0xFFFFFFFFu, 200u}) {
      WavSpec spec;
      spec.claimed_riff_bytes = riff_bytes;
      EXPECT_EQ(With(Junk(size), spec), "lying_size") << size;
    }
  }
  EXPECT_EQ(ErrorOf(Joined(Plain(), Junk(65537))),
            "lying_size: the data chunk claims 200 bytes, but 65537 more bytes "
            "follow that are no chunk");
  // The bytes follow a chunk that the RIFF size covers, or does not.
  const std::string chunk = Chunk("LIST", "INFO");
  EXPECT_EQ(With(chunk + Junk(100)), "bytes");
  EXPECT_EQ(With(chunk + Junk(100), Counting(chunk.size())), "bytes");
  EXPECT_EQ(With(chunk + Junk(100), Counting(chunk.size() + 9)), "lying_size");
  // Padding followed by something unknown is itself unknown.
  EXPECT_EQ(With(std::string(60'000, '\0') + Junk(5536)), "bytes");
  EXPECT_EQ(With(std::string(60'000, '\0') + Junk(5537)), "lying_size");
}

TEST(WavTailTest, TheRiffSizeMayCountThePadByteOfOddData) {
  WavSpec spec;
  spec.encoding = SampleEncoding::kPcmU8;
  const std::vector<std::byte> bytes =
      BuildWavAround(spec, SomeData(spec, 101));
  for (const uint32_t less : {8u, 9u}) {
    spec.claimed_riff_bytes = static_cast<uint32_t>(bytes.size() - less);
    const auto longer =
        Joined(BuildWavAround(spec, SomeData(spec, 101)), Junk(500));
    EXPECT_EQ(OddityOf(ReadFile(longer)), "bytes") << less;
  }
}

TEST(WavTailTest, Rf64HasItsRiffSizeInDs64) {
  WavSpec spec;
  spec.container = WavContainer::kRf64;
  EXPECT_EQ(With(Junk(100), spec), "bytes");
  spec.ds64_riff_bytes = Plain(spec).size() - 8 + 100;
  EXPECT_EQ(With(Junk(100), spec), "lying_size");
  spec.ds64_riff_bytes = UINT64_MAX;
  EXPECT_EQ(With(Junk(100), spec), "lying_size");
  EXPECT_EQ(With("LIST\xFF\xFF\xFF\xFF"s, spec), "lying_size");
}

TEST(WavTailTest, AChunkThatTheEndOfTheFileCutsIsIgnored) {
  WavSpec spec;
  spec.chunks_after_data = {{"LIST", "INFOabcd"},
                            {"id3 ", std::string(70'000, '\x81')}};
  const std::vector<std::byte> bytes = Plain(spec);
  const size_t data_end = Plain().size();
  for (size_t size = data_end; size <= bytes.size();
       size += size < data_end + 100 ? 1 : 997) {
    const bool is_whole =
        size == data_end || size == data_end + 16 || size == bytes.size();
    EXPECT_EQ(OddityOf(ReadFile(CutTo(bytes, size))), is_whole ? kOk : "cut")
        << size;
  }
  // A chunk that extends beyond the RIFF size is none.
  const std::string chunk = Chunk("id3 ", std::string(70'000, '\x81'));
  EXPECT_EQ(With(chunk.substr(0, 69'000), Counting(chunk.size() - 1)),
            "lying_size");
  EXPECT_EQ(With("LIST\xFF\xFF\0\0"s + Junk(100), Counting(108)), "lying_size");
  for (const uint32_t riff_bytes : {0xFFFFFFFFu, 0x7FFFFFFFu, 2'000'000'000u}) {
    WavSpec streamed;
    streamed.claimed_riff_bytes = riff_bytes;
    EXPECT_EQ(With("LIST\xFF\xFF\0\0"s + Junk(100), streamed), "lying_size");
  }
}

TEST(WavTailTest, FilesBackToBackAreRejectedAndCounted) {
  for (const WavContainer container :
       {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
    WavSpec spec;
    spec.container = container;
    const std::string next = ToString(Plain(spec));
    const bool is_rf64 = container == WavContainer::kRf64;
    if (is_rf64 || container == WavContainer::kRifx) {
      // The sizes are not in the first file's byte order, or missing.
      EXPECT_TRUE(StartsWith(ErrorOf(Joined(Plain(), next)),
                             "several_files: holds at least 2 WAV files "));
      continue;
    }
    EXPECT_EQ(ErrorOf(Joined(Plain(), next)),
              "several_files: holds 2 WAV files back to back");
    EXPECT_EQ(ErrorOf(Joined(Plain(), next + next + next)),
              "several_files: holds 4 WAV files back to back");
  }
  std::string many;
  for (int i = 0; i < 900; ++i) many += ToString(Plain());
  EXPECT_EQ(ErrorOf(Joined(Plain(), many)),
            "several_files: holds 901 WAV files back to back");
  for (int i = 0; i < 4000; ++i) many += ToString(Plain());
  EXPECT_TRUE(StartsWith(ErrorOf(Joined(Plain(), many)),
                         "several_files: holds at least 1335 WAV files "));
}

TEST(WavTailTest, FilesBackToBackAreSeenBehindWhateverTheFirstOneHas) {
  const std::string next = ToString(Plain());
  for (const std::string& between :
       {""s, Chunk("LIST", "INFO"), std::string(100, '\0'),
        Chunk("LIST", "odd"), Chunk("LIST", "odd") + "\0"s}) {
    for (const uint32_t riff_bytes : {0u, 236u, 0xFFFFFFFFu}) {
      WavSpec spec;
      spec.claimed_riff_bytes = riff_bytes;
      EXPECT_EQ(With(between + next, spec), "several_files") << between;
    }
  }
  WavSpec odd;
  odd.encoding = SampleEncoding::kPcmU8;
  for (const bool omit : {false, true}) {
    odd.omit_data_padding = omit;
    const auto first = BuildWavAround(odd, SomeData(odd, 101));
    EXPECT_EQ(ErrorOf(Joined(first, next)),
              "several_files: holds 2 WAV files back to back");
  }
  // The second file is cut off, down to its first 12 bytes.
  for (size_t size = 12; size < next.size(); ++size) {
    EXPECT_EQ(With(next.substr(0, size)), "several_files") << size;
  }
  // RIFF of another type is a chunk.
  EXPECT_EQ(With(Chunk("RIFF", "AVI abcd")), kOk);
}

TEST(WavTailTest, AnyReadThatFailsIsTheFilesError) {
  WavSpec rf64;
  rf64.container = WavContainer::kRf64;
  WavSpec odd;
  odd.encoding = SampleEncoding::kPcmU8;
  WavSpec empty;
  empty.claimed_data_bytes = 0;
  const std::string next = ToString(Plain());
  const std::string chunks = Chunk("LIST", "INFO") + Chunk("id3 ", "odd");
  int num_failures = 0;
  for (const auto& bytes :
       {Joined(Plain(), chunks), Joined(Plain(rf64), chunks),
        Joined(BuildWavAround(odd, SomeData(odd, 101)), chunks),
        Joined(Plain(empty), chunks), Joined(Plain(), chunks + next + next),
        Joined(Plain(), std::string(100'000, '\0')),
        Joined(Plain(), std::string(100'000, '\xFF') + "x"),
        Joined(Plain(Counting(0)), Junk(3000))}) {
    for (const size_t prefix_bytes : {size_t{0}, size_t{60}}) {
      const MemorySource whole(bytes);
      const auto prefix = std::span(bytes).first(prefix_bytes);
      (void)ReadWavFile(prefix, whole);
      for (int read = 1; read <= whole.num_reads(); ++read, ++num_failures) {
        const auto wav = ReadWavFile(prefix, FailingSource(bytes, read));
        ASSERT_FALSE(wav.ok()) << bytes.size() << " bytes, read " << read;
        EXPECT_EQ(wav.error().code, RejectCode::kIoError);
      }
    }
  }
  EXPECT_GT(num_failures, 60);
}

}  // namespace
}  // namespace melmill
