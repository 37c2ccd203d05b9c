#include "pipeline/setup/config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "tests/support/highway_targets.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

RunConfig GoodConfig() {
  RunConfig config;
  config.splits = {{"train", "train.jsonl"}};
  return config;
}

TEST(ParseSplitInputTest, NamesSplitsAfterTheFileOrAsTold) {
  EXPECT_EQ(ParseSplitInput("data/train.jsonl").name, "train");
  EXPECT_EQ(ParseSplitInput("train.v2/dev-1.json").name, "dev-1");
  const SplitInput named = ParseSplitInput("eval=data/x.y.jsonl");
  EXPECT_EQ(named.name, "eval");
  EXPECT_EQ(named.manifest, "data/x.y.jsonl");
  EXPECT_EQ(ParseSplitInput("lr=0.1/train.jsonl").name, "lr");
  EXPECT_EQ(ParseSplitInput("runs/lr=0.1/train.jsonl").name, "train");
}

TEST(ParseSplitInputTest, AFileThatIsThereIsNoName) {
  const TempFolder folder;
  const std::string old = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory("lang=de");
  WriteWholeFile("lang=de/m.jsonl", "{}");
  const SplitInput split = ParseSplitInput("lang=de/m.jsonl");
  std::filesystem::current_path(old);
  EXPECT_EQ(split.name, "m");
  EXPECT_EQ(split.manifest, "lang=de/m.jsonl");
}

TEST(ParseSplitInputTest, RefusesOtherSuffixesAndNames) {
  EXPECT_THROW(ParseSplitInput("train.csv"), SetupError);
  EXPECT_THROW(ParseSplitInput("train"), SetupError);
  EXPECT_THROW(ParseSplitInput("tra in.jsonl"), SetupError);
  EXPECT_THROW(ParseSplitInput("=train.jsonl"), SetupError);
  EXPECT_THROW(ParseSplitInput("../.jsonl"), SetupError);
  EXPECT_THROW(ParseSplitInput("a.b=train.jsonl"), SetupError);
}

TEST(ParseByteSizeTest, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(ParseByteSize("1B"), 1u);
  EXPECT_EQ(ParseByteSize("64KiB"), 65536u);
  EXPECT_EQ(ParseByteSize("256MiB"), 268435456u);
  EXPECT_EQ(ParseByteSize("1.5GiB"), 1610612736u);
  EXPECT_EQ(ParseByteSize("2GB"), 2000000000u);
  for (const char* bad : {"", "1", "MiB", "-1MiB", "1 MiB", "0B", "1mib",
                          "nanB", "infGiB", "1e30TiB", "0x10B"}) {
    EXPECT_THROW(ParseByteSize(bad), SetupError) << bad;
  }
}

TEST(MaxRejectsTest, CountsLinesOrPercent) {
  const MaxRejects lines = ParseMaxRejects("2");
  EXPECT_TRUE(lines.Allows(2, 3));
  EXPECT_FALSE(lines.Allows(3, 1000));
  const MaxRejects percent = ParseMaxRejects("1.5%");
  EXPECT_TRUE(percent.Allows(3, 200));
  EXPECT_FALSE(percent.Allows(4, 200));
  EXPECT_TRUE(ParseMaxRejects("0").Allows(0, 10));
  for (const char* bad : {"", "1.5", "-1", "101%", "1%%", "two", "nan%", "inf",
                          "inf%", "1e999"}) {
    EXPECT_THROW(ParseMaxRejects(bad), SetupError) << bad;
  }
}

// Every share in tenths of a per cent, reached exactly and missed by one.
TEST(MaxRejectsTest, AShareThatIsReachedExactlyIsAllowed) {
  for (uint64_t tenths = 0; tenths <= 1000; ++tenths) {
    const MaxRejects share =
        ParseMaxRejects(fmt::format("{}.{}%", tenths / 10, tenths % 10));
    for (uint64_t num_lines = 1000; num_lines <= uint64_t{1000} << 20;
         num_lines *= 2) {
      const uint64_t limit = tenths * (num_lines / 1000);
      ASSERT_TRUE(share.Allows(limit, num_lines)) << tenths << ' ' << num_lines;
      ASSERT_FALSE(share.Allows(limit + 1, num_lines)) << tenths;
    }
  }
  EXPECT_TRUE(ParseMaxRejects("0.7%").Allows(7, 1000));
  EXPECT_FALSE(ParseMaxRejects("0.69%").Allows(7, 1000));
}

TEST(CheckConfigTest, BoundsTheTimeAfterWhichARowCountsAsHung) {
  RunConfig config = GoodConfig();
  for (const double good : {1.0, 600.0, kMaxHangSeconds}) {
    config.hang_seconds = good;
    EXPECT_NO_THROW(CheckConfig(config)) << good;
  }
  for (const double bad : {0.9, -1.0, 1.8e11, 1e300, kMaxHangSeconds + 1,
                           std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    config.hang_seconds = bad;
    EXPECT_THROW(CheckConfig(config), SetupError) << bad;
  }
}

// What CheckConfig says; empty for a configuration that it accepts.
std::string RefusalOf(const RunConfig& config) {
  try {
    CheckConfig(config);
  } catch (const SetupError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckConfigTest, BoundsTheNumbersOfThreads) {
  RunConfig config = GoodConfig();
  for (const int good : {0, 1, 1024}) {
    config.num_threads = good;
    EXPECT_EQ(RefusalOf(config), "") << good;
  }
  for (const int bad : {-1, 1025}) {
    config.num_threads = bad;
    EXPECT_EQ(RefusalOf(config),
              "--threads must be 1 to 1024, or 0 for all CPUs");
  }
  config = GoodConfig();
  for (const int good : {1, 1024}) {
    config.num_io_threads = good;
    EXPECT_EQ(RefusalOf(config), "") << good;
  }
  for (const int bad : {0, 1025}) {
    config.num_io_threads = bad;
    EXPECT_EQ(RefusalOf(config), "--io-threads must be 1 to 1024");
  }
}

TEST(CheckConfigTest, AcceptsTheDefaults) {
  EXPECT_EQ(CheckConfig(GoodConfig()).log_mel.mel.n_mels, 128);
}

TEST(CheckConfigTest, RefusesWhatMakesNoSense) {
  const auto expect_refused = [](auto change) {
    RunConfig config = GoodConfig();
    change(&config);
    EXPECT_THROW(CheckConfig(config), SetupError);
  };
  expect_refused([](RunConfig* c) { c->preset = "wav2vec"; });
  expect_refused([](RunConfig* c) { c->splits.clear(); });
  expect_refused([](RunConfig* c) { c->splits.push_back(c->splits[0]); });
  expect_refused([](RunConfig* c) { c->truncate = true; });
  expect_refused([](RunConfig* c) { c->max_duration_s = 0; });
  expect_refused([](RunConfig* c) { c->kept_fields = {"audio"}; });
  expect_refused([](RunConfig* c) { c->kept_fields = {"id", "id"}; });
  expect_refused([](RunConfig* c) { c->kept_fields = {"a/b"}; });
}

TEST(ContractJsonTest, SaysWhatTheNumbersMean) {
  RunConfig config = GoodConfig();
  EXPECT_EQ(ContractJson(config),
            "{\"features\":\"log-mel\",\"version\":1,\"sample_rate_hz\":16000,"
            "\"channels\":\"mean\",\"resampling\":\"soxr-hq\",\"n_fft\":400,"
            "\"hop_length\":160,\"window\":\"hann\",\"padding\":\"reflect\","
            "\"n_mels\":128,\"f_min_hz\":0.0,\"f_max_hz\":8000.0,"
            "\"mel_scale\":\"slaney\",\"mel_norm\":\"slaney\","
            "\"power_floor\":1e-10,\"dynamic_range_log10\":8.0,"
            "\"clamp\":\"body-max\",\"scaling\":\"(x+4)/4\","
            "\"feature_type\":\"f16\",\"tail_length\":400}");
  EXPECT_EQ(ContractBytesPerFrame(ContractJson(config)), 256u);
  config.preset = "whisper";
  config.feature_type = FeatureType::kFloat32;
  EXPECT_EQ(ContractBytesPerFrame(ContractJson(config)), 320u);
  config.feature_type = FeatureType::kBfloat16;
  EXPECT_EQ(ContractBytesPerFrame(ContractJson(config)), 160u);
  EXPECT_EQ(ContractBytesPerFrame("[]"), 0u);
  EXPECT_EQ(ContractBytesPerFrame("{\"n_mels\": -1}"), 0u);
  for (const std::string type :
       {"", ",\"feature_type\":16", ",\"feature_type\":\"f64\""}) {
    EXPECT_EQ(ContractBytesPerFrame("{\"n_mels\":80" + type + "}"), 0u) << type;
  }
}

TEST(ResolveAudioPathTest, PutsTheRootBeforeRelativePaths) {
  RunConfig config = GoodConfig();
  EXPECT_EQ(ResolveAudioPath(config, "a/b.wav"), "a/b.wav");
  config.audio_root = "/corpus";
  EXPECT_EQ(ResolveAudioPath(config, "a/b.wav"), "/corpus/a/b.wav");
  EXPECT_EQ(ResolveAudioPath(config, "/x.wav"), "/x.wav");
  config.audio_root = "/corpus/";
  EXPECT_EQ(ResolveAudioPath(config, "a.wav"), "/corpus/a.wav");
}

TEST(ResamplerKindTest, NamesAreFoundAgain) {
  for (const ResamplerKind kind : kResamplerKinds) {
    EXPECT_EQ(FindResamplerKind(ResamplerKindName(kind)), kind);
  }
  EXPECT_EQ(FindResamplerKind(""), std::nullopt);
  EXPECT_EQ(FindResamplerKind("sox"), std::nullopt);
}

TEST(ChooseCodePathTest, TakesTheBestOrTheGivenTargetOrNone) {
  RunConfig config;
  const SimdTarget best = SupportedSimdTargets().front();
  EXPECT_EQ(ChooseCodePath(config), (CodePath{best, std::nullopt}));
  for (const SimdTarget target : SupportedSimdTargets()) {
    config.simd = SimdTargetName(target);
    EXPECT_EQ(ChooseCodePath(config), (CodePath{target, std::nullopt}));
  }
  config.simd = "none";
  EXPECT_EQ(ChooseCodePath(config), CodePath());
  config.simd = "mmx";
  EXPECT_THROW(ChooseCodePath(config), SetupError);
}

TEST(ChooseCodePathTest, TakesTheGivenResampler) {
  RunConfig config;
  const SimdTarget best = SupportedSimdTargets().front();
  config.resampler = ResamplerKind::kSoxr;
  EXPECT_EQ(ChooseCodePath(config), (CodePath{best, std::nullopt}));
  config.simd = "none";
  EXPECT_EQ(ChooseCodePath(config), CodePath());
  config.simd = "auto";
  config.resampler = ResamplerKind::kSpectral;
  EXPECT_EQ(ChooseCodePath(config), (CodePath{best, best}));
}

std::string Refusal(const RunConfig& config) {
  try {
    ChooseCodePath(config);
  } catch (const SetupError& error) {
    return error.what();
  }
  return "";
}

TEST(ChooseCodePathTest, RefusesSpectralWithoutSimdCode) {
  RunConfig config;
  config.resampler = ResamplerKind::kSpectral;
  config.simd = "none";
  EXPECT_NE(Refusal(config).find("--simd none turns off"), std::string::npos);
  config.simd = "auto";
  hwy::SetSupportedTargetsForTest(HWY_EMU128);  // a machine without any
  const std::string refusal = Refusal(config);
  config.resampler = RunConfig().resampler;
  const CodePath by_default = ChooseCodePath(config);
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_NE(refusal.find("this machine has no SIMD code"), std::string::npos);
  EXPECT_EQ(by_default, CodePath());
}

TEST(ProducerJsonTest, TellsPathsOfOtherBitsApartAndNoOthers) {
  const auto producer_of = [](SimdTarget target) {
    return ProducerJson({target, target});
  };
  const std::string avx2 = producer_of(SimdTarget::kAvx2);
  EXPECT_EQ(producer_of(SimdTarget::kAvx512), avx2);
  EXPECT_EQ(producer_of(SimdTarget::kNeon), avx2);
  EXPECT_NE(producer_of(SimdTarget::kSse4), avx2);
  const std::string soxr = ProducerJson({SimdTarget::kAvx2, std::nullopt});
  EXPECT_NE(soxr, avx2);
  EXPECT_NE(ProducerJson({}), soxr);
  EXPECT_EQ(soxr.find("spectral"), std::string::npos);
  EXPECT_NE(avx2.find("\"resampler\":\"spectral "), std::string::npos);
}

// The flags that MatchProducer changes in `config` to make what `made` makes.
std::string Changes(const RunConfig& made, const RunConfig& config) {
  RunConfig found = config;
  EXPECT_TRUE(MatchProducer(ProducerJson(ChooseCodePath(made)), &found));
  EXPECT_EQ(ProducerJson(ChooseCodePath(found)),
            ProducerJson(ChooseCodePath(made)));
  std::string changes;
  if (found.simd != config.simd) changes += found.simd + ' ';
  if (found.resampler != config.resampler) {
    changes += ResamplerKindName(found.resampler);
  }
  return changes;
}

TEST(MatchProducerTest, ChangesWhatMakesTheDifferenceAndNoMore) {
  RunConfig plain;
  RunConfig soxr;
  soxr.resampler = ResamplerKind::kSoxr;
  RunConfig spectral;
  spectral.resampler = ResamplerKind::kSpectral;
  RunConfig none;
  none.simd = "none";
  EXPECT_EQ(Changes(plain, soxr), "");
  EXPECT_EQ(Changes(soxr, spectral), "soxr");
  EXPECT_EQ(Changes(spectral, plain), "spectral");
  EXPECT_EQ(Changes(none, plain), "none ");
  EXPECT_EQ(Changes(plain, none), "auto ");
  EXPECT_EQ(Changes(spectral, none), "auto spectral");
  EXPECT_EQ(Changes(none, spectral), "none soxr");
  RunConfig named;
  named.simd = SimdTargetName(SupportedSimdTargets().front());
  EXPECT_EQ(Changes(spectral, named), "spectral");
  EXPECT_EQ(Changes(none, named), "none ");
}

TEST(MatchProducerTest, LeavesTheConfigurationAloneWhereNothingDoes) {
  RunConfig config;
  config.simd = "none";
  EXPECT_FALSE(MatchProducer("{\"program\":\"melmill\"}", &config));
  EXPECT_EQ(config.simd, "none");
  EXPECT_EQ(config.resampler, ResamplerKind::kSoxr);
}

}  // namespace
}  // namespace melmill
