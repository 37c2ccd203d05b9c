#include "io/ogg/ogg_header.h"

#include <gtest/gtest.h>

#include <string>

#include "io/ogg/ogg_page.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"
#include "tests/support/ogg_checksums.h"

namespace melmill {
namespace {

// Writes a number, least byte first, and repairs the pages' checksums.
void SetNumber(size_t at, size_t num_bytes, uint64_t value,
               std::vector<std::byte>* ogg) {
  for (size_t i = 0; i < num_bytes; ++i, value >>= 8) {
    (*ogg)[at + i] = static_cast<std::byte>(value & 0xFF);
  }
  RepairOggChecksums(reinterpret_cast<uint8_t*>(ogg->data()), ogg->size());
}

// Where these are in a page.
constexpr size_t kFlags = 5;
constexpr size_t kGranule = 6;
constexpr size_t kSerial = 14;
constexpr size_t kSequence = 18;

class OggTest : public testing::TestWithParam<SampleEncoding> {
 protected:
  static std::vector<std::byte> Some(size_t num_samples = 40'000,
                                     int rate_hz = 16000,
                                     int num_channels = 1) {
    return EncodeSound(GetParam(), MakeSamples(num_samples, num_channels, 6),
                       rate_hz, num_channels);
  }
  // Where each page begins, and the end.
  static std::vector<size_t> PageBegins(const std::vector<std::byte>& ogg) {
    std::vector<size_t> begins;
    size_t at = 0;
    while (const auto page = ParseOggPage(std::span(ogg).subspan(at))) {
      begins.push_back(at);
      at += page->num_bytes;
    }
    EXPECT_EQ(at, ogg.size());
    begins.push_back(at);
    return begins;
  }
};

TEST_P(OggTest, KnowsTheLengthFromItsLastPage) {
  const int rates_hz[] = {8000, 12000, 16000, 24000, 48000};
  for (const int rate_hz : rates_hz) {
    for (const int num_channels : {1, 2}) {
      for (const size_t num_samples : {1000u, 40'001u}) {
        const auto ogg = Some(num_samples, rate_hz, num_channels);
        const CodedOutcome outcome = DecodeCodedFile(ogg);
        EXPECT_EQ(outcome.error, "");
        EXPECT_EQ(outcome.sound.header.encoding, GetParam());
        EXPECT_EQ(outcome.sound.header.sample_rate_hz, rate_hz);
        EXPECT_EQ(outcome.sound.header.num_channels, num_channels);
        EXPECT_EQ(outcome.sound.header.data_bytes, ogg.size());
        EXPECT_EQ(outcome.mono.size(), num_samples);
        EXPECT_EQ(outcome.mono, MonoBySndfile(ogg, num_channels));
      }
    }
  }
}

TEST_P(OggTest, RejectsEveryCut) {
  const auto ogg = Some();
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_NE(DecodeCodedFile(FirstBytes(ogg, ogg.size() * i / 64)).error, "")
        << i;
  }
  for (const size_t begin : PageBegins(ogg)) {
    if (begin == ogg.size()) continue;
    EXPECT_NE(DecodeCodedFile(FirstBytes(ogg, begin)).error, "") << begin;
  }
  EXPECT_EQ(DecodeCodedFile(FirstBytes(ogg, ogg.size() - 1)).code(),
            "truncated");
}

TEST_P(OggTest, NoticesEveryDamagedByte) {
  const auto ogg = Some();
  for (size_t at = 0; at < ogg.size(); at += 61) {
    auto damaged = ogg;
    damaged[at] ^= std::byte{1};
    EXPECT_NE(DecodeCodedFile(damaged).error, "") << at;
  }
}

TEST_P(OggTest, NoticesALostPage) {
  const auto ogg = Some(80'000);
  const auto begins = PageBegins(ogg);
  ASSERT_GT(begins.size(), 6u);
  auto damaged = ogg;
  damaged.erase(damaged.begin() + static_cast<ptrdiff_t>(begins[4]),
                damaged.begin() + static_cast<ptrdiff_t>(begins[5]));
  const CodedOutcome outcome = DecodeCodedFile(damaged);
  EXPECT_EQ(outcome.code(), "bad_page");
  EXPECT_EQ(static_cast<size_t>(outcome.detail), begins[4]);
}

TEST_P(OggTest, RejectsChainedStreams) {
  const auto ogg = Some();
  const auto other = Some(9000, 16000, 1);
  EXPECT_EQ(DecodeCodedFile(Concatenated(ogg, other)).code(), "chained");
  // The plan sees this without reading all pages.
  const MemorySource file(Concatenated(ogg, other));
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  ASSERT_FALSE(sound.ok());
  EXPECT_EQ(sound.error().code, RejectCode::kChained);
  // A copy has the same stream number.
  EXPECT_EQ(DecodeCodedFile(Concatenated(ogg, ogg)).code(), "chained");
}

// Each in one way only: other checks would see most of them, too.
TEST_P(OggTest, RejectsPagesOfAnotherStream) {
  const auto ogg = Some(80'000);
  const auto begins = PageBegins(ogg);
  ASSERT_GT(begins.size(), 6u);
  const auto page = [&](size_t i) {
    return std::vector(ogg.begin() + static_cast<ptrdiff_t>(begins[i]),
                       ogg.begin() + static_cast<ptrdiff_t>(begins[i + 1]));
  };
  // One with another number, as of a video, between two of this stream.
  auto other = page(4);
  SetNumber(kSerial, 4, 77, &other);
  SetNumber(kSequence, 4, 5, &other);
  auto mixed = ogg;
  mixed.insert(mixed.begin() + static_cast<ptrdiff_t>(begins[5]), other.begin(),
               other.end());
  CodedOutcome outcome = DecodeCodedFile(mixed);
  EXPECT_EQ(outcome.code(), "chained");
  EXPECT_EQ(static_cast<size_t>(outcome.detail), begins[5]);
  // One that begins a stream, though its number goes on.
  mixed = ogg;
  SetNumber(begins[4] + kFlags, 1, 2, &mixed);
  outcome = DecodeCodedFile(mixed);
  EXPECT_EQ(outcome.code(), "chained");
  EXPECT_EQ(static_cast<size_t>(outcome.detail), begins[4]);
  // One behind the last.
  const size_t last = begins.size() - 2;
  other = page(last);
  SetNumber(kSequence, 4, last + 1, &other);
  outcome = DecodeCodedFile(Concatenated(ogg, other));
  EXPECT_EQ(outcome.code(), "chained");
  EXPECT_EQ(static_cast<size_t>(outcome.detail), ogg.size());
}

TEST_P(OggTest, RejectsALastPageWithoutACountOfSamples) {
  auto ogg = Some();
  const auto begins = PageBegins(ogg);
  const size_t last = begins[begins.size() - 2];
  SetNumber(last + kGranule, 8, 0, &ogg);
  EXPECT_EQ(DecodeCodedFile(ogg).code(), "no_samples");
  SetNumber(last + kGranule, 8, uint64_t{1} << 62, &ogg);
  EXPECT_EQ(DecodeCodedFile(ogg).code(), "bad_header");
  SetNumber(last + kGranule, 8, ~uint64_t{0}, &ogg);
  EXPECT_EQ(DecodeCodedFile(ogg).code(), "truncated");
}

TEST_P(OggTest, RejectsAHugePacket) {
  const auto ogg = Some();
  const auto begins = PageBegins(ogg);
  auto huge = FirstBytes(ogg, begins[1]);
  constexpr size_t kPageBytes = 27 + 255 + 255 * 255;
  constexpr size_t kNumPages = kMaxOggPacketBytes / (255 * 255) + 1;
  for (size_t i = 1; i <= kNumPages; ++i) {
    std::vector<std::byte> page(kPageBytes);
    std::copy_n(ogg.begin(), 18, page.begin());
    page[kFlags] = std::byte{i == kNumPages ? uint8_t{4} : uint8_t{0}};
    page[kGranule + 1] = std::byte{100};
    page[kSequence] = static_cast<std::byte>(i);
    std::fill_n(page.begin() + 26, 1 + 255, std::byte{255});
    huge = Concatenated(std::move(huge), page);
  }
  RepairOggChecksums(reinterpret_cast<uint8_t*>(huge.data()), huge.size());
  EXPECT_EQ(DecodeCodedFile(huge).error,
            "bad_header: has an Ogg packet of more than 8388608 bytes");
}

TEST_P(OggTest, AcceptsAFewBytesBehindTheStream) {
  const auto ogg = Some();
  EXPECT_EQ(
      DecodeCodedFile(Concatenated(ogg, std::vector<std::byte>(4096))).error,
      "");
  EXPECT_EQ(
      DecodeCodedFile(Concatenated(ogg, std::vector<std::byte>(4097))).code(),
      "lying_size");
  EXPECT_EQ(DecodeCodedFile(Concatenated(ogg, ToBytes("OggSxyz"))).code(),
            "truncated");
}

std::string NameOf(const testing::TestParamInfo<SampleEncoding>& info) {
  return info.param == SampleEncoding::kOpus ? "Opus" : "Vorbis";
}

INSTANTIATE_TEST_SUITE_P(Formats, OggTest,
                         testing::Values(SampleEncoding::kVorbis,
                                         SampleEncoding::kOpus),
                         NameOf);

TEST(OggHeaderTest, OpusIsDecodedAtTheRateOfLibsndfile) {
  // The original's rate in OpusHead says nothing about the coding, but
  // libsndfile decodes for it.
  constexpr size_t kOriginalRate = 27 + 1 + 12;
  auto ogg =
      EncodeSound(SampleEncoding::kOpus, MakeSamples(9600, 1, 1), 48000, 1);
  for (const auto& [original_hz, decoded_hz] :
       {std::pair(0, 8000), std::pair(8000, 8000), std::pair(8001, 12000),
        std::pair(16000, 16000), std::pair(22050, 24000),
        std::pair(44100, 48000), std::pair(192000, 48000)}) {
    SetNumber(kOriginalRate, 4, static_cast<uint64_t>(original_hz), &ogg);
    const CodedOutcome outcome = DecodeCodedFile(ogg);
    EXPECT_EQ(outcome.error, "") << original_hz;
    EXPECT_EQ(outcome.sound.header.sample_rate_hz, decoded_hz);
    EXPECT_EQ(outcome.sound.header.num_samples, decoded_hz / 5);
    EXPECT_EQ(outcome.mono, MonoBySndfile(ogg, 1)) << original_hz;
  }
}

TEST(OggHeaderTest, OtherStreamsAreNoSoundThatIsRead) {
  for (const std::string_view packet : {"\x7F"
                                        "FLAC\1",
                                        "Speex   1.2", "\x80theora", ""}) {
    std::string page = "OggS" + std::string("\0\2", 2) + std::string(20, '\0');
    page += '\1';
    page += static_cast<char>(packet.size());
    page += packet;
    const MemorySource damaged(ToBytes(page));
    auto header = ReadOggHeader(damaged);
    ASSERT_FALSE(header.ok());
    EXPECT_EQ(header.error().code, RejectCode::kBadHeader);
    RepairOggChecksums(reinterpret_cast<uint8_t*>(page.data()), page.size());
    const MemorySource file(ToBytes(page));
    header = ReadOggHeader(file);
    ASSERT_TRUE(header.ok());
    EXPECT_FALSE(header.value().has_value());
  }
}

}  // namespace
}  // namespace melmill
