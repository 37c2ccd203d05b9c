#ifndef MELMILL_STORE_HDF5_H5_FILE_H_
#define MELMILL_STORE_HDF5_H5_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/file/durable_file.h"
#include "io/result.h"

namespace melmill {

// The only place that calls the HDF5 library. It creates files whose datasets
// are all contiguous, allocated and not filled, and says where each one's bytes
// lie. Everything else is pread and pwrite. The contents of a file are read
// without the library (h5_contents.h). Calls take HDF5's one lock.

enum class ElementType { kU8, kU32, kU64, kF16, kF32, kBF16 };
size_t ElementSize(ElementType type);

struct DatasetSpec {
  std::string name;
  ElementType type = ElementType::kU8;
  std::vector<uint64_t> dims;  // 1 or 2 dimensions; may be 0

  // The product of the dims and the element size, or UINT64_MAX if that
  // overflows.
  uint64_t num_bytes() const;
};

// The longest value of an attribute with a name of 8 to 15 characters. Together
// with what the format adds, its size must fit a 16-bit number. The library
// would write up to 7 bytes more, but with a size of 0, and such a file cannot
// be read.
inline constexpr size_t kMaxAttributeBytes = 65'488;

// A fixed-length UTF-8 string attribute of the root group, padded with NULs.
// The name must be ASCII; the value must not end with a NUL.
struct AttributeSpec {
  std::string name;
  std::string value;
};

// The first dataset of every file starts at this offset (a page boundary), so
// that a reader may map it without asking HDF5.
inline constexpr uint64_t kFirstDatasetOffset = 4096;

// Creates the file `path` with these datasets and attributes: library format
// "earliest", no object times, little endian, final size. The path must not
// exist; links are not followed. The same specs give the same bytes. Returns
// the byte offset of each dataset (0 for an empty one). On error the file is
// removed. Error: kMachineFault.
Result<std::vector<uint64_t>> CreateH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes);

// A file under its temporary name, with its space reserved, whose datasets are
// to be written.
struct DurableH5File {
  DurableFile file;
  std::vector<uint64_t> offsets;  // offset of each dataset
  uint64_t num_bytes = 0;
};

// Creates such a file for the final name `path`. Error: kMachineFault.
Result<DurableH5File> CreateDurableH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes);

}  // namespace melmill

#endif  // MELMILL_STORE_HDF5_H5_FILE_H_
