#include "io/sphere/sphere_header.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/plain_reading.h"

namespace melmill {
namespace {

// A file with this text as its header, and `data`.
std::vector<std::byte> Sphere(const std::string& fields,
                              const std::string& data = std::string(200, '\1'),
                              size_t header_bytes = 1024) {
  std::string header = "NIST_1A\n";
  const std::string size = std::to_string(header_bytes);
  header += std::string(7 - size.size(), ' ') + size + "\n" + fields;
  header.resize(header_bytes, ' ');
  return ToBytes(header + data);
}

const std::string kFields =
    "database_id -s5 TIMIT\nchannel_count -i 1\nsample_count -i 100\n"
    "sample_rate -i 16000\nsample_n_bytes -i 2\n"
    "sample_byte_format -s2 01\nsample_sig_bits -i 16\n";
const std::string kEnd = "end_head\n";

std::string With(std::string fields, const std::string& from,
                 const std::string& to) {
  const size_t at = fields.find(from);
  EXPECT_NE(at, fields.npos);
  return fields.replace(at, from.size(), to);
}

TEST(SphereHeaderTest, GivesTheSamplesOfLibsndfile) {
  for (const int subtype :
       {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32,
        SF_FORMAT_ULAW, SF_FORMAT_ALAW}) {
    for (const int endian : {SF_ENDIAN_LITTLE, SF_ENDIAN_BIG}) {
      for (const int num_channels : {1, 2}) {
        const bool is_wide =
            subtype != SF_FORMAT_PCM_S8 && subtype < SF_FORMAT_ULAW;
        ExpectSamplesOfLibsndfile(
            SF_FORMAT_NIST | subtype | (is_wide ? endian : 0), num_channels);
      }
    }
  }
}

TEST(SphereHeaderTest, ReadsHeadersOfCorpora) {
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + kEnd)), "ok");
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + "sample_coding -s3 pcm\n" + kEnd)),
            "ok");
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + kEnd, std::string(200, 'x'), 2048)),
            "ok");
  EXPECT_EQ(HeaderErrorOf(Sphere(
                With(kFields, "sample_n_bytes -i 2", "sample_n_bytes -i 1") +
                    "sample_coding -s6 mu-law\n" + kEnd,
                std::string(100, 'x'))),
            "ok");
}

TEST(SphereHeaderTest, TheCountMustBeThatOfTheFile) {
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + kEnd, std::string(199, 'x'))),
            "truncated: the header claims 100 samples, 99 are there");
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + kEnd, std::string(201, 'x'))), "ok");
  EXPECT_EQ(HeaderErrorOf(Sphere(kFields + kEnd, std::string(202, 'x'))),
            "lying_size: the header claims 100 samples, 101 are there");
  EXPECT_EQ(
      HeaderCodeOf(Sphere(With(kFields, "sample_count -i 100\n", "") + kEnd)),
      "length_unknown");
  EXPECT_EQ(HeaderCodeOf(
                Sphere(With(kFields, "count -i 100", "count -i 0") + kEnd, "")),
            "no_samples");
  EXPECT_EQ(HeaderCodeOf(Sphere(
                With(kFields, "count -i 100", "count -i 18446744073709551615") +
                kEnd)),
            "truncated");
}

TEST(SphereHeaderTest, RejectsWhatItCannotRead) {
  EXPECT_EQ(
      HeaderCodeOf(Sphere(
          kFields + "sample_coding -s26 pcm,embedded-shorten-v2.00\n" + kEnd)),
      "unsupported_format");
  EXPECT_EQ(HeaderCodeOf(Sphere(kFields)), "bad_header");  // no end
  EXPECT_EQ(HeaderCodeOf(Sphere(kFields + "channel_count -i 2\n" + kEnd)),
            "bad_header");  // twice
  EXPECT_EQ(HeaderCodeOf(Sphere(With(kFields, "s2 01", "s2 11") + kEnd)),
            "bad_header");
  EXPECT_EQ(
      HeaderCodeOf(Sphere(With(kFields, "bytes -i 2", "bytes -i 5") + kEnd)),
      "bad_header");
  EXPECT_EQ(HeaderCodeOf(
                Sphere(With(kFields, "rate -i 16000", "rate -i 900") + kEnd)),
            "bad_sample_rate");
  EXPECT_EQ(
      HeaderCodeOf(Sphere(With(kFields, "channel_count -i 1\n", "") + kEnd)),
      "bad_channels");
  EXPECT_EQ(
      HeaderCodeOf(Sphere(
          With(kFields, "channel_count -i 1", "channel_count -i 65") + kEnd)),
      "bad_channels");
  auto cut = Sphere(kFields + kEnd);
  cut.resize(1000);
  EXPECT_EQ(HeaderCodeOf(cut), "truncated");
  cut.resize(12);
  EXPECT_EQ(HeaderCodeOf(cut), "truncated");
  EXPECT_EQ(
      HeaderCodeOf(ToBytes("NIST_1A\n    512\n" + std::string(2000, ' '))),
      "bad_header");
  EXPECT_EQ(
      HeaderCodeOf(ToBytes("NIST_1A\n9999999\n" + std::string(2000, ' '))),
      "bad_header");
}

}  // namespace
}  // namespace melmill
