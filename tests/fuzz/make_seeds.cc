// Writes the inputs that the fuzzers start from: FOLDER/NAME/... for each
// fuzzer NAME. Usage: make_fuzz_seeds FOLDER, which must not exist yet.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/hash.h"
#include "io/mp3/mp3_frame.h"
#include "pipeline/plan/plan_builder.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan_file.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard_writer.h"
#include "store/store_index.h"
#include "store/table/table_spool.h"
#include "tests/fuzz/repair_store.h"
#include "tests/support/corpus.h"
#include "tests/support/sound_builder.h"
#include "tests/support/wav_builder.h"

namespace melmill {
namespace {

constexpr char kContract[] =
    R"({"preset":"qwen3-asr","n_mels":2,"feature_type":"float16"})";
constexpr char kProducer[] = R"({"program":"melmill","simd":"avx2"})";

void Check(const Result<void>& result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
}

// The seeds of one fuzzer.
class SeedFolder {
 public:
  SeedFolder(const std::string& folder, std::string_view fuzzer)
      : folder_(folder + '/' + std::string(fuzzer)) {
    std::filesystem::create_directories(folder_);
  }

  std::string NextPath() {
    return folder_ + "/seed" + std::to_string(num_seeds_++);
  }

  void Add(std::string_view bytes) {
    std::ofstream file(NextPath(), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write a seed");
  }

 private:
  std::string folder_;
  int num_seeds_ = 0;
};

void MakeManifests(SeedFolder seeds) {
  const std::string_view line =
      R"({"audio": "a.wav", "text": "language English<asr_text>one"})";
  seeds.Add(line);
  seeds.Add("\xEF\xBB\xBF" + std::string(line) + "\r\n \t\r\n" +
            std::string(line) + "\n");
  for (const std::string_view text :
       {R"({"audio":"a","text":"","prompt":null,"meta":{"a":[1,{"b":"c"}]}})",
        R"({"duration": 3.25, "n": 17, "offset": -0.5, "start": 0, "g": -6})",
        R"({"audio": "a", "text": "", "start_sample": 7, "num_samples": 900})",
        R"({"audio": "a", "text": "", "offset": 1.25, "duration": 2})",
        R"({"audio": "a", "text": "", "start": 0.29, "end": 1.115, "n": 1})",
        R"({"audio": "a", "text": "", "audio_offset": 512, "audio_bytes": 9})",
        R"({"audio": "s3://b/a", "text": "", "audio_path": "a"})",
        R"({"n": 1e3, "meta": [1.5E-3, 12345678901234567890, true, false]})",
        R"({"text": "\u4f60\ud83d\ude00\u00e9\u0000\"\\\/\b\f\n\r\t"})",
        R"({"audio": 3, "text": [], "prompt": "say it"})",
        R"({"audio": "a", "audio": "b", "text": "language None<asr_text>"})",
        R"([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]])",
        R"({"text": "language Old English (Mercian)<asr_text>hw\u00e6t"})",
        "{\"audio\": \"\xE4\xBD\xA0\xF0\x9F\x98\x80\", \"text\": \"\x7F\"}",
        "{\"a\": 1e400}\n{\"a\": \"\\ud800\"}\n{\"a\": tru}\n\"a\"\n{}\n"}) {
    seeds.Add(text);
  }
}

std::vector<WavSpec> WavSpecs() {
  std::vector<WavSpec> specs;
  for (const SampleEncoding encoding : kAllSampleEncodings) {
    for (const WavContainer container :
         {WavContainer::kRiff, WavContainer::kRifx, WavContainer::kRf64}) {
      for (const bool extensible : {false, true}) {
        WavSpec spec;
        spec.container = container;
        spec.encoding = encoding;
        spec.extensible = extensible;
        spec.num_channels = 1 + static_cast<int>(specs.size()) % 3;
        specs.push_back(spec);
      }
    }
  }
  WavSpec chunks;
  chunks.chunks_before_fmt = {{"JUNK", std::string(28, '\0')}};
  chunks.chunks_before_data = {{"fact", std::string(4, '\7')}, {"odd ", "abc"}};
  chunks.chunks_after_data = {{"LIST", "INFOISFT\4\0\0\0melm"}};
  specs.push_back(chunks);
  for (const uint32_t claimed :
       {0u, 0xFFFFFFFFu, 0x7FFFF000u, 2'000'000'000u, 50u}) {
    WavSpec streamed;
    streamed.num_channels = 2;
    streamed.claimed_data_bytes = claimed;
    specs.push_back(streamed);
  }
  for (const bool count_it_all : {false, true}) {
    WavSpec confused;  // 42 bytes of samples in 86 bytes of file
    confused.claimed_data_bytes = count_it_all ? 86 : 78;
    confused.claimed_riff_bytes = 86;
    specs.push_back(confused);
  }
  return specs;
}

// Adds seeds with what may follow the data.
void AddTails(SeedFolder* seeds) {
  const std::string wav = ToString(BuildWav(WavSpec(), {{0.1f, -0.2f, 0.3f}}));
  const std::string list = "LIST" + NumberBytes(5, 4, false) + "INFOx";
  for (const std::string& tail :
       {wav + wav, list + wav, list + '\0' + list, list.substr(0, 10),
        std::string(20, '\0') + list, std::string(9, '\xFF'),
        std::string("neither a chunk nor padding")}) {
    seeds->Add(wav + tail);
  }
}

void MakeWavs(SeedFolder seeds) {
  for (const WavSpec& spec : WavSpecs()) {
    std::vector<float> samples;
    for (int i = 0; i < 21 * spec.num_channels; ++i) {
      samples.push_back(std::sin(0.7f * static_cast<float>(i)));
    }
    seeds.Add(ToString(BuildWav(spec, samples)));
  }
  WavSpec special;
  special.encoding = SampleEncoding::kFloat32;
  special.num_channels = 2;
  seeds.Add(ToString(BuildWav(
      special, {{NAN, 1, INFINITY, -INFINITY, 1e-40f, 3e38f, 3e38f, -NAN}})));
  AddTails(&seeds);
  for (const std::string_view foreign : {"fLaC\0\0\0\"", "OggS", "ID3\3"}) {
    seeds.Add(foreign);
  }
}

// Coded files of few samples, and of several forms.
void MakeCoded(const std::string& folder) {
  SeedFolder flac(folder, "flac");
  SeedFolder mp3(folder, "mp3");
  SeedFolder ogg(folder, "ogg");
  for (const int num_channels : {1, 2}) {
    for (const int rate_hz : {8000, 16000, 48000}) {
      const auto samples = MakeSamples(600, num_channels, 1);
      for (const int subtype :
           {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24}) {
        flac.Add(ToString(WriteBySndfile(SF_FORMAT_FLAC | subtype, samples,
                                         rate_hz, num_channels)));
      }
      for (const int mode :
           {SF_BITRATE_MODE_CONSTANT, SF_BITRATE_MODE_VARIABLE}) {
        const std::string bytes =
            ToString(WriteBySndfile(SndfileFormat(SampleEncoding::kMp3),
                                    samples, rate_hz, num_channels, mode));
        mp3.Add(bytes);
        mp3.Add("ID3\3" + std::string(6, '\0') + bytes);
        const auto tag = ParseMp3Frame(std::as_bytes(std::span(bytes)));
        if (tag) mp3.Add(bytes.substr(static_cast<size_t>(tag->num_bytes)));
      }
      for (const SampleEncoding encoding :
           {SampleEncoding::kVorbis, SampleEncoding::kOpus}) {
        ogg.Add(
            ToString(EncodeSound(encoding, samples, rate_hz, num_channels)));
      }
    }
  }
}

void MakeContainers(SeedFolder seeds) {
  for (const int format :
       {SF_FORMAT_NIST, SF_FORMAT_AIFF, SF_FORMAT_AU, SF_FORMAT_CAF}) {
    for (const int subtype :
         {SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_ULAW}) {
      seeds.Add(ToString(
          WriteBySndfile(format | subtype, MakeSamples(40, 2, 1), 16000, 2)));
    }
  }
  for (const SampleEncoding encoding : kCodedEncodings) {
    seeds.Add(ToString(EncodeSound(encoding, MakeSamples(50, 1, 1), 8000, 1))
                  .substr(0, 900));
  }
}

PlanRow MakePlanRow(uint32_t split, uint64_t line) {
  PlanRow row;
  row.split = split;
  row.line = line;
  row.line_hash = 77 * line;
  row.audio = "clip" + std::to_string(line) + ".wav";
  row.text = "language English<asr_text>one";
  if (line % 2 == 0) {
    row.code = RejectCode::kTruncated;
    row.message = "the data chunk claims 9 bytes, 4 are there";
    return row;
  }
  row.source = {
      .file_bytes = 3244,
      .header = {SampleEncoding::kPcm16, false, 16000, 1, 44, 3200, 1600},
      .num_samples = 1600,
      .num_frames = 10};
  return row;
}

void MakePlan(SeedFolder* seeds, const std::vector<std::string>& kept_fields,
              uint64_t num_rows, OptionalColumns optional = {}) {
  Plan plan;
  plan.contract = kContract;
  plan.producer = kProducer;
  plan.kept_fields = kept_fields;
  plan.shard_target_bytes = 1 << 20;
  plan.split_names = {"train", "eval"};
  auto rows = std::make_unique<TableSpool>(".", PlanColumns(kept_fields));
  for (uint64_t line = 1; line <= num_rows; ++line) {
    PlanRow row = MakePlanRow(line > 2 ? 1 : 0, line);
    row.kept.assign(kept_fields.size(), R"({"a":1})");
    if (optional.audio_paths) row.audio_path = "clips/a.wav";
    if (optional.pieces && row.is_planned()) {
      row.source.segment_start = 100;
      row.source.segment_num_samples = 1000;
      row.source.range = {512, row.source.file_bytes};
    }
    Check(AppendPlanRow(row, rows.get()));
  }
  plan.rows = std::move(rows);
  plan.has_pieces = optional.pieces;
  plan.has_audio_paths = optional.audio_paths;
  if (optional.pieces) plan.segments = SegmentUse::kAll;
  for (uint32_t split = 0; split < 2 && num_rows > 0; ++split) {
    plan.shards.push_back({split, split, num_rows, 1, 10, {}});
  }
  Check(WritePlanFile(plan, seeds->NextPath()));
}

void MakePlans(SeedFolder seeds) {
  MakePlan(&seeds, {}, 0);
  MakePlan(&seeds, {}, 1);
  MakePlan(&seeds, {"n"}, 4);
  MakePlan(&seeds, {"speaker", "n"}, 3);
  MakePlan(&seeds, {"n"}, 4, {.pieces = true});
  MakePlan(&seeds, {"n"}, 4, {.audio_paths = true});
  MakePlan(&seeds, {}, 4, {.pieces = true, .audio_paths = true});
}

void MakeRepairPlan(const RunConfig& config, SeedFolder* seeds) {
  RunControl control;
  const Result<BuiltPlan> built = BuildPlan(config, ".", &control);
  if (!built.ok()) throw std::runtime_error(built.error().message);
  Check(WritePlanFile(built.value().plan, seeds->NextPath()));
}

void MakeRepairs(SeedFolder seeds) {
  const RepairStore store;
  MakeRepairPlan(store.MakeConfig(2, /*has_pieces=*/true), &seeds);
  for (const int num_splits : {1, 2, 3}) {
    RunConfig config = store.MakeConfig(num_splits);
    MakeRepairPlan(config, &seeds);
    config.store.shard_bytes = 8 << 10;
    MakeRepairPlan(config, &seeds);
    config.features = MakeFeatureSpec("whisper", FeatureType::kBfloat16);
    MakeRepairPlan(config, &seeds);
    config.features = MakeFeatureSpec("whisper", FeatureType::kBfloat16,
                                      {.resampler = ResamplerKind::kSoxr});
    config.input.kept_fields = {"n"};
    MakeRepairPlan(config, &seeds);
    config.features = MakeFeatureSpec("whisper", FeatureType::kUint8);
    MakeRepairPlan(config, &seeds);
  }
}

void MakeShard(SeedFolder* seeds, const ShardSpec& spec) {
  auto writer = ShardWriter::Create(seeds->NextPath(), spec);
  if (!writer.ok()) throw std::runtime_error(writer.error().message);
  const uint64_t frames_per_row = spec.num_frames / spec.num_rows;
  const std::vector<std::byte> features(frames_per_row * spec.bytes_per_frame(),
                                        std::byte{0x3A});
  const std::vector<float> tail(static_cast<size_t>(spec.tail_length), 0.25f);
  for (size_t r = 0; r < spec.num_rows; ++r) {
    ShardRow row;
    row.start = r * frames_per_row;
    if (r % 3 == 1) {
      row.reject_code = RejectCode::kNotFinite;
      row.reject_detail = 7;
      Check(writer.value().SkipRow(r, row, frames_per_row));
      continue;
    }
    row.status = RowStatus::kStored;
    row.num_frames = static_cast<uint32_t>(frames_per_row);
    row.num_samples = 160 * frames_per_row;
    row.checksum = r == 0 ? Xxh3_64(features) : 1;  // the second row is damaged
    Check(writer.value().WriteFeatures(row.start, 0, features));
    Check(writer.value().FinishRow(r, row, tail));
  }
  const auto committed = writer.value().Commit();
  if (!committed.ok()) throw std::runtime_error(committed.error().message);
}

void MakeShards(SeedFolder seeds) {
  ShardSpec spec;
  spec.contract = kContract;
  spec.producer = kProducer;
  spec.fingerprint = std::string(32, 'a');
  spec.n_mels = 2;
  spec.tail_length = 3;
  spec.num_rows = 1;
  spec.num_frames = 4;
  MakeShard(&seeds, spec);
  spec.num_rows = 3;
  spec.num_frames = 6;
  MakeShard(&seeds, spec);
  for (const FeatureType type : {FeatureType::kFloat32, FeatureType::kUint8}) {
    spec.feature_type = type;
    MakeShard(&seeds, spec);
  }
}

void Add16(unsigned value, std::string* bytes) {
  bytes->push_back(static_cast<char>(value & 0xFF));
  bytes->push_back(static_cast<char>(value >> 8));
}

// A recipe of resample_fuzzer.cc, and a pattern of samples.
std::string ResampleInput(unsigned rate, unsigned target, unsigned num_samples,
                          unsigned halvings, unsigned block_size) {
  std::string bytes;
  bytes.push_back(static_cast<char>(rate));
  bytes.push_back(static_cast<char>(target));
  Add16(num_samples, &bytes);
  bytes.push_back(static_cast<char>(halvings));
  // There is silence nowhere, in the middle, or at the start.
  Add16(rate % 3 == 1 ? num_samples / 2 : 0, &bytes);
  Add16(rate % 3 == 0 ? 0 : num_samples / 4, &bytes);
  bytes.push_back(1);  // two block sizes, and one of a byte
  Add16(block_size, &bytes);
  Add16(block_size / 3, &bytes);
  bytes.push_back(static_cast<char>(rate));
  for (unsigned i = 0; i < 150; ++i) Add16(i * i * 7919 % 65536, &bytes);
  return bytes;
}

void MakeResamples(SeedFolder seeds) {
  for (unsigned rate = 0; rate < 15; ++rate) {
    for (const unsigned num_samples : {1u, 90u, 3528u, 20000u, 40000u}) {
      seeds.Add(ResampleInput(rate, num_samples % 3, num_samples, 5 * rate,
                              31 * rate + num_samples / 20));
    }
  }
}

void MakeStoreIndexes(SeedFolder seeds) {
  StoreIndex index;
  index.contract = kContract;
  index.producer = kProducer;
  index.plan = std::string(32, '0');
  index.shard_target_bytes = 1 << 20;
  index.rejects = {"rejects.jsonl", 0, 1};
  seeds.Add(FormatStoreIndex(index));
  index.kept_fields = {"n"};
  SplitEntry split;
  split.name = "train";
  split.num_lines = split.num_stored = 1;
  split.table = {"train.rows.h5", 9000, 2};
  split.accepted = {"train.accepted.jsonl", 60, 3};
  index.splits = {split};
  index.shards = {{"train", "train.aaaaaaaaaaaa.h5", std::string(32, 'a'), 1, 1,
                   10, 9000, 4}};
  seeds.Add(FormatStoreIndex(index));
  index.format_minor = 7;
  index.contract = R"({"a":[1,-2,0.5,1e-07],"b":{"c":null,"d":true},"e":"é"})";
  seeds.Add(FormatStoreIndex(index));
}

void MakeSeeds(const std::string& folder) {
  if (!std::filesystem::create_directory(folder)) {
    throw std::runtime_error(folder + " is there already");
  }
  MakeCoded(folder);
  MakeContainers({folder, "sound"});
  MakeManifests({folder, "manifest"});
  MakePlans({folder, "plan"});
  MakeRepairs({folder, "repair"});
  MakeResamples({folder, "resample"});
  MakeShards({folder, "shard"});
  MakeStoreIndexes({folder, "store_index"});
  MakeWavs({folder, "wav"});
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_fuzz_seeds FOLDER\n");
    return 2;
  }
  try {
    melmill::MakeSeeds(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_fuzz_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
