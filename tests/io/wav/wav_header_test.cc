#include "io/wav/wav_header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/wav_reading.h"

namespace melmill {
namespace {

using namespace std::string_literals;

Result<SoundHeader> Read(std::vector<std::byte> bytes,
                         size_t prefix_bytes = kWavPrefixBytes) {
  const Result<SoundFile> wav = ReadFile(std::move(bytes), prefix_bytes);
  if (!wav.ok()) return wav.error();
  return wav.value().header;
}

SoundHeader MustRead(std::vector<std::byte> bytes) {
  return MustReadFile(std::move(bytes)).header;
}

TEST(WavHeaderTest, ReadsEveryEncodingInEveryContainer) {
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const WavContainer container :
         {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
      for (const bool extensible : {false, true}) {
        for (const int num_channels : {1, 2, 3, 64}) {
          SCOPED_TRACE(SampleEncodingName(encoding));
          WavSpec spec;
          spec.encoding = encoding;
          spec.container = container;
          spec.extensible = extensible;
          spec.num_channels = num_channels;
          spec.sample_rate_hz = 44100;
          const std::vector<std::byte> bytes =
              BuildWavAround(spec, SomeData(spec, 17));
          const SoundHeader header = MustRead(bytes);
          EXPECT_EQ(header.encoding, encoding);
          EXPECT_EQ(header.big_endian, container == WavContainer::kRifx);
          EXPECT_EQ(header.sample_rate_hz, 44100);
          EXPECT_EQ(header.num_channels, num_channels);
          EXPECT_EQ(header.num_samples, 17);
          EXPECT_EQ(header.data_bytes, SomeData(spec, 17).size());
          // The data really begins here: it is last, except for a pad byte.
          EXPECT_EQ(
              header.data_offset + header.data_bytes + header.data_bytes % 2,
              bytes.size());
        }
      }
    }
  }
}

TEST(WavHeaderTest, NamesAndSizesOfEncodings) {
  EXPECT_EQ(SampleEncodingName(SampleEncoding::kPcm16), "PCM 16 bit");
  EXPECT_EQ(SampleEncodingName(SampleEncoding::kMuLaw), "mu-law");
  EXPECT_EQ(BytesPerSample(SampleEncoding::kPcm24), 3);
  EXPECT_EQ(BytesPerSample(SampleEncoding::kFloat64), 8);
  EXPECT_EQ(BytesPerSample(SampleEncoding::kALaw), 1);
}

TEST(WavHeaderTest, ReadsTheSubformatThatSoxWritesIntoRifx) {
  WavSpec spec;
  spec.container = WavContainer::kRifx;
  spec.encoding = SampleEncoding::kPcm24;
  spec.fmt_content =
      "\xFF\xFE\x00\x01\x00\x00\x3E\x80\x00\x00\xBB\x80\x00\x03\x00\x18"
      "\x00\x16\x00\x18\x00\x00\x00\x04\x00\x01\x00\x00\x00\x00\x10\x00"
      "\x80\x00\x00\xAA\x00\x38\x9B\x71"s;
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 100);
}

TEST(WavHeaderTest, EmptyFile) {
  EXPECT_EQ(ErrorOf(std::vector<std::byte>{}), "empty_file: the file is empty");
}

TEST(WavHeaderTest, NamesFormatsThatAreNotRead) {
  const std::string ogg = "OggS\0\2"s + std::string(22, '\0');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {ogg + "\x7F" + "FLAC\1", "Ogg FLAC"},
      {ogg + "Speex   1.2", "Ogg Speex"},
      {ogg + "\x80theora", "Ogg Theora"},
      {"OggS\0\2\0"s, "Ogg without Vorbis or Opus"},
      {"\xFF\xFB\x90\x64"s, "damaged MP3 or another MPEG audio"},
      {"\xFF\xF1\x50\x80"s, "AAC"},
      {"ajkg\2\xFB"s, "Shorten"},
      {"wvpk\0\0"s, "WavPack"},
      {"\0\0\0\x20"s + "ftypM4A ", "MP4/M4A"},
      {"\x1A\x45\xDF\xA3"s, "Matroska/WebM"},
      {"#!AMR\n"s, "AMR"},
      {"#!AMR-WB\n"s, "AMR-WB"},
      {"\x30\x26\xB2\x75\x8E\x66\xCF\x11"s, "ASF/WMA"},
      {"\x1F\x8B\x08"s, "gzip"},
      {"PK\x03\x04"s, "a zip archive"},
      {"riff\x2E\x91\xCF\x11\xA5\xD6"s, "Wave64"},
      {"BW64\xFF\xFF\xFF\xFFWAVE"s, "BW64"},
      {"RIFF\x10\0\0\0AVI LIST"s, "AVI"},
      {"version https://git-lfs.github.com/spec/v1\n"s, "a Git LFS pointer"},
  };
  for (const auto& [bytes, name] : cases) {
    const std::string error = ErrorOf(ToBytes(bytes));
    EXPECT_TRUE(
        StartsWith(error, "not_wav: is " + name + ", which is not read; "))
        << error;
  }
}

TEST(WavHeaderTest, SaysHowToConvert) {
  EXPECT_EQ(ErrorOf(ToBytes("\0\0\0\x20"s + "ftypM4A ")),
            "not_wav: is MP4/M4A, which is not read; convert it: "
            "ffmpeg -i in.m4a out.flac");
  EXPECT_EQ(ErrorOf(ToBytes("version https://git-lfs.github.com/spec/v1\n")),
            "not_wav: is a Git LFS pointer, which is not read; get the audio "
            "out of it: git lfs pull");
}

TEST(WavHeaderTest, DescribesWhatItCannotName) {
  EXPECT_EQ(ErrorOf(ToBytes("{\"audio\": 1}")), "not_wav: is JSON, not sound");
  EXPECT_EQ(ErrorOf(ToBytes("Not found\n")), "not_wav: is text, not sound");
  EXPECT_EQ(ErrorOf(ToBytes("RIF")), "not_wav: is text, not sound");
  EXPECT_EQ(ErrorOf(ToBytes("RIFF\x10\0\0\0RMIDdata"s)),
            "not_wav: is RIFF, but holds something else than WAVE");
  EXPECT_TRUE(StartsWith(ErrorOf(std::vector<std::byte>(100)),
                         "not_wav: starts with zeros"));
  EXPECT_EQ(ErrorOf(ToBytes("\x01\xFF\x80")),
            "not_wav: does not start as a sound file does; its first bytes: "
            "01 FF 80");
  // These bytes are a sample of -1, then silence, not a frame of MPEG audio.
  EXPECT_TRUE(StartsWith(ErrorOf(ToBytes("\xFF\xFF\0\0\0\0"s)),
                         "not_wav: does not start"));
}

TEST(WavHeaderTest, ShortRiffFilesAreTruncated) {
  EXPECT_EQ(ErrorOf(ToBytes("RIFF")), "truncated: ends inside its header");
  EXPECT_EQ(ErrorOf(ToBytes("RIFX\0\0\0\0WAV"s)),
            "truncated: ends inside its header");
  EXPECT_EQ(ErrorOf(ToBytes("RIFF\0\0\0\0WAVEfmt "s)),
            "truncated: ends inside its header");
}

TEST(WavHeaderTest, HeadersWithoutDataHaveNoSamples) {
  WavSpec spec;
  spec.omit_data = true;
  EXPECT_EQ(ErrorOf(spec), "no_samples: has no data chunk");
  EXPECT_EQ(ErrorOf(ToBytes("RIFF\4\0\0\0WAVE"s)),
            "no_samples: has no data chunk");
}

TEST(WavHeaderTest, FmtMustComeOnceBeforeTheData) {
  WavSpec spec;
  const WavChunk fmt = {"fmt ", FmtContent(spec, false)};
  spec.omit_fmt = true;
  EXPECT_TRUE(IsError(spec, "bad_header"));
  spec.chunks_after_data = {fmt};
  EXPECT_TRUE(IsError(spec, "bad_header"));
  spec.chunks_after_data = {};
  spec.chunks_before_data = {fmt};
  EXPECT_EQ(ErrorOf(spec), "ok");
  spec.chunks_before_data = {fmt, fmt};
  EXPECT_EQ(ErrorOf(spec), "bad_header: has two fmt chunks");
}

TEST(WavHeaderTest, FmtMustBeLongEnough) {
  WavSpec spec;
  const std::string fmt = FmtContent(spec, false);
  spec.fmt_content = fmt.substr(0, 14);
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: the fmt chunk has 14 bytes; it needs at least 16");
  spec.fmt_content = fmt + "\0\0"s;
  EXPECT_EQ(ErrorOf(spec), "ok");

  spec.extensible = true;
  spec.fmt_content.reset();
  spec.fmt_content = FmtContent(spec, false).substr(0, 38);
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: the fmt chunk has 38 bytes; WAVE_FORMAT_EXTENSIBLE "
            "needs 40");
}

TEST(WavHeaderTest, ExtensibleNeedsAKnownSubformat) {
  WavSpec spec;
  spec.extensible = true;
  std::string fmt = FmtContent(spec, false);
  fmt.back() = 'x';
  spec.fmt_content = fmt;
  EXPECT_TRUE(IsError(spec, "unsupported_format"));
  spec.fmt_content.reset();
  spec.format_tag = 0x0055;
  EXPECT_TRUE(StartsWith(ErrorOf(spec), "unsupported_format: holds MP3"));
  // This is an EXTENSIBLE inside an EXTENSIBLE.
  spec.format_tag = 0xFFFE;
  EXPECT_TRUE(IsError(spec, "unsupported_format"));
}

TEST(WavHeaderTest, NamesCodecsThatAreNotRead) {
  const std::vector<std::pair<uint16_t, std::string>> cases = {
      {0x0002, "Microsoft ADPCM"}, {0x0011, "IMA ADPCM"},
      {0x0031, "GSM 6.10"},        {0x0055, "MP3"},
      {0x0040, "G.721 ADPCM"},     {0x0014, "G.723 ADPCM"},
      {0x1234, "unknown"},
  };
  for (const auto& [tag, name] : cases) {
    WavSpec spec;
    spec.format_tag = tag;
    const std::string error = ErrorOf(spec);
    EXPECT_TRUE(StartsWith(error, "unsupported_format: holds " + name))
        << error;
    EXPECT_NE(error.find("ffmpeg -i in.wav"), std::string::npos) << error;
  }
}

TEST(WavHeaderTest, OddSampleSizesAreUnsupported) {
  WavSpec spec;
  for (const uint16_t bits : {0, 1, 12, 20, 64}) {
    spec.bits = bits;
    EXPECT_TRUE(IsError(spec, "unsupported_format")) << bits;
  }
  spec.encoding = SampleEncoding::kFloat32;
  spec.bits = 16;
  EXPECT_TRUE(StartsWith(ErrorOf(spec),
                         "unsupported_format: holds float samples of 16 bits"));
  spec.encoding = SampleEncoding::kMuLaw;
  EXPECT_TRUE(IsError(spec, "unsupported_format"));
  spec.encoding = SampleEncoding::kALaw;
  EXPECT_TRUE(IsError(spec, "unsupported_format"));
}

TEST(WavHeaderTest, BlockAlignMustFit) {
  WavSpec spec;
  spec.num_channels = 2;
  spec.block_align = 3;
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: the fmt chunk says 3 bytes per sample of all "
            "channels (block align), but 2 channels of 16 bits make 4");
  spec.block_align = 0;
  EXPECT_TRUE(IsError(spec, "bad_header"));
}

TEST(WavHeaderTest, SampleRatesHaveLimits) {
  WavSpec spec;
  for (const uint32_t rate : {0u, 1u, 999u, 768'001u, 0x80000000u, ~0u}) {
    spec.sample_rate_hz = rate;
    EXPECT_TRUE(IsError(spec, "bad_sample_rate")) << rate;
  }
  for (const uint32_t rate : {1'000u, 768'000u}) {
    spec.sample_rate_hz = rate;
    EXPECT_EQ(ErrorOf(spec), "ok") << rate;
  }
}

TEST(WavHeaderTest, ChannelCountsHaveLimits) {
  WavSpec spec;
  for (const int num_channels : {0, 65, 65535}) {
    spec.num_channels = num_channels;
    EXPECT_TRUE(IsError(spec, "bad_channels")) << num_channels;
  }
}

TEST(WavHeaderTest, ChunksBeforeTheDataAreSkipped) {
  WavSpec spec;
  spec.chunks_before_fmt = {{"JUNK", std::string(28, '\0')}};
  spec.chunks_before_data = {{"LIST", "INFOISFTodd"},
                             {"fact", "\x64\0\0\0"s},
                             {"a\0\xFF!"s, "binary names are no harm"}};
  const std::vector<std::byte> bytes = BuildWavAround(spec, SomeData(spec));
  const SoundHeader header = MustRead(bytes);
  EXPECT_EQ(header.num_samples, 100);
  EXPECT_EQ(header.data_offset + 200, bytes.size());
}

TEST(WavHeaderTest, AThousandChunksBeforeTheDataAndNoMore) {
  WavSpec spec;
  spec.chunks_before_data.assign(999, {"JUNK", ""});
  EXPECT_EQ(ErrorOf(spec), "ok");
  spec.chunks_before_data.assign(1000, {"JUNK", ""});
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: has more than 1000 chunks before its data");
}

TEST(WavHeaderTest, NoMoreChunksAreReadThanMayBe) {
  WavSpec spec;
  spec.chunks_before_data.assign(200'000, {"JUNK", ""});
  const MemorySource file(BuildWavAround(spec, SomeData(spec)));
  const Result<SoundHeader> header = ReadWavHeader({}, file);
  ASSERT_FALSE(header.ok());
  EXPECT_EQ(header.error().code, RejectCode::kBadHeader);
  EXPECT_LE(file.num_reads(), 1010);
}

TEST(WavHeaderTest, OddChunksWithoutPaddingAreNotReadOver) {
  WavSpec spec;
  spec.chunks_before_data = {{"LIST", "INFOodd", std::nullopt, false}};
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: there is no chunk at byte 52, where one should begin");
  spec.chunks_before_fmt = spec.chunks_before_data;
  spec.chunks_before_data = {};
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: there is no chunk at byte 28, where one should begin");
}

TEST(WavHeaderTest, ChunkSizesDoNotWrap) {
  for (const WavContainer container :
       {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
    // These sizes lead back to this chunk, to the one before, or just past 4
    // GiB.
    for (uint32_t less = 0; less < 64; ++less) {
      WavSpec spec;
      spec.container = container;
      spec.chunks_before_data = {{"LIST", "INFO", ~uint32_t{0} - less}};
      EXPECT_TRUE(IsError(spec, "truncated")) << less;
      std::swap(spec.chunks_before_fmt, spec.chunks_before_data);
      EXPECT_TRUE(IsError(spec, "truncated")) << less;
      spec.chunks_before_fmt = {
          {"fmt ", FmtContent(spec, false), ~uint32_t{0} - less}};
      EXPECT_TRUE(IsError(spec, "truncated")) << less;
    }
  }
}

TEST(WavHeaderTest, SizesInDs64DoNotWrap) {
  WavSpec spec;
  spec.container = WavContainer::kRf64;
  for (uint64_t less = 1; less < 512; ++less) {
    spec.ds64_data_bytes = ~uint64_t{0} - less;
    EXPECT_TRUE(IsError(spec, "truncated")) << less;
  }
  for (const uint64_t size : {uint64_t{1} << 32, uint64_t{1} << 63}) {
    for (const uint64_t offset : {0, 1, 200}) {
      spec.ds64_data_bytes = size + offset;
      EXPECT_TRUE(IsError(spec, "truncated")) << size << " + " << offset;
      spec.ds64_data_bytes = size - offset - 1;
      EXPECT_TRUE(IsError(spec, "truncated")) << size << " - " << offset;
    }
  }
  // The ds64 chunk claims to be larger than the file.
  std::vector<std::byte> bytes = BuildWavAround(spec, SomeData(spec));
  std::fill_n(bytes.begin() + 16, 4, std::byte{0xFF});
  EXPECT_TRUE(StartsWith(ErrorOf(bytes), "truncated"));
}

TEST(WavHeaderTest, ChunksThatRunPastTheEnd) {
  WavSpec spec;
  spec.omit_data = true;
  spec.chunks_before_data = {{"LIST", "INFO", 5000}};
  EXPECT_EQ(ErrorOf(spec),
            "truncated: the 'LIST' chunk claims 5000 bytes, 4 are there");
  spec.chunks_before_data[0].claimed_bytes = 0xFFFFFFFF;
  EXPECT_TRUE(IsError(spec, "truncated"));
  spec.chunks_before_data = {{"\xFFnop", "INFO", 5000}};
  EXPECT_EQ(ErrorOf(spec),
            "bad_header: there is no chunk at byte 36, where one should begin");

  // The fmt chunk is cut off.
  std::vector<std::byte> bytes = BuildWavAround(WavSpec(), "");
  bytes.resize(30);
  EXPECT_EQ(ErrorOf(bytes),
            "truncated: the 'fmt ' chunk claims 16 bytes, 10 are there");
}

TEST(WavHeaderTest, DataThatIsNotAllThereIsTruncated) {
  WavSpec spec;
  spec.claimed_data_bytes = 201;
  spec.omit_data_padding = true;
  EXPECT_EQ(ErrorOf(spec),
            "truncated: the data chunk claims 201 bytes, 200 are there");
  // This is large, but not a number that writers use for "unknown".
  spec.claimed_data_bytes = 0xFFFFEFF0;
  EXPECT_TRUE(IsError(spec, "truncated"));
}

TEST(WavHeaderTest, StreamingSizesMeanToTheEndOfTheFile) {
  for (const uint32_t size : {0xFFFFFFFFu, 0xFFFFFFDBu, 0x80000000u,
                              0x7FFFFFFFu, 0x7FFFFFDBu, 0x7FFFF000u}) {
    WavSpec spec;
    spec.claimed_data_bytes = size;
    EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 100)
        << size;
  }
}

TEST(WavHeaderTest, StreamingSizesWithoutDataHaveNoSamples) {
  WavSpec spec;
  spec.claimed_data_bytes = 0xFFFFFFFF;
  EXPECT_EQ(ErrorOf(BuildWavAround(spec, "")),
            "no_samples: the data chunk has 0 bytes, less than one sample");
}

TEST(WavHeaderTest, SizeZeroWithNothingBehindHasNoSamples) {
  EXPECT_EQ(ErrorOf(BuildWavAround(WavSpec(), "")),
            "no_samples: has an empty data chunk");
}

TEST(WavHeaderTest, SizeZeroWithChunksBehindHasNoSamples) {
  WavSpec spec;
  for (const bool padded : {false, true}) {
    spec.chunks_after_data = {{"LIST", "INFOodd"},
                              {"id3 ", "seven b", std::nullopt, padded}};
    EXPECT_EQ(ErrorOf(BuildWavAround(spec, "")),
              "no_samples: has an empty data chunk");
  }
}

TEST(WavHeaderTest, AThousandChunksBehindSizeZeroAndNoMore) {
  WavSpec spec;
  spec.chunks_after_data.assign(1000, {"JUNK", ""});
  EXPECT_EQ(ErrorOf(BuildWavAround(spec, "")),
            "no_samples: has an empty data chunk");
  spec.chunks_after_data.push_back({"JUNK", ""});
  EXPECT_EQ(ErrorOf(BuildWavAround(spec, "")), "ok");
}

TEST(WavHeaderTest, SizeZeroWithSamplesBehindMeansToTheEndOfTheFile) {
  WavSpec spec;
  spec.claimed_data_bytes = 0;
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 100);
  // These samples look like a chunk at first, but lead nowhere.
  const std::string like_a_chunk = "LIST\x10\0\0\0"s + std::string(101, 'x');
  EXPECT_EQ(MustRead(BuildWavAround(spec, like_a_chunk)).num_samples, 55);
  // These are fewer bytes than a chunk has.
  EXPECT_EQ(MustRead(BuildWavAround(spec, "abcd")).num_samples, 2);
}

TEST(WavHeaderTest, OnlyWholeSampleGroupsCount) {
  WavSpec spec;
  spec.num_channels = 2;
  const SoundHeader header =
      MustRead(BuildWavAround(spec, std::string(11, 'x')));
  EXPECT_EQ(header.num_samples, 2);
  EXPECT_EQ(header.data_bytes, 8u);
  EXPECT_EQ(ErrorOf(BuildWavAround(spec, "xyz")),
            "no_samples: the data chunk has 3 bytes, less than one sample");
}

TEST(WavHeaderTest, TheFirstDataChunkCounts) {
  WavSpec spec;
  spec.chunks_after_data = {{"data", std::string(5000, 'x')}};
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 100);
}

TEST(WavHeaderTest, Rf64TakesTheDataSizeFromDs64) {
  WavSpec spec;
  spec.container = WavContainer::kRf64;
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 100);
  // The RIFF size also comes from ds64.
  const uint64_t riff_bytes = BuildWavAround(spec, SomeData(spec)).size() - 8;
  spec.ds64_riff_bytes = riff_bytes - 100;
  spec.ds64_data_bytes = 100;
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 50);
  spec.ds64_data_bytes = (uint64_t{1} << 32) + 200;
  EXPECT_EQ(ErrorOf(spec),
            "truncated: the data chunk claims 4294967496 bytes, 200 are there");
  spec.ds64_data_bytes = UINT64_MAX - 1;
  EXPECT_TRUE(IsError(spec, "truncated"));
  // These sizes mean that it was unknown when it was written.
  for (const uint64_t size : {uint64_t{0}, UINT64_MAX}) {
    spec.ds64_data_bytes = size;
    EXPECT_EQ(ErrorOf(spec), "ok") << size;
  }
  // The 32-bit size counts unless it says that it does not.
  spec.ds64_data_bytes = 100;
  spec.ds64_riff_bytes = riff_bytes - 180;
  spec.claimed_data_bytes = 20;
  EXPECT_EQ(MustRead(BuildWavAround(spec, SomeData(spec))).num_samples, 10);
}

TEST(WavHeaderTest, Rf64NeedsDs64First) {
  WavSpec spec;
  spec.container = WavContainer::kRf64;
  const auto with_first_chunk = [&](const WavChunk& chunk) {
    // ds64 has 8 + 28 bytes, after the 12 of the file's own header.
    std::string text = ToString(BuildWavAround(spec, SomeData(spec)));
    return ErrorOf(ToBytes(text.replace(12, 36, ChunkBytes(chunk, false))));
  };
  EXPECT_EQ(with_first_chunk({"JUNK", std::string(28, '\0')}),
            "bad_header: is RF64, but its first chunk is not ds64");
  EXPECT_EQ(with_first_chunk({"ds64", std::string(14, '\0')}),
            "bad_header: the ds64 chunk has 14 bytes; it needs at least 16");
}

TEST(WavHeaderTest, TheSizeOfTheWholeFileIsNotTrusted) {
  WavSpec spec;
  std::vector<std::byte> bytes = BuildWavAround(spec, SomeData(spec));
  for (const std::byte value : {std::byte{0}, std::byte{0xFF}}) {
    std::fill_n(bytes.begin() + 4, 4, value);
    EXPECT_EQ(MustRead(bytes).num_samples, 100);
  }
}

TEST(WavHeaderTest, ReadsLittleOfTheFileWhateverThePrefix) {
  WavSpec spec;
  spec.chunks_before_data.assign(20, {"JUNK", std::string(1000, 'x')});
  const MemorySource file(BuildWavAround(spec, SomeData(spec, 100'000)));
  const std::span<const std::byte> all(file.bytes());
  const Result<SoundHeader> whole = ReadWavHeader(all, file);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(file.num_reads(), 0);
  for (const size_t prefix_bytes : {0, 1, 13, 50, 4096, 4097}) {
    const MemorySource again(file.bytes());
    const Result<SoundHeader> header =
        ReadWavHeader(all.first(prefix_bytes), again);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header.value(), whole.value());
    EXPECT_LE(again.num_reads(), 25);
    EXPECT_LE(again.largest_read_bytes(), 64u);
  }
}

TEST(WavHeaderTest, PassesReadErrorsOn) {
  class Failing : public ByteSource {
   public:
    uint64_t size_bytes() const override { return 1000; }
    Result<void> ReadAt(uint64_t, std::span<std::byte>) const override {
      return Error{RejectCode::kIoError, "no disk"};
    }
  };
  const std::vector<std::byte> bytes =
      BuildWavAround(WavSpec(), std::string(1000, 'x'));
  for (const size_t prefix_bytes : {0, 12, 20, 36, 43}) {
    const Result<SoundHeader> header =
        ReadWavHeader(std::span(bytes).first(prefix_bytes), Failing());
    ASSERT_FALSE(header.ok()) << prefix_bytes;
    EXPECT_EQ(header.error().code, RejectCode::kIoError);
  }
}

// Checks what must hold for every file, however damaged.
void CheckProperties(const std::vector<std::byte>& bytes) {
  const Result<SoundHeader> result = Read(bytes);
  if (!result.ok()) {
    EXPECT_EQ(RejectStageName(result.error().code.reject()), "header");
    EXPECT_FALSE(result.error().message.empty());
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
    return;
  }
  const SoundHeader& header = result.value();
  EXPECT_LE(header.data_offset, bytes.size());
  EXPECT_LE(header.data_bytes, bytes.size() - header.data_offset);
  EXPECT_GE(header.num_samples, 1);
  EXPECT_EQ(static_cast<uint64_t>(header.num_samples) *
                static_cast<uint64_t>(header.bytes_per_sample_group()),
            header.data_bytes);
  EXPECT_GE(header.num_channels, 1);
  EXPECT_LE(header.num_channels, kMaxNumChannels);
  EXPECT_GE(header.sample_rate_hz, kMinSampleRateHz);
  EXPECT_LE(header.sample_rate_hz, kMaxSampleRateHz);
  EXPECT_EQ(Read(bytes, 0).value(), header);
}

std::vector<std::vector<std::byte>> SoundFiles() {
  std::vector<std::vector<std::byte>> files;
  for (const WavContainer container :
       {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
    for (const bool extensible : {false, true}) {
      WavSpec spec;
      spec.container = container;
      spec.extensible = extensible;
      spec.num_channels = extensible ? 3 : 1;
      spec.chunks_before_data = {{"LIST", "INFOodd"}};
      spec.chunks_after_data = {{"id3 ", std::string(4200, 'x')}};
      files.push_back(BuildWavAround(spec, SomeData(spec, 20)));
    }
  }
  return files;
}

TEST(WavHeaderPropertyTest, TruncationAtEveryByteIsNoticedOrHarmless) {
  for (const std::vector<std::byte>& file : SoundFiles()) {
    const SoundHeader whole = MustRead(file);
    for (size_t size = 0; size < file.size(); ++size) {
      const std::vector<std::byte> cut(
          file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
      CheckProperties(cut);
      // An accepted file has all of its samples.
      const Result<SoundHeader> header = Read(cut);
      const uint64_t end = whole.data_offset + whole.data_bytes;
      ASSERT_EQ(header.ok(), size >= end) << size;
      if (header.ok()) {
        EXPECT_EQ(header.value(), whole);
      }
    }
  }
}

// A file of several chunks with its data in the first 4 KiB, and how it must be
// judged if only its first bytes exist (docs/input.md).
struct CutFile {
  WavSpec spec;
  std::string data;

  std::vector<std::byte> Bytes() const { return BuildWavAround(spec, data); }
  std::string CodeAt(size_t size) const;
};

std::string CutFile::CodeAt(size_t size) const {
  if (size == 0) return "empty_file";
  if (size < 4) return "not_wav";
  if (size < 12) return "truncated";
  size_t begin = 12;
  std::vector<WavChunk> before = spec.chunks_before_fmt;
  if (spec.container == WavContainer::kRf64) {
    before.insert(before.begin(), {"ds64", std::string(28, '\0')});
  }
  before.push_back({"fmt ", FmtContent(spec, false)});
  before.insert(before.end(), spec.chunks_before_data.begin(),
                spec.chunks_before_data.end());
  for (const WavChunk& chunk : before) {
    const size_t end = begin + 8 + chunk.content.size();
    if (size == begin) return "no_samples";
    if (size < end) return "truncated";
    if (size == end) return "no_samples";
    begin = end + chunk.content.size() % 2;
  }
  if (size == begin) return "no_samples";
  return size < begin + 8 + data.size() ? "truncated" : "ok";
}

TEST(WavHeaderPropertyTest, TruncationAtEveryByteIsAsTheTableSays) {
  for (const WavContainer container :
       {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
    CutFile file;
    file.spec.container = container;
    file.spec.num_channels = 2;
    file.spec.chunks_before_fmt = {{"bext", std::string(603, 'b')}};
    file.spec.chunks_before_data = {{"LIST", std::string(1001, 'x')},
                                    {"fact", "four"}};
    file.spec.chunks_after_data = {{"id3 ", std::string(601, 'x')}};
    file.data = SomeData(file.spec, 500);
    const std::vector<std::byte> bytes = file.Bytes();
    ASSERT_GT(bytes.size(), 4096u);
    const SoundHeader whole = MustRead(bytes);
    for (size_t size = 0; size <= bytes.size(); ++size) {
      const Result<SoundHeader> header =
          Read({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)});
      ASSERT_EQ(
          header.ok() ? "ok" : RejectCodeName(header.error().code.reject()),
          file.CodeAt(size))
          << size;
      if (header.ok()) {
        ASSERT_EQ(header.value(), whole) << size;
      }
    }
  }
}

TEST(WavHeaderPropertyTest, RandomMutationsNeverBreakTheRules) {
  std::mt19937 random(20240607);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  const std::vector<std::vector<std::byte>> files = SoundFiles();
  constexpr uint8_t kTelling[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
  int num_accepted = 0;
  constexpr int kNumTrials = 30'000;
  for (int trial = 0; trial < kNumTrials; ++trial) {
    std::vector<std::byte> bytes = files[below(files.size())];
    const size_t num_mutations = 1 + below(4);
    for (size_t i = 0; i < num_mutations; ++i) {
      const auto value = below(2) == 0 ? kTelling[below(std::size(kTelling))]
                                       : static_cast<uint8_t>(below(256));
      bytes[below(160)] = static_cast<std::byte>(value);
    }
    if (below(4) == 0) bytes.resize(below(bytes.size()));
    CheckProperties(bytes);
    num_accepted += Read(bytes).ok() ? 1 : 0;
  }
  // Both outcomes must occur.
  EXPECT_GT(num_accepted, kNumTrials / 20);
  EXPECT_LT(num_accepted, kNumTrials * 19 / 20);
}

}  // namespace
}  // namespace melmill
