#include "store/hdf5/h5_file.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "store/hdf5/h5_contents.h"
#include "tests/support/h5_samples.h"
#include "tests/support/limited_child.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(DatasetSpecTest, NumBytesSaturatesInsteadOfWrapping) {
  const uint64_t big = uint64_t{1} << 40;
  EXPECT_EQ((DatasetSpec{"", ElementType::kU32, {3, 5}}.num_bytes()), 60u);
  EXPECT_EQ((DatasetSpec{"", ElementType::kU64, {big, big}}.num_bytes()),
            UINT64_MAX);
  EXPECT_EQ((DatasetSpec{"", ElementType::kU64, {big, 0}}.num_bytes()), 0u);
}

TEST(H5FileTest, TheFirstDatasetStartsAt4096WhateverElseIsInTheFile) {
  const TempFolder folder;
  int number = 0;
  for (const uint64_t first_bytes : {1ul, 160ul, 2047ul, 2048ul, 2049ul, 4095ul,
                                     4096ul, 100'000ul, 5'000'000'000ul}) {
    for (const size_t num_more : {0ul, 1ul, 14ul, 200ul}) {
      for (const size_t attribute_bytes : {0ul, 3000ul, 60'000ul}) {
        std::vector<DatasetSpec> datasets = {
            {"first", ElementType::kU8, {first_bytes}}};
        for (size_t i = 0; i < num_more; ++i) {
          datasets.push_back(
              {"more" + std::to_string(i), ElementType::kU64, {i}});
        }
        const std::string path = folder.File(std::to_string(number++));
        const auto offsets = CreateH5File(
            path, datasets,
            {{"a", std::string(attribute_bytes, 'x')}, {"b", "y"}});
        ASSERT_TRUE(offsets.ok()) << offsets.error().message;
        EXPECT_EQ(offsets.value()[0], kFirstDatasetOffset);
        std::filesystem::remove(path);
      }
    }
  }
}

// HDF5 must read every byte that is written at a dataset's offset.
TEST(H5FileTest, BytesWrittenAtTheOffsetsAreTheDatasets) {
  const TempFolder folder;
  const std::string path = folder.File("a.h5");
  const auto offsets = CreateH5File(path, SomeDatasets(), SomeAttributes());
  ASSERT_TRUE(offsets.ok());
  std::string bytes = ReadWholeFile(path);
  const std::array<uint64_t, 3> starts = {3, uint64_t{1} << 60, 5};
  std::memcpy(bytes.data() + offsets.value()[2], starts.data(), 24);
  const std::array<uint16_t, 2> halves = {0x3c00, 0xc000};  // 1, -2
  std::memcpy(bytes.data() + offsets.value()[0] + 2 * 558, halves.data(), 4);
  const std::array<uint16_t, 6> bfloats = {0x3f80, 0xc000, 0x3fa0,
                                           0x0001, 0x7f7f, 0xbe20};
  std::memcpy(bytes.data() + offsets.value()[6], bfloats.data(), 12);
  WriteWholeFile(path, bytes);

  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t start = H5Dopen2(file, "start", H5P_DEFAULT);
  std::array<uint64_t, 3> read_starts = {};
  EXPECT_GE(H5Dread(start, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    read_starts.data()),
            0);
  EXPECT_EQ(read_starts, starts);
  const hid_t features = H5Dopen2(file, "features", H5P_DEFAULT);
  std::vector<float> values(560);
  EXPECT_GE(H5Dread(features, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    values.data()),
            0);
  EXPECT_EQ(values[557], 0.0f);
  EXPECT_EQ(values[558], 1.0f);
  EXPECT_EQ(values[559], -2.0f);
  const hid_t more = H5Dopen2(file, "more", H5P_DEFAULT);
  std::array<float, 6> read_bfloats = {};
  EXPECT_GE(H5Dread(more, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    read_bfloats.data()),
            0);
  EXPECT_EQ(read_bfloats, (std::array{1.0f, -2.0f, 1.25f, 0x1p-133f,
                                      0x1.fep127f, -0.15625f}));
  H5Dclose(start);
  H5Dclose(features);
  H5Dclose(more);
  H5Fclose(file);
}

TEST(H5FileTest, TheSameSpecsGiveTheSameBytes) {
  const TempFolder folder;
  ASSERT_TRUE(
      CreateH5File(folder.File("a"), SomeDatasets(), SomeAttributes()).ok());
  ASSERT_TRUE(CreateH5File(folder.File("other"), {{"x", ElementType::kU8, {9}}},
                           {{"y", "z"}})
                  .ok());
  ASSERT_TRUE(
      CreateH5File(folder.File("b"), SomeDatasets(), SomeAttributes()).ok());
  EXPECT_EQ(ReadWholeFile(folder.File("a")), ReadWholeFile(folder.File("b")));
}

TEST(H5FileTest, HoldsNoTimes) {
  const TempFolder folder;
  const uint32_t before = static_cast<uint32_t>(std::time(nullptr));
  ASSERT_TRUE(
      CreateH5File(folder.File("a"), SomeDatasets(), SomeAttributes()).ok());
  const uint32_t after = static_cast<uint32_t>(std::time(nullptr));
  const std::string bytes = ReadWholeFile(folder.File("a"));
  for (size_t i = 0; i + 4 <= bytes.size(); ++i) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + i, 4);
    EXPECT_FALSE(value >= before && value <= after) << "at byte " << i;
  }
}

TEST(H5FileTest, DoesNotReplaceAFileOrFollowALink) {
  const TempFolder folder;
  WriteWholeFile(folder.File("there"), "mine");
  std::filesystem::create_symlink(folder.File("target"), folder.File("link"));
  for (const char* name : {"there", "link"}) {
    const auto made = CreateH5File(folder.File(name), SomeDatasets(), {});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, ErrorCode::kMachineFault);
    EXPECT_EQ(made.error().detail, EEXIST);
  }
  EXPECT_EQ(ReadWholeFile(folder.File("there")), "mine");
  EXPECT_FALSE(std::filesystem::exists(folder.File("target")));
}

TEST(H5FileTest, AnAttributeThatIsTooLongIsAnErrorAndLeavesNothing) {
  const TempFolder folder;
  const auto made = CreateH5File(folder.File("a"), SomeDatasets(),
                                 {{"long", std::string(70'000, 'x')}});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::kMachineFault);
  EXPECT_TRUE(folder.Names().empty());
}

TEST(H5FileTest, AFullDiskIsAnErrorLeavesNothingAndCrashesNothing) {
  const TempFolder folder;
  for (const uint64_t limit : {0, 100, 3000, 5000, 8000}) {
    EXPECT_EQ(RunWithFileSizeLimit(
                  limit,
                  [&folder] {
                    const auto made = CreateH5File(
                        folder.File("a"), SomeDatasets(), SomeAttributes());
                    if (made.ok()) return 1;
                    if (made.error().code != ErrorCode::kMachineFault) return 2;
                    if (made.error().detail != EFBIG) return 3;
                    return 0;
                  }),
              0)
        << limit;
    EXPECT_TRUE(folder.Names().empty()) << limit;
  }
}

TEST(H5FileTest, ManyThreadsMayCreateAndReadAtOnce) {
  const TempFolder folder;
  std::vector<std::thread> threads;
  std::array<int, 4> num_ok = {};
  for (size_t t = 0; t < num_ok.size(); ++t) {
    threads.emplace_back([&folder, &num_ok, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string path =
            folder.File(std::to_string(t) + "-" + std::to_string(i));
        if (CreateH5File(path, SomeDatasets(), SomeAttributes()).ok() &&
            ReadH5Contents(path).ok()) {
          ++num_ok[t];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : num_ok) EXPECT_EQ(count, 20);
}

}  // namespace
}  // namespace melmill
