#include "io/ogg/ogg_header.h"

#include <gtest/gtest.h>

#include <string>

#include "io/ogg/ogg_page.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

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
  // A copy has the same stream number.
  EXPECT_EQ(DecodeCodedFile(Concatenated(ogg, ogg)).code(), "chained");
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
  auto ogg =
      EncodeSound(SampleEncoding::kOpus, MakeSamples(9600, 1, 1), 48000, 1);
  // The original's rate in OpusHead says nothing about the coding, but
  // libsndfile decodes for it. The page's checksum would no longer fit.
  const auto page = ParseOggPage(ogg);
  ASSERT_TRUE(page);
  const MemorySource file(ogg);
  const auto header = ReadOggHeader(file);
  ASSERT_TRUE(header.ok() && header.value());
  EXPECT_EQ(header.value()->sample_rate_hz, 48000);
  EXPECT_EQ(header.value()->num_samples, 9600);
}

TEST(OggHeaderTest, OtherStreamsAreNoSoundThatIsRead) {
  for (const std::string_view packet : {"\x7F"
                                        "FLAC\1",
                                        "Speex   1.2", "\x80theora", ""}) {
    std::string page = "OggS" + std::string("\0\2", 2) + std::string(20, '\0');
    page += '\1';
    page += static_cast<char>(packet.size());
    page += packet;
    const MemorySource file(ToBytes(page));
    const auto header = ReadOggHeader(file);
    // The checksum is wrong, too: the page is no page.
    ASSERT_FALSE(header.ok());
    EXPECT_EQ(header.error().code, RejectCode::kBadHeader);
  }
}

}  // namespace
}  // namespace melmill
