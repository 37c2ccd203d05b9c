#include "store/hdf5/h5_contents.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "store/hdf5/h5_file.h"
#include "tests/support/h5_samples.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wav_builder.h"

namespace melmill {
namespace {

TEST(H5ContentsTest, ReadsBackWhatWasCreated) {
  const TempFolder folder;
  const std::string path = folder.File("a.h5");
  const auto offsets = CreateH5File(path, SomeDatasets(), SomeAttributes());
  ASSERT_TRUE(offsets.ok()) << offsets.error().message;
  const auto contents = ReadH5Contents(path);
  ASSERT_TRUE(contents.ok()) << contents.error().message;

  EXPECT_EQ(contents.value().file_bytes, std::filesystem::file_size(path));
  ASSERT_EQ(contents.value().datasets.size(), SomeDatasets().size());
  for (size_t i = 0; i < SomeDatasets().size(); ++i) {
    const DatasetSpec spec = SomeDatasets()[i];
    const DatasetPlace* place = contents.value().FindDataset(spec.name);
    ASSERT_NE(place, nullptr) << spec.name;
    EXPECT_EQ(place->spec.type, spec.type) << spec.name;
    EXPECT_EQ(place->spec.dims, spec.dims) << spec.name;
    EXPECT_EQ(place->offset, offsets.value()[i]) << spec.name;
    EXPECT_LE(place->offset + spec.num_bytes(), contents.value().file_bytes);
  }
  ASSERT_EQ(contents.value().attributes.size(), SomeAttributes().size());
  for (const AttributeSpec& spec : SomeAttributes()) {
    const std::string* value = contents.value().FindAttribute(spec.name);
    ASSERT_NE(value, nullptr) << spec.name;
    EXPECT_EQ(*value, spec.value);
  }
  EXPECT_EQ(contents.value().FindDataset("none"), nullptr);
  EXPECT_EQ(contents.value().FindAttribute("none"), nullptr);
}

// There are so many that HDF5's tree of names has several levels and the
// attributes take several pieces of the group's header.
TEST(H5ContentsTest, ReadsManyDatasetsAndLongAttributes) {
  const TempFolder folder;
  const std::string path = folder.File("a.h5");
  std::vector<DatasetSpec> datasets;
  std::vector<AttributeSpec> attributes;
  for (size_t i = 0; i < 900; ++i) {
    datasets.push_back(
        {"data" + std::to_string(i), ElementType::kU32, {i % 7, i}});
  }
  for (size_t i = 0; i < 8; ++i) {
    attributes.push_back({"a" + std::to_string(i),
                          std::string(i * 8'000, static_cast<char>('a' + i))});
  }
  const auto offsets = CreateH5File(path, datasets, attributes);
  ASSERT_TRUE(offsets.ok()) << offsets.error().message;
  const auto contents = ReadH5Contents(path);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents.value().datasets.size(), datasets.size());
  for (size_t i = 0; i < datasets.size(); ++i) {
    const DatasetPlace* place = contents.value().FindDataset(datasets[i].name);
    ASSERT_NE(place, nullptr) << i;
    EXPECT_EQ(place->spec.dims, datasets[i].dims) << i;
    EXPECT_EQ(place->offset, offsets.value()[i]) << i;
  }
  for (const AttributeSpec& attribute : attributes) {
    const std::string* value = contents.value().FindAttribute(attribute.name);
    ASSERT_NE(value, nullptr) << attribute.name;
    EXPECT_EQ(*value, attribute.value);
  }
}

TEST(H5ContentsTest, AMissingFileAndAFileOfAnotherKindAreToldApart) {
  const TempFolder folder;
  const auto missing = ReadH5Contents(folder.File("none"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, RejectCode::kNotFound);
  WriteWholeFile(folder.File("text"), std::string(5000, 'x'));
  WriteWholeFile(folder.File("empty"), "");
  for (const char* name : {"text", "empty"}) {
    const auto contents = ReadH5Contents(folder.File(name));
    ASSERT_FALSE(contents.ok());
    EXPECT_EQ(contents.error().code, ErrorCode::kDamaged);
  }
}

TEST(H5ContentsTest, TheFileOpensInAFolderThatCannotBeWritten) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  ASSERT_TRUE(CreateH5File(path, SomeDatasets(), SomeAttributes()).ok());
  namespace fs = std::filesystem;
  fs::permissions(path, fs::perms::owner_read);
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(ReadH5Contents(path).ok());
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST(H5ContentsTest, AFileThatWasCutIsRejectedAtEveryLength) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  ASSERT_TRUE(CreateH5File(path, SomeDatasets(), SomeAttributes()).ok());
  for (uint64_t size = std::filesystem::file_size(path); size-- > 0;) {
    if (size > 100 && size % 61 != 0) continue;
    std::filesystem::resize_file(path, size);
    const auto contents = ReadH5Contents(path);
    ASSERT_FALSE(contents.ok()) << size;
    EXPECT_EQ(contents.error().code, ErrorCode::kDamaged) << size;
  }
}

TEST(H5ContentsTest, AFileThatGrewIsRejected) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  ASSERT_TRUE(CreateH5File(path, SomeDatasets(), SomeAttributes()).ok());
  WriteWholeFile(path, ReadWholeFile(path) + "x");
  const auto contents = ReadH5Contents(path);
  ASSERT_FALSE(contents.ok());
  EXPECT_EQ(contents.error().code, ErrorCode::kDamaged);
}

// The test damages one field at a time in the message that says where a dataset
// is.
TEST(H5ContentsTest, AHostilePlaceIsRejected) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  ASSERT_TRUE(
      CreateH5File(path, {{"data", ElementType::kU8, {0x1234}}}, {}).ok());
  const std::string sound = ReadWholeFile(path);
  // The message says version 3, contiguous, at 4096, 0x1234 bytes.
  using std::string_view_literals::operator""sv;
  const size_t at = sound.find("\3\1\0\x10\0\0\0\0\0\0\x34\x12\0\0\0\0\0\0"sv);
  ASSERT_NE(at, std::string::npos);
  struct Change {
    size_t field;
    char value;
  };
  for (const Change change :
       {Change{0, 4}, Change{1, 0}, Change{1, 2}, Change{3, 0x11}, Change{8, 1},
        Change{9, '\xff'}, Change{10, 0x35}, Change{17, '\xff'}}) {
    std::string damaged = sound;
    damaged[at + change.field] = change.value;
    WriteWholeFile(path, damaged);
    const auto contents = ReadH5Contents(path);
    ASSERT_FALSE(contents.ok()) << change.field;
    EXPECT_EQ(contents.error().message,
              "dataset data: its bytes are not in one piece in the file");
  }
}

std::string LittleEndian(uint64_t value) {
  return NumberBytes(value, 8, false);
}

void ReplaceAll(const std::string& from, const std::string& to,
                std::string* text) {
  ASSERT_NE(text->find(from), std::string::npos);
  for (size_t at = 0; (at = text->find(from, at)) != std::string::npos;) {
    text->replace(at, from.size(), to);
  }
}

// Otherwise a small file could make a reader of all columns take much memory.
TEST(H5ContentsTest, DatasetsThatTogetherAreLargerThanTheFileAreRejected) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  const auto offsets = CreateH5File(path,
                                    {{"large", ElementType::kU8, {0x20000}},
                                     {"small", ElementType::kU8, {0x8765}}},
                                    {});
  ASSERT_TRUE(offsets.ok());
  std::string bytes = ReadWholeFile(path);
  ReplaceAll(LittleEndian(0x8765), LittleEndian(0x20001), &bytes);
  ReplaceAll(LittleEndian(offsets.value()[1]), LittleEndian(4096), &bytes);
  WriteWholeFile(path, bytes);
  const auto contents = ReadH5Contents(path);
  ASSERT_FALSE(contents.ok());
  EXPECT_EQ(contents.error().message, "datasets that overlap");
}

// Otherwise each of 10,000 links could have a name as long as the file.
TEST(H5ContentsTest, NamesThatOverlapAreRejected) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  std::vector<DatasetSpec> datasets;
  for (int i = 10; i < 40; ++i) {
    datasets.push_back({"data_" + std::to_string(i), ElementType::kU8, {1}});
  }
  ASSERT_TRUE(CreateH5File(path, datasets, {}).ok());
  std::string bytes = ReadWholeFile(path);
  for (int i = 10; i < 39; ++i) {
    const std::string name = "data_" + std::to_string(i);
    bytes.replace(bytes.find(name + '\0'), name.size() + 1, name + 'x');
  }
  WriteWholeFile(path, bytes);
  const auto contents = ReadH5Contents(path);
  ASSERT_FALSE(contents.ok());
  EXPECT_EQ(contents.error().message, "a damaged list of datasets");
}

// Files that HDF5 accepts but that are not ours, made with HDF5 itself.
class ForeignFileTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = H5Fcreate(path_.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t dims[] = {10};
    space_ = H5Screate_simple(1, dims, nullptr);
    creation_ = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation_, false);
  }
  void ExpectRejected(std::string_view reason) {
    H5Pclose(creation_);
    H5Sclose(space_);
    H5Fclose(file_);
    const auto contents = ReadH5Contents(path_);
    ASSERT_FALSE(contents.ok());
    EXPECT_EQ(contents.error().code, ErrorCode::kDamaged);
    EXPECT_EQ(contents.error().message, reason);
  }
  void CreateData(hid_t type) {
    H5Dclose(H5Dcreate2(file_, "d", type, space_, H5P_DEFAULT, creation_,
                        H5P_DEFAULT));
  }

  TempFolder folder_;
  std::string path_ = folder_.File("foreign.h5");
  hid_t file_ = 0, space_ = 0, creation_ = 0;
};

TEST_F(ForeignFileTest, ChunkedDatasetIsRejected) {
  const hsize_t chunk[] = {5};
  H5Pset_chunk(creation_, 1, chunk);
  CreateData(H5T_STD_U8LE);
  ExpectRejected("dataset d: its bytes are not in one piece in the file");
}

TEST_F(ForeignFileTest, DatasetInAnotherFileIsRejected) {
  H5Pset_external(creation_, "/etc/hostname", 0, 10);
  CreateData(H5T_STD_U8LE);
  ExpectRejected("dataset d: has what ours do not have");
}

TEST_F(ForeignFileTest, BigEndianDatasetIsRejected) {
  CreateData(H5T_STD_U32BE);
  ExpectRejected("dataset d: of an unknown type");
}

TEST_F(ForeignFileTest, VariableLengthDatasetIsRejected) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  CreateData(type);
  H5Tclose(type);
  ExpectRejected("dataset d: of an unknown type");
}

TEST_F(ForeignFileTest, DatasetWithoutStorageIsRejected) {
  H5Pset_alloc_time(creation_, H5D_ALLOC_TIME_LATE);
  CreateData(H5T_STD_U8LE);
  ExpectRejected("dataset d: its bytes are not in one piece in the file");
}

TEST_F(ForeignFileTest, SoftLinkIsRejected) {
  H5Lcreate_soft("/nowhere", file_, "s", H5P_DEFAULT, H5P_DEFAULT);
  ExpectRejected("a damaged list of datasets");
}

TEST_F(ForeignFileTest, GroupIsRejected) {
  H5Gclose(H5Gcreate2(file_, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  ExpectRejected("dataset g: has what ours do not have");
}

TEST_F(ForeignFileTest, VariableLengthAttributeIsRejected) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t attribute =
      H5Acreate2(file_, "v", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
  const char* value = "text";
  H5Awrite(attribute, type, &value);
  H5Aclose(attribute);
  H5Sclose(scalar);
  H5Tclose(type);
  ExpectRejected("an attribute that is not a plain string");
}

// A damaged file must give an error, or contents that lie in the file.
TEST(H5ContentsTest, RandomDamageNeverCrashes) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  const auto offsets = CreateH5File(path, SomeDatasets(), SomeAttributes());
  ASSERT_TRUE(offsets.ok());
  const std::string sound = ReadWholeFile(path);
  std::vector<size_t> targets;  // bytes that are not zero: HDF5's own
  for (size_t i = 0; i < sound.size(); ++i) {
    if (sound[i] != 0) targets.push_back(i);
  }
  std::mt19937 random(1);
  int num_rejected = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = sound;
    for (int i = 0; i <= round % 4; ++i) {
      // This reaches the field around a byte that is not zero, and so its high
      // bytes as well.
      const size_t at = targets[random() % targets.size()] + random() % 8;
      damaged[std::min(at, sound.size() - 1)] = static_cast<char>(random());
    }
    WriteWholeFile(path, damaged);
    const auto contents = ReadH5Contents(path);
    if (!contents.ok()) {
      ++num_rejected;
      EXPECT_EQ(contents.error().code, ErrorCode::kDamaged);
      continue;
    }
    for (const DatasetPlace& place : contents.value().datasets) {
      ASSERT_LE(place.spec.num_bytes(), damaged.size());
      ASSERT_LE(place.offset, damaged.size() - place.spec.num_bytes());
    }
  }
  EXPECT_GT(num_rejected, 500);
}

}  // namespace
}  // namespace melmill
