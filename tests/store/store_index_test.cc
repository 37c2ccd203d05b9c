#include "store/store_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/hash.h"

namespace melmill {
namespace {

constexpr uint64_t kMaxU64 = std::numeric_limits<uint64_t>::max();

StoreIndex Example() {
  StoreIndex index;
  index.contract =
      R"({"sample_rate_hz":16000,"floor":1e-10,"presets":["b","a"],"x":{"y":null}})";
  index.producer = R"({"resampler":"soxr HQ","fma":true,"revision":1})";
  index.plan = "00112233445566778899aabbccddeeff";
  index.shard_target_bytes = 268435456;
  index.kept_fields = {"speaker", "id"};
  index.splits = {{"train",
                   12,
                   10,
                   2,
                   1600000,
                   10000,
                   {"train.rows.h5", 4096, 1},
                   {"train.accepted.jsonl", 900, 0xfedcba9876543210u}},
                  {"dev",
                   0,
                   0,
                   0,
                   0,
                   0,
                   {"dev.rows.h5", 2048, 0},
                   {"dev.accepted.jsonl", 0, kMaxU64}}};
  const ShardEntry shard = {"train",
                            "train.7f3a9c21b5d0.h5",
                            "7f3a9c21b5d000000000000000000001",
                            6,
                            5,
                            5000,
                            kMaxU64,
                            0x0123456789abcdefu};
  index.shards = {shard, shard};  // equal content: one file, listed twice
  index.rejects = {"rejects.jsonl", 321, 77};
  index.plan_file = {"plan.h5", 5000, 78};
  return index;
}

// The line `"checksum": "0123456789abcdef"` and the brace after it.
constexpr size_t kTailBytes = 35;

// The text with the right checksum at its end.
std::string Sealed(std::string text) {
  const std::string_view before =
      std::string_view(text).substr(0, text.size() - kTailBytes);
  text.replace(text.size() - 20, 16, ToHex(Xxh3_64(before)));
  return text;
}

// The example's text with one place replaced.
std::string Changed(std::string_view from, std::string_view to) {
  std::string text = FormatStoreIndex(Example());
  const size_t place = text.find(from);
  if (place == text.npos) throw std::runtime_error("not in the example");
  return Sealed(text.replace(place, from.size(), to));
}

Error ErrorOf(std::string_view text) {
  const Result<StoreIndex> index = ParseStoreIndex(text);
  return index.ok() ? Error{} : index.error();
}

TEST(StoreIndexTest, TextHasAFixedForm) {
  StoreIndex index = Example();
  index.splits.resize(1);
  index.shards.resize(1);
  index.contract = R"({"b":1,"a":[]})";
  const std::string text = FormatStoreIndex(index);
  std::string expected = R"({
  "format": {
    "name": "melmill",
    "major": 1,
    "minor": 0
  },
  "contract": {
    "b": 1,
    "a": []
  },
  "producer": {
    "resampler": "soxr HQ",
    "fma": true,
    "revision": 1
  },
  "plan": "00112233445566778899aabbccddeeff",
  "shard_target_bytes": 268435456,
  "kept_fields": [
    "speaker",
    "id"
  ],
  "splits": [
    {
      "name": "train",
      "num_lines": 12,
      "num_stored": 10,
      "num_rejected": 2,
      "num_samples": 1600000,
      "num_frames": 10000,
      "table": {
        "file": "train.rows.h5",
        "num_bytes": 4096,
        "checksum": "0000000000000001"
      },
      "accepted": {
        "file": "train.accepted.jsonl",
        "num_bytes": 900,
        "checksum": "fedcba9876543210"
      }
    }
  ],
  "shards": [
    {
      "split": "train",
      "file": "train.7f3a9c21b5d0.h5",
      "fingerprint": "7f3a9c21b5d000000000000000000001",
      "num_rows": 6,
      "num_stored": 5,
      "num_frames": 5000,
      "num_bytes": 18446744073709551615,
      "checksum": "0123456789abcdef"
    }
  ],
  "rejects": {
    "file": "rejects.jsonl",
    "num_bytes": 321,
    "checksum": "000000000000004d"
  },
  "plan_file": {
    "file": "plan.h5",
    "num_bytes": 5000,
    "checksum": "000000000000004e"
  },
  "checksum": "0000000000000000"
}
)";
  EXPECT_EQ(text, Sealed(expected));
}

TEST(StoreIndexTest, TrainingManifestsAreFilesOfTheirSplits) {
  StoreIndex index = Example();
  index.format_minor = kTrainingFormatMinor;
  index.splits[1].training = {"dev.training.jsonl", 70, 5};
  const Result<StoreIndex> parsed = ParseStoreIndex(FormatStoreIndex(index));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed.value().format_minor, 1);
  EXPECT_FALSE(parsed.value().splits[0].training);
  ASSERT_TRUE(parsed.value().splits[1].training);
  EXPECT_EQ(parsed.value().splits[1].training->file, "dev.training.jsonl");
  EXPECT_EQ(parsed.value().splits[1].training->num_bytes, 70u);
  EXPECT_EQ(parsed.value().splits[1].training->checksum, 5u);
  EXPECT_EQ(parsed.value().files().size(), index.files().size());
  EXPECT_EQ(index.files().size(), Example().files().size() + 1);
}

TEST(StoreIndexTest, StoresWithPiecesAreOfTheNextMajorVersion) {
  StoreIndex index = Example();
  EXPECT_FALSE(index.has_pieces());
  index.format_major = kPieceFormatMajor;
  Result<StoreIndex> parsed = ParseStoreIndex(FormatStoreIndex(index));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed.value().format_major, 2);
  EXPECT_TRUE(parsed.value().has_pieces());
  for (const int major : {0, 3}) {
    index.format_major = major;
    parsed = ParseStoreIndex(FormatStoreIndex(index));
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, ErrorCode::kOtherFormat);
    EXPECT_EQ(parsed.error().message,
              "store format " + std::to_string(major) +
                  "; this program reads formats 1 and 2");
  }
}

TEST(StoreIndexTest, SaysWhetherTablesHaveAudioPaths) {
  StoreIndex index = Example();
  EXPECT_EQ(FormatStoreIndex(index).find("audio_paths"), std::string::npos);
  index.has_audio_paths = true;
  index.format_minor = kAudioPathFormatMinor;
  std::string text = FormatStoreIndex(index);
  const Result<StoreIndex> parsed = ParseStoreIndex(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed.value().format_minor, 2);
  EXPECT_EQ(parsed.value().optional_columns(), (OptionalColumns{false, true}));

  const std::string flag = "\"audio_paths\": true";
  ASSERT_NE(text.find(flag), std::string::npos);
  text.replace(text.find(flag), flag.size(), "\"audio_paths\": 1");
  const Result<StoreIndex> wrong = ParseStoreIndex(text);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message, "audio_paths: neither true nor false");
}

TEST(StoreIndexTest, ComesBackAsItWas) {
  const StoreIndex index = Example();
  const Result<StoreIndex> parsed = ParseStoreIndex(FormatStoreIndex(index));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const StoreIndex& back = parsed.value();
  EXPECT_EQ(back.format_major, kFormatMajor);
  EXPECT_EQ(back.format_minor, 0);
  EXPECT_FALSE(back.splits[0].training);
  EXPECT_EQ(back.contract, index.contract);
  EXPECT_EQ(back.producer, index.producer);
  EXPECT_EQ(back.plan, index.plan);
  EXPECT_EQ(back.kept_fields, index.kept_fields);
  ASSERT_EQ(back.splits.size(), 2u);
  EXPECT_EQ(back.splits[1].name, "dev");
  EXPECT_EQ(back.splits[1].accepted.checksum, kMaxU64);
  ASSERT_EQ(back.shards.size(), 2u);
  EXPECT_EQ(back.shards[1].num_bytes, kMaxU64);
  // The text has every field, as the test of its form shows.
  EXPECT_EQ(FormatStoreIndex(back), FormatStoreIndex(index));
}

TEST(StoreIndexTest, EmptyStoreComesBack) {
  StoreIndex index = Example();
  index.splits.clear();
  index.shards.clear();
  index.kept_fields.clear();
  const Result<StoreIndex> parsed = ParseStoreIndex(FormatStoreIndex(index));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_TRUE(parsed.value().splits.empty());
  EXPECT_TRUE(parsed.value().shards.empty());
  EXPECT_TRUE(parsed.value().kept_fields.empty());
}

TEST(StoreIndexTest, UnknownFieldsAreIgnored) {
  EXPECT_TRUE(
      ParseStoreIndex(Changed("\"plan\"", "\"new\": [{}], \"plan\"")).ok());
  EXPECT_TRUE(
      ParseStoreIndex(Changed("\"num_rows\"", "\"new\": 1.5, \"num_rows\""))
          .ok());
}

TEST(StoreIndexTest, AnyMinorVersionIsRead) {
  const Result<StoreIndex> index =
      ParseStoreIndex(Changed("\"minor\": 0", "\"minor\": 7"));
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index.value().format_minor, 7);
}

TEST(StoreIndexTest, AnotherMajorVersionIsUnsupportedWhateverFollows) {
  const Error error = ErrorOf(
      R"({"format":{"name":"melmill","major":3,"minor":0},"other":"things"})");
  EXPECT_EQ(error.code, ErrorCode::kOtherFormat);
  EXPECT_EQ(error.message,
            "store format 3; this program reads formats 1 and 2");
  EXPECT_EQ(ErrorOf(Changed("\"major\": 1", "\"major\": 0")).code,
            ErrorCode::kOtherFormat);
}

TEST(StoreIndexTest, EveryFieldIsRequiredAndTyped) {
  struct Case {
    std::string_view from;
    std::string_view to;
    std::string_view message;
  };
  const std::vector<Case> cases = {
      {"\"format\"", "\"fmt\"", "format: missing"},
      {"\"name\": \"melmill\"", "\"name\": 1", "format.name: not a string"},
      {"\"melmill\"", "\"other\"", "format.name: not \"melmill\""},
      {"\"major\": 1", "\"major\": \"1\"",
       "format.major: not a whole number from 0 to 2^64 - 1"},
      {"\"minor\": 0", "\"minor\": 2147483648", "format.minor: too large"},
      {"\"contract\"", "\"c\"", "contract: missing"},
      {"\"producer\": {", "\"producer\": 5, \"p\": {",
       "producer: not an object"},
      {"\"00112233", "\"0011223", "plan: not 32 hex digits"},
      {"aabbccddeeff\"", "AAbbccddeeff\"", "plan: not 32 hex digits"},
      {"268435456", "null",
       "shard_target_bytes: not a whole number from 0 to 2^64 - 1"},
      {"\"kept_fields\": [", "\"kept_fields\": {}, \"k\": [",
       "kept_fields: not an array"},
      {"\"speaker\"", "5", "kept_fields: not an array of strings"},
      {"\"splits\": [", "\"splits\": \"\", \"s\": [", "splits: not an array"},
      {"\"splits\": [", "\"splits\": [[],", "splits[0]: not an object"},
      {"\"name\": \"train\"", "\"name\": []", "splits[0].name: not a string"},
      {"\"num_lines\": 0", "\"num_lines\": -1",
       "splits[1].num_lines: not a whole number from 0 to 2^64 - 1"},
      {"\"num_samples\": 1600000", "\"num_samples\": 1600000.0",
       "splits[0].num_samples: not a whole number from 0 to 2^64 - 1"},
      {"\"table\": {", "\"table\": [], \"t\": {",
       "splits[0].table: not an object"},
      {"\"0000000000000001\"", "\"000000000000001\"",
       "splits[0].table.checksum: not 16 hex digits"},
      {"\"fedcba9876543210\"", "\"0xdcba9876543210\"",
       "splits[0].accepted.checksum: not 16 hex digits"},
      {"\"num_bytes\": 18446744073709551615",
       "\"num_bytes\": 18446744073709551616",
       "shards[0].num_bytes: not a whole number from 0 to 2^64 - 1"},
      {"\"0123456789abcdef\"", "81985529216486895",
       "shards[0].checksum: not a string"},
      {"\"rejects\"", "\"r\"", "rejects: missing"},
      {"\"plan_file\"", "\"p\"", "plan_file: missing"},
      {"\n  \"checksum\":", "\n  \"check\":", "checksum: missing"},
      {"\"num_bytes\": 321", "\"num_byte\": 321", "rejects.num_bytes: missing"},
  };
  for (const Case& c : cases) {
    const Error error = ErrorOf(Changed(c.from, c.to));
    EXPECT_EQ(error.code, ErrorCode::kDamaged) << c.to;
    EXPECT_EQ(error.message, c.message) << c.to;
  }
}

TEST(StoreIndexTest, EveryFieldMissingIsReportedByName) {
  for (const std::string_view field : {"name",
                                       "major",
                                       "minor",
                                       "contract",
                                       "producer",
                                       "plan",
                                       "shard_target_bytes",
                                       "kept_fields",
                                       "splits",
                                       "num_lines",
                                       "num_stored",
                                       "num_rejected",
                                       "num_samples",
                                       "num_frames",
                                       "table",
                                       "accepted",
                                       "shards",
                                       "split",
                                       "file",
                                       "fingerprint",
                                       "num_rows",
                                       "num_bytes",
                                       "checksum",
                                       "rejects"}) {
    const std::string quoted = "\"" + std::string(field) + "\":";
    const Error error = ErrorOf(Changed(quoted, "\"renamed\":"));
    EXPECT_EQ(error.code, ErrorCode::kDamaged) << field;
    EXPECT_TRUE(error.message.ends_with(std::string(field) + ": missing"))
        << field << ": " << error.message;
  }
}

TEST(StoreIndexTest, FileNamesStayWithinTheStore) {
  for (const std::string_view name :
       {"", ".", "..", "/etc/passwd", "../train.rows.h5", "a/b", "a\\u0000b"}) {
    const Error error =
        ErrorOf(Changed("train.rows.h5\"", std::string(name) + "\""));
    EXPECT_EQ(error.code, ErrorCode::kDamaged) << name;
    EXPECT_EQ(error.message, "splits[0].table.file: not the name of a file")
        << name;
  }
}

TEST(StoreIndexTest, ChecksumIsThatOfTheBytesBeforeItsLine) {
  const std::string text = FormatStoreIndex(Example());
  EXPECT_EQ(text, Sealed(text));
  EXPECT_TRUE(text.substr(text.size() - kTailBytes).starts_with("  \"check"));
  std::string changed = text;
  changed[text.find("268435456")] = '3';
  EXPECT_EQ(ErrorOf(changed).message,
            "its checksum is wrong: the file is damaged");
  // Other forms of the same JSON cannot be distinguished from damage.
  EXPECT_FALSE(ParseStoreIndex(text + " ").ok());
  EXPECT_FALSE(ParseStoreIndex(text.substr(0, text.size() - 1)).ok());
}

TEST(StoreIndexTest, FilesAreAllThatAreNoShards) {
  std::vector<std::string> names;
  for (const FileEntry& file : Example().files()) names.push_back(file.file);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "train.rows.h5", "train.accepted.jsonl", "dev.rows.h5",
                       "dev.accepted.jsonl", "rejects.jsonl", "plan.h5"}));
}

TEST(StoreIndexTest, BrokenTextIsAnErrorAtEveryLength) {
  const std::string text = FormatStoreIndex(Example());
  for (size_t num_bytes = 0; num_bytes < text.size(); ++num_bytes) {
    EXPECT_EQ(ErrorOf(text.substr(0, num_bytes)).code, ErrorCode::kDamaged)
        << num_bytes;
  }
  EXPECT_EQ(ErrorOf(text + "{}").code, ErrorCode::kDamaged);
  EXPECT_EQ(ErrorOf(text + std::string(1, '\0')).code, ErrorCode::kDamaged);
}

TEST(StoreIndexTest, EveryDamagedByteIsFound) {
  const std::string text = FormatStoreIndex(Example());
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char damage : {'\0', '"', '[', '}', '9', '\xFF'}) {
      std::string damaged = text;
      damaged[i] = damage;
      EXPECT_EQ(ParseStoreIndex(damaged).ok(), damaged == text) << i;
    }
  }
}

TEST(StoreIndexTest, OtherJsonThanAnObjectIsAnError) {
  for (const std::string_view text : {"[]", "5", "null", "\"x\""}) {
    EXPECT_EQ(ErrorOf(text).message, "not an object") << text;
  }
}

TEST(StoreIndexTest, DeepTextIsRefusedBeforeItIsBuilt) {
  std::string nested;
  for (int i = 0; i < 1000000; ++i) nested += "{\"x\":";
  EXPECT_EQ(ErrorOf(nested).message, "nested too deeply");
  EXPECT_EQ(ErrorOf(std::string(1000000, '[')).message, "nested too deeply");
}

TEST(StoreIndexTest, ObjectsWithManyOrEqualKeysAreRefused) {
  std::string keys;
  for (int i = 0; i < 300; ++i) keys += "\"k" + std::to_string(i) + "\": 1, ";
  EXPECT_EQ(ErrorOf(Changed("\"plan\"", keys + "\"plan\"")).message,
            "an object is too large");
  EXPECT_EQ(ErrorOf(Changed("\"plan\"", "\"plan\": 1, \"plan\"")).message,
            "\"plan\" appears twice in an object");
}

TEST(StoreIndexTest, TextOver256MebibytesIsRefused) {
  const std::string text((size_t{256} << 20) + 1, ' ');
  EXPECT_EQ(ErrorOf(text).message, "larger than 256 MiB");
}

}  // namespace
}  // namespace melmill
