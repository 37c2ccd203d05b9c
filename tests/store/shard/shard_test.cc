#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/file_digest.h"
#include "io/file/temporary_name.h"
#include "io/hash.h"
#include "store/hdf5/h5_contents.h"
#include "store/shard/shard_reader.h"
#include "store/shard/shard_writer.h"
#include "tests/support/limited_child.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

using Names = std::vector<std::string>;

struct TestRow {
  ShardRow index;
  std::vector<std::byte> features;
  std::vector<float> tail_samples;
};

// Rows of random content with consecutive slots. Every seventh is rejected.
struct TestShard {
  explicit TestShard(size_t num_rows,
                     FeatureType type = FeatureType::kFloat16) {
    spec = {.contract = "{\"preset\":\"qwen3-asr\"}",
            .producer = "{\"resampler\":\"soxr\"}",
            .fingerprint = std::string(32, 'f'),
            .feature_type = type,
            .n_mels = 80,
            .tail_length = 400,
            .num_rows = num_rows};
    std::mt19937 random(1);
    for (size_t r = 0; r < num_rows; ++r) {
      const uint32_t num_frames = 1 + random() % 30;
      rows.push_back(r % 7 == 6 ? Rejected(spec.num_frames)
                                : Stored(spec.num_frames, num_frames, random));
      spec.num_frames += num_frames;
    }
  }

  static TestRow Rejected(uint64_t start) {
    ShardRow index;
    index.start = start;
    index.status = RowStatus::kRejected;
    index.source_rate = 48'000;
    index.reject_code = RejectCode::kIoError;
    index.reject_detail = -5;
    return {index, {}, {}};
  }

  TestRow Stored(uint64_t start, uint32_t num_frames, std::mt19937& random) {
    TestRow row;
    row.index.start = start;
    row.index.num_frames = num_frames;
    row.index.num_samples = num_frames * 160u + random() % 160;
    row.index.body_max = -1.25f - static_cast<float>(num_frames);
    row.index.floor = -1.5f;
    row.index.peak = static_cast<float>(random() % 1000) / 1000;
    row.index.status = RowStatus::kStored;
    row.index.source_rate = 16'000;
    row.index.source_channels = 2;
    row.index.source_num_samples = random();
    for (uint8_t& byte : row.index.source_checksum) {
      byte = static_cast<uint8_t>(random());
    }
    row.features.resize(num_frames * spec.bytes_per_frame());
    for (std::byte& byte : row.features) byte = std::byte(random() % 256);
    row.index.checksum = Xxh3_64(row.features);
    for (int i = 0; i < spec.tail_length; ++i) {
      row.tail_samples.push_back(static_cast<float>(random() % 1000));
    }
    return row;
  }

  Result<void> WriteRow(size_t r, ShardWriter& writer) const {
    if (rows[r].index.status != RowStatus::kStored) {
      return writer.SkipRow(r, rows[r].index, 0);
    }
    const uint64_t start = rows[r].index.start;
    const auto written = writer.WriteFeatures(start, 0, rows[r].features);
    if (!written.ok()) return written;
    return writer.FinishRow(r, rows[r].index, rows[r].tail_samples);
  }

  Result<ShardWriter::Committed> Write(
      const std::string& path, std::optional<uint64_t> expected = {}) const {
    auto writer = ShardWriter::Create(path, spec);
    if (!writer.ok()) return writer.error();
    for (size_t r = 0; r < rows.size(); ++r) {
      if (auto written = WriteRow(r, writer.value()); !written.ok()) {
        return written.error();
      }
    }
    return writer.value().Commit(expected);
  }

  ShardSpec spec;
  std::vector<TestRow> rows;
};

// The checksum that store.json keeps of a shard.
uint64_t ChecksumOutside(const std::string& path, uint64_t feature_bytes) {
  const auto digest = DigestFile(path, {{kFirstDatasetOffset, feature_bytes}});
  EXPECT_TRUE(digest.ok());
  return digest.ok() ? digest.value().checksum : 0;
}

TEST(ShardTest, ReaderGivesBackWhatTheWriterWrote) {
  for (const FeatureType type : kFeatureTypes) {
    const TempFolder folder;
    const TestShard shard(50, type);
    const auto committed = shard.Write(folder.File("s.h5"));
    ASSERT_TRUE(committed.ok()) << committed.error().message;
    EXPECT_EQ(folder.Names(), Names{"s.h5"});
    const auto reader = ShardReader::Open(folder.File("s.h5"));
    ASSERT_TRUE(reader.ok()) << reader.error().message;

    const ShardSpec& spec = reader.value().spec();
    EXPECT_EQ(spec.contract, shard.spec.contract);
    EXPECT_EQ(spec.producer, shard.spec.producer);
    EXPECT_EQ(spec.fingerprint, shard.spec.fingerprint);
    EXPECT_EQ(spec.feature_type, type);
    EXPECT_EQ(spec.n_mels, 80);
    EXPECT_EQ(spec.tail_length, 400);
    EXPECT_EQ(spec.num_frames, shard.spec.num_frames);
    ASSERT_EQ(reader.value().rows().size(), shard.rows.size());
    for (size_t r = 0; r < shard.rows.size(); ++r) {
      EXPECT_EQ(reader.value().rows()[r], shard.rows[r].index) << r;
      if (shard.rows[r].index.status != RowStatus::kStored) continue;
      EXPECT_EQ(reader.value().ReadFeatures(r).value(), shard.rows[r].features);
      EXPECT_EQ(reader.value().ReadTailSamples(r).value(),
                shard.rows[r].tail_samples);
    }
    EXPECT_TRUE(reader.value().FindDamagedRows().value().empty());
  }
}

TEST(ShardTest, AShardThatWasMadeBeforePeaksIsReadAndMadeAgain) {
  const TempFolder folder;
  TestShard shard(50);
  ASSERT_TRUE(shard.Write(folder.File("with.h5")).ok());
  shard.spec.has_peaks = false;
  ASSERT_TRUE(shard.Write(folder.File("without.h5")).ok());
  const auto with = ShardReader::Open(folder.File("with.h5"));
  const auto without = ShardReader::Open(folder.File("without.h5"));
  ASSERT_TRUE(with.ok());
  ASSERT_TRUE(without.ok());
  EXPECT_TRUE(with.value().spec().has_peaks);
  EXPECT_FALSE(without.value().spec().has_peaks);
  // A repair tells them apart by their sizes.
  EXPECT_LT(without.value().num_bytes(), with.value().num_bytes());
  const auto contents = ReadH5Contents(folder.File("without.h5"));
  EXPECT_EQ(contents.value().FindDataset("peak"), nullptr);
  for (size_t r = 0; r < shard.rows.size(); ++r) {
    EXPECT_EQ(with.value().rows()[r].peak, shard.rows[r].index.peak);
    ShardRow expected = shard.rows[r].index;
    if (expected.status == RowStatus::kStored) expected.peak = kUnknownPeak;
    EXPECT_EQ(without.value().rows()[r], expected);
  }
  EXPECT_TRUE(without.value().CheckIndex().ok());
  EXPECT_TRUE(without.value().FindDamagedRows().value().empty());
}

TEST(ShardTest, CommittedSaysWhatTheFileIs) {
  const TempFolder folder;
  const TestShard shard(50);
  const auto committed = shard.Write(folder.File("s.h5"));
  ASSERT_TRUE(committed.ok());
  const std::string bytes = ReadWholeFile(folder.File("s.h5"));
  const uint64_t feature_bytes =
      shard.spec.num_frames * shard.spec.bytes_per_frame();
  EXPECT_EQ(committed.value().num_bytes, bytes.size());
  const uint64_t expected =
      Xxh3_64(bytes.substr(0, kFirstDatasetOffset) +
              bytes.substr(kFirstDatasetOffset + feature_bytes));
  EXPECT_EQ(committed.value().checksum, expected);
  const auto reader = ShardReader::Open(folder.File("s.h5"));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value().num_bytes(), bytes.size());
  EXPECT_EQ(ChecksumOutside(folder.File("s.h5"), feature_bytes), expected);
}

TEST(ShardTest, TheFileHoldsTheChecksumOfItsBytesOutsideTheFeatures) {
  const TempFolder folder;
  const TestShard shard(50);
  const std::string path = folder.File("s.h5");
  const auto committed = shard.Write(path);
  ASSERT_TRUE(committed.ok());
  std::string bytes = ReadWholeFile(path);
  const auto contents = ReadH5Contents(path);
  const DatasetPlace* own = contents.value().FindDataset("file_checksum");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->spec.dims, std::vector<uint64_t>{1});
  uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + own->offset, sizeof(checksum));
  bytes.erase(own->offset, sizeof(checksum));
  bytes.erase(kFirstDatasetOffset,
              shard.spec.num_frames * shard.spec.bytes_per_frame());
  EXPECT_EQ(checksum, Xxh3_64(bytes));
  EXPECT_EQ(ShardReader::Open(path).value().CheckIndex().value(),
            committed.value().checksum);
}

TEST(ShardTest, ADamagedByteOutsideTheFeaturesIsFoundByTheFileAlone) {
  const TempFolder folder;
  const TestShard shard(9);
  const std::string path = folder.File("s.h5");
  ASSERT_TRUE(shard.Write(path).ok());
  const std::string sound = ReadWholeFile(path);
  const size_t features_end =
      kFirstDatasetOffset +
      shard.spec.num_frames * shard.spec.bytes_per_frame();
  for (size_t at = 0; at < sound.size(); at += 7) {
    if (at >= kFirstDatasetOffset && at < features_end) continue;
    std::string damaged = sound;
    damaged[at] ^= 0x20;
    WriteWholeFile(path, damaged);
    const auto reader = ShardReader::Open(path);
    if (!reader.ok()) continue;
    const auto checked = reader.value().CheckIndex();
    ASSERT_FALSE(checked.ok()) << at;
    EXPECT_EQ(checked.error().code, ErrorCode::kDamaged);
    EXPECT_EQ(checked.error().message, "its own checksum is wrong");
  }
}

TEST(ShardTest, AChecksumThatIsNotTheExpectedOneGetsNoName) {
  const TempFolder folder;
  const TestShard shard(8);
  const auto committed = shard.Write(folder.File("s.h5"));
  ASSERT_TRUE(committed.ok());
  const uint64_t checksum = committed.value().checksum;
  WriteWholeFile(folder.File("s.h5"), "old");
  const auto refused = shard.Write(folder.File("s.h5"), checksum + 1);
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused.value().checksum, checksum);
  EXPECT_EQ(ReadWholeFile(folder.File("s.h5")), "old");
  EXPECT_EQ(folder.Names(), Names{"s.h5"});
  std::filesystem::remove(folder.File("s.h5"));
  ASSERT_TRUE(shard.Write(folder.File("s.h5"), checksum).ok());
  EXPECT_TRUE(ShardReader::Open(folder.File("s.h5")).value().CheckIndex().ok());
}

TEST(ShardTest, TheSlotOfARejectedRowIsZeros) {
  const TempFolder folder;
  const TestShard shard(8);
  ASSERT_TRUE(shard.Write(folder.File("s.h5")).ok());
  const std::string bytes = ReadWholeFile(folder.File("s.h5"));
  const uint64_t bytes_per_frame = shard.spec.bytes_per_frame();
  const uint64_t begin =
      kFirstDatasetOffset + shard.rows[6].index.start * bytes_per_frame;
  const uint64_t end =
      kFirstDatasetOffset + shard.rows[7].index.start * bytes_per_frame;
  ASSERT_GT(end, begin);
  EXPECT_EQ(bytes.substr(begin, end - begin), std::string(end - begin, '\0'));
}

TEST(ShardTest, TheOrderOfRowsAndTheNumberOfThreadsDoNotShow) {
  const TempFolder folder;
  const TestShard shard(200);
  ASSERT_TRUE(shard.Write(folder.File("serial")).ok());
  std::vector<size_t> order(shard.rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(2));
  auto writer = ShardWriter::Create(folder.File("parallel"), shard.spec);
  ASSERT_TRUE(writer.ok());
  constexpr size_t kNumThreads = 4;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kNumThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < order.size(); i += kNumThreads) {
        EXPECT_TRUE(shard.WriteRow(order[i], writer.value()).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(writer.value().Commit().ok());
  EXPECT_EQ(ReadWholeFile(folder.File("serial")),
            ReadWholeFile(folder.File("parallel")));
}

TEST(ShardTest, ASkippedRowLeavesZerosWhateverWasWritten) {
  const TempFolder folder;
  TestShard shard(1);
  shard.spec.num_frames = 600;  // more than one piece of zeros
  auto writer = ShardWriter::Create(folder.File("s.h5"), shard.spec);
  ASSERT_TRUE(writer.ok());
  const std::vector<std::byte> garbage(600 * shard.spec.bytes_per_frame(),
                                       std::byte{0xee});
  ASSERT_TRUE(writer.value().WriteFeatures(0, 0, garbage).ok());
  std::vector<std::byte> read(garbage.size());
  ASSERT_TRUE(writer.value().ReadFeatures(0, 0, read).ok());
  EXPECT_TRUE(read == garbage);
  ShardRow rejected;
  rejected.reject_code = RejectCode::kNotFinite;
  ASSERT_TRUE(writer.value().SkipRow(0, rejected, 600).ok());
  ASSERT_TRUE(writer.value().ReadFeatures(0, 0, read).ok());
  EXPECT_TRUE(read == std::vector<std::byte>(read.size(), std::byte{0}));
}

TEST(ShardTest, AnEmptyTailAndASingleFrameWork) {
  const TempFolder folder;
  TestShard shard(1);
  shard.spec.tail_length = 0;
  shard.spec.num_frames = 1;
  TestRow& row = shard.rows[0];
  row.index.num_frames = 1;
  row.tail_samples.clear();
  row.features.resize(shard.spec.bytes_per_frame());
  row.index.checksum = Xxh3_64(row.features);
  ASSERT_TRUE(shard.Write(folder.File("s.h5")).ok());
  const auto reader = ShardReader::Open(folder.File("s.h5"));
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  EXPECT_EQ(reader.value().rows()[0], row.index);
  EXPECT_EQ(reader.value().ReadFeatures(0).value(), row.features);
  EXPECT_TRUE(reader.value().ReadTailSamples(0).value().empty());
}

TEST(ShardTest, TheEstimateIsAtMost64KiBTooLarge) {
  for (const size_t num_rows : {1, 30, 3000}) {
    for (const size_t contract_bytes : {10, 2000, 50'000}) {
      const TempFolder folder;
      TestShard shard(num_rows);
      shard.spec.contract = std::string(contract_bytes, 'c');
      const auto committed = shard.Write(folder.File("s.h5"));
      ASSERT_TRUE(committed.ok()) << committed.error().message;
      const uint64_t estimate = EstimateShardBytes(shard.spec);
      EXPECT_GE(estimate, committed.value().num_bytes);
      EXPECT_LE(estimate - committed.value().num_bytes, uint64_t{1} << 16);
    }
  }
}

TEST(ShardTest, AWriterThatIsDestroyedLeavesNothing) {
  const TempFolder folder;
  const TestShard shard(3);
  {
    auto writer = ShardWriter::Create(folder.File("s.h5"), shard.spec);
    ASSERT_TRUE(writer.ok());
    EXPECT_TRUE(shard.WriteRow(0, writer.value()).ok());
    EXPECT_EQ(folder.Names(), Names{TemporaryName("s.h5")});
  }
  EXPECT_TRUE(folder.Names().empty());
}

TEST(ShardTest, CommitKeepsAShardThatIsThere) {
  const TempFolder folder;
  ASSERT_TRUE(TestShard(3).Write(folder.File("s.h5")).ok());
  const std::string bytes = ReadWholeFile(folder.File("s.h5"));
  EXPECT_TRUE(TestShard(3).Write(folder.File("s.h5")).ok());
  EXPECT_FALSE(TestShard(4).Write(folder.File("s.h5")).ok());
  EXPECT_EQ(ReadWholeFile(folder.File("s.h5")), bytes);
  EXPECT_EQ(folder.Names(), Names{"s.h5"});
}

TEST(ShardTest, AMissingFolderIsAFault) {
  const TempFolder folder;
  const auto committed = TestShard(3).Write(folder.File("none/s.h5"));
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(committed.error().detail, ENOENT);
}

TEST(ShardTest, AFolderThatCannotBeWrittenIsAFault) {
  // This folder is the kernel's; not even root can create a file there.
  const auto committed = TestShard(3).Write("/proc/self/s.h5");
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code, ErrorCode::kMachineFault);
}

TEST(ShardTest, AFullDiskIsAFaultAndLeavesNothing) {
  const TempFolder folder;
  const TestShard shard(50);
  const uint64_t num_bytes = EstimateShardBytes(shard.spec);
  for (const uint64_t limit :
       {uint64_t{0}, uint64_t{3000}, uint64_t{10'000}, num_bytes / 2}) {
    EXPECT_EQ(RunWithFileSizeLimit(
                  limit,
                  [&] {
                    const auto committed = shard.Write(folder.File("s.h5"));
                    if (committed.ok()) return 1;
                    if (committed.error().code != ErrorCode::kMachineFault)
                      return 2;
                    return folder.Names().empty() ? 0 : 3;
                  }),
              0)
        << limit;
  }
}

TEST(ShardTest, ADamagedRowIsFoundAndOnlyThat) {
  const TempFolder folder;
  const TestShard shard(30);
  const std::string path = folder.File("s.h5");
  const auto committed = shard.Write(path);
  ASSERT_TRUE(committed.ok());
  std::string bytes = ReadWholeFile(path);
  bytes[kFirstDatasetOffset +
        shard.rows[11].index.start * shard.spec.bytes_per_frame()] ^= 4;
  WriteWholeFile(path, bytes);
  const auto reader = ShardReader::Open(path);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value().FindDamagedRows().value(), std::vector<size_t>{11});
  EXPECT_EQ(ChecksumOutside(
                path, shard.spec.num_frames * shard.spec.bytes_per_frame()),
            committed.value().checksum);
}

TEST(ShardTest, TheSearchForDamageStopsWhenAsked) {
  const TempFolder folder;
  TestShard shard(15);
  const std::string path = folder.File("s.h5");
  ASSERT_TRUE(shard.Write(path).ok());
  const auto reader = ShardReader::Open(path);
  ASSERT_TRUE(reader.ok());
  int num_asked = 0;
  const auto damaged =
      reader.value().FindDamagedRows([&] { return ++num_asked == 3; });
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(num_asked, 3);
}

TEST(ShardTest, BytesInTheSlotOfARejectedRowAreDamage) {
  const TempFolder folder;
  TestShard shard(15);
  shard.spec.num_frames += 3;  // frames of no row, after a stored one
  const std::string path = folder.File("s.h5");
  ASSERT_TRUE(shard.Write(path).ok());
  const std::string sound = ReadWholeFile(path);
  const auto damaged_at = [&](uint64_t frame) {
    std::string bytes = sound;
    bytes[kFirstDatasetOffset + frame * shard.spec.bytes_per_frame() + 5] = 1;
    WriteWholeFile(path, bytes);
    return ShardReader::Open(path).value().FindDamagedRows();
  };
  for (const size_t row : {size_t{6}, size_t{13}}) {
    for (const uint64_t frame :
         {shard.rows[row].index.start, shard.rows[row + 1].index.start - 1}) {
      const auto damaged = damaged_at(frame);
      ASSERT_TRUE(damaged.ok());
      EXPECT_EQ(damaged.value(), std::vector<size_t>{row}) << frame;
    }
  }
  const auto damaged = damaged_at(shard.spec.num_frames - 1);
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, ErrorCode::kDamaged);
}

TEST(ShardTest, ADamagedByteOutsideTheFeaturesChangesTheChecksum) {
  const TempFolder folder;
  const TestShard shard(3);
  const std::string path = folder.File("s.h5");
  const auto committed = shard.Write(path);
  ASSERT_TRUE(committed.ok());
  const std::string sound = ReadWholeFile(path);
  const uint64_t feature_bytes =
      shard.spec.num_frames * shard.spec.bytes_per_frame();
  for (size_t at :
       {size_t{0}, size_t{4095}, size_t{kFirstDatasetOffset + feature_bytes},
        sound.size() - 1}) {
    std::string damaged = sound;
    damaged[at] ^= 1;
    WriteWholeFile(path, damaged);
    EXPECT_NE(ChecksumOutside(path, feature_bytes), committed.value().checksum)
        << at;
  }
}

// Opens the shard after one value of a column was overwritten.
template <typename T>
std::optional<Error> OpenWith(const std::string& path, const char* column,
                              size_t row, T value) {
  const auto contents = ReadH5Contents(path);
  std::string bytes = ReadWholeFile(path);
  std::memcpy(bytes.data() + contents.value().FindDataset(column)->offset +
                  row * sizeof(T),
              &value, sizeof(T));
  const std::string damaged = path + ".damaged";
  WriteWholeFile(damaged, bytes);
  const auto reader = ShardReader::Open(damaged);
  if (reader.ok()) return std::nullopt;
  return reader.error();
}

TEST(ShardTest, AHostileIndexIsRejected) {
  const TempFolder folder;
  const TestShard shard(8);
  const std::string path = folder.File("s.h5");
  ASSERT_TRUE(shard.Write(path).ok());
  EXPECT_FALSE(OpenWith(path, "start", 0, uint64_t{0}));
  for (const auto& error :
       {OpenWith(path, "start", 1, shard.spec.num_frames),
        OpenWith(path, "start", 1, UINT64_MAX),
        OpenWith(path, "start", 6, shard.spec.num_frames + 1),
        OpenWith(path, "num_frames", 1, UINT32_MAX),
        OpenWith(path, "num_frames", 1, uint32_t{0}),
        OpenWith(path, "num_frames", 6, uint32_t{1}),
        OpenWith(path, "status", 1, uint8_t{0}),
        OpenWith(path, "status", 1, uint8_t{9}),
        OpenWith(path, "status", 1, uint8_t{2})}) {
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, ErrorCode::kDamaged);
    EXPECT_EQ(error->message.substr(0, 4), "row ");
  }
}

TEST(ShardTest, FilesThatAreNotShardsAreToldApart) {
  const TempFolder folder;
  const auto code_of = [&folder](const char* name) {
    return ShardReader::Open(folder.File(name)).error().code;
  };
  EXPECT_EQ(code_of("none"), RejectCode::kNotFound);
  WriteWholeFile(folder.File("text"), "text");
  EXPECT_EQ(code_of("text"), ErrorCode::kDamaged);
  ASSERT_TRUE(CreateH5File(folder.File("plain"),
                           {{"features", ElementType::kF16, {3, 80}}}, {})
                  .ok());
  EXPECT_EQ(code_of("plain"), ErrorCode::kDamaged);
  ASSERT_TRUE(CreateH5File(folder.File("half"),
                           {{"features", ElementType::kF16, {3, 80}},
                            {"tail_samples", ElementType::kF32, {2, 400}}},
                           {{"format", "melmill shard 1"}})
                  .ok());
  EXPECT_EQ(code_of("half"), ErrorCode::kDamaged);
  ASSERT_TRUE(CreateH5File(folder.File("integers"),
                           {{"features", ElementType::kU32, {3, 80}},
                            {"tail_samples", ElementType::kF32, {2, 400}}},
                           {{"format", "melmill shard 1"}})
                  .ok());
  EXPECT_EQ(ShardReader::Open(folder.File("integers")).error().message,
            "features of another type");
}

// Damage outside the raw data must give an error, or a shard whose rows can be
// read.
TEST(ShardTest, RandomDamageNeverCrashes) {
  const TempFolder folder;
  const TestShard shard(5);
  const std::string path = folder.File("s.h5");
  ASSERT_TRUE(shard.Write(path).ok());
  const std::string sound = ReadWholeFile(path);
  const auto contents = ReadH5Contents(path);
  // The targets are outside the features and the tail samples.
  std::vector<bool> is_target(sound.size(), true);
  for (const char* name : {"features", "tail_samples"}) {
    const DatasetPlace* place = contents.value().FindDataset(name);
    const auto begin =
        is_target.begin() + static_cast<ptrdiff_t>(place->offset);
    std::fill_n(begin, place->spec.num_bytes(), false);
  }
  std::vector<size_t> targets;
  for (size_t i = 0; i < sound.size(); ++i) {
    if (is_target[i] && sound[i] != 0) targets.push_back(i);
  }
  std::mt19937 random(3);
  int num_rejected = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string damaged = sound;
    for (int i = 0; i <= round % 4; ++i) {
      const size_t at = targets[random() % targets.size()] + random() % 8;
      damaged[std::min(at, sound.size() - 1)] = static_cast<char>(random());
    }
    WriteWholeFile(path, damaged);
    const auto reader = ShardReader::Open(path);
    if (!reader.ok()) {
      ++num_rejected;
      EXPECT_EQ(reader.error().code, ErrorCode::kDamaged);
      continue;
    }
    for (size_t r = 0; r < reader.value().rows().size(); ++r) {
      EXPECT_TRUE(reader.value().ReadFeatures(r).ok());
      EXPECT_TRUE(reader.value().ReadTailSamples(r).ok());
    }
    // A row that starts elsewhere leaves frames to no row.
    const auto rows = reader.value().FindDamagedRows();
    EXPECT_TRUE(rows.ok() || rows.error().code == ErrorCode::kDamaged);
  }
  EXPECT_GT(num_rejected, 200);
}

}  // namespace
}  // namespace melmill
