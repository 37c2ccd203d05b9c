#include "bench/audio.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

const Preset& TestPreset() { return *FindPreset("qwen3-asr"); }

TEST(BenchAudioTest, SyntheticClipsAreAMinuteOfSoundInCommonFormats) {
  const std::vector<BenchClip> clips = MakeSyntheticClips();
  EXPECT_NEAR(TotalSeconds(clips), 60, 5);
  std::set<std::string> formats;
  for (const BenchClip& clip : clips) {
    formats.insert(DescribeFormat(clip.header));
    EXPECT_GE(clip.duration_s(), 2);
    EXPECT_LE(clip.duration_s(), 20);
    const std::vector<float> mono = DecodeClip(clip);
    double power = 0;
    float peak = 0;
    for (const float sample : mono) {
      power += static_cast<double>(sample) * sample;
      peak = std::max(peak, std::abs(sample));
    }
    const double rms = std::sqrt(power / static_cast<double>(mono.size()));
    EXPECT_GT(rms, 0.01) << DescribeFormat(clip.header);
    EXPECT_NEAR(peak, 0.5f, 0.003f) << DescribeFormat(clip.header);
  }
  EXPECT_EQ(formats, (std::set<std::string>{
                         "PCM 16 bit, 16000 Hz, 1 ch",
                         "PCM 16 bit, 48000 Hz, 2 ch",
                         "PCM 16 bit, 8000 Hz, 1 ch",
                         "PCM 24 bit, 44100 Hz, 1 ch",
                     }));
}

TEST(BenchAudioTest, SyntheticClipsAreTheSameAtEveryCall) {
  const std::vector<BenchClip> a = MakeSyntheticClips();
  const std::vector<BenchClip> b = MakeSyntheticClips();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].data, b[i].data);
}

TEST(BenchAudioTest, ReadsBackWhatItWrites) {
  const TempFolder folder;
  for (const BenchClip& clip : MakeSyntheticClips()) {
    const std::string path = folder.File("clip.wav");
    WriteClip(clip, path);
    std::vector<std::string> left_out;
    const std::vector<BenchClip> loaded =
        LoadClips({path}, TestPreset(), &left_out);
    ASSERT_EQ(loaded.size(), 1u);
    SoundHeader expected = clip.header;
    expected.data_offset = 44;
    EXPECT_EQ(loaded[0].header, expected);
    EXPECT_EQ(loaded[0].data, clip.data);
    EXPECT_EQ(loaded[0].path, path);
  }
}

TEST(BenchAudioTest, FindsFilesBelowFoldersInOrder) {
  Corpus corpus;
  std::filesystem::create_directories(corpus.Path("f/b.wav"));  // a folder
  WriteWholeFile(corpus.Path("f/notes.txt"), "no audio");
  for (const char* name : {"f/c.WAV", "f/b.wav/z.wav", "f/a.wav", "x.wave"}) {
    corpus.AddWav(name, 3000, 1);
  }
  std::vector<std::string> names;
  std::vector<std::string> left_out;
  for (const BenchClip& clip :
       LoadClips({corpus.Path("x.wave"), corpus.Path("f")}, TestPreset(),
                 &left_out)) {
    names.push_back(clip.path.substr(corpus.Path("").size()));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"x.wave", "f/a.wav",
                                             "f/b.wav/z.wav", "f/c.WAV"}));
}

TEST(BenchAudioTest, LeavesOutFilesOfAFolderThatItCannotUse) {
  Corpus corpus;
  std::filesystem::create_directory(corpus.Path("f"));
  corpus.AddWav("f/good.wav", 3000, 1);
  WriteWholeFile(corpus.Path("f/m4a.wav"), std::string("\0\0\0 ftypM4A ", 12));
  std::vector<std::string> left_out;
  const auto clips = LoadClips({corpus.Path("f")}, TestPreset(), &left_out);
  EXPECT_EQ(clips.size(), 1u);
  ASSERT_EQ(left_out.size(), 1u);
  EXPECT_NE(left_out[0].find("f/m4a.wav: is MP4/M4A"), std::string::npos);
  std::filesystem::remove(corpus.Path("f/good.wav"));
  EXPECT_THROW(LoadClips({corpus.Path("f")}, TestPreset(), &left_out),
               SetupError);
}

TEST(BenchAudioTest, NamesWhatItCannotUse) {
  Corpus corpus;
  WriteWholeFile(corpus.Path("text.wav"), "this is no audio at all, is it?");
  corpus.AddWav("short.wav", 100, 1);
  std::filesystem::create_directory(corpus.Path("empty"));
  WavSpec floats;
  floats.encoding = SampleEncoding::kFloat32;
  corpus.AddWav("nan.wav", 5000, 7, floats);
  std::string bytes = ReadWholeFile(corpus.Path("nan.wav"));
  bytes.replace(bytes.size() - 400, 4, std::string("\x00\x00\xc0\x7f", 4));
  WriteWholeFile(corpus.Path("nan.wav"), bytes);
  const auto message = [&](const std::string& name) -> std::string {
    std::vector<std::string> left_out;
    try {
      LoadClips({corpus.Path(name)}, TestPreset(), &left_out);
    } catch (const SetupError& error) {
      return error.what();
    }
    return "loaded";
  };
  for (const auto& [name, reason] :
       std::vector<std::pair<std::string, std::string>>{
           {"text.wav", "is text"},
           {"short.wav", "samples"},
           {"empty", "no audio file"},
           {"gone.wav", "o such file"},
           {"nan.wav", "sample 4900 is NaN"}}) {
    EXPECT_NE(message(name).find(corpus.Path(name) + ": "), std::string::npos)
        << message(name);
    EXPECT_NE(message(name).find(reason), std::string::npos) << message(name);
  }
}

}  // namespace
}  // namespace melmill
