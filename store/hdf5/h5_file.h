#ifndef MELMILL_STORE_HDF5_H5_FILE_H_
#define MELMILL_STORE_HDF5_H5_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/file/durable_file.h"
#include "io/result.h"

namespace melmill {

// The only place that calls the HDF5 library. It makes files whose datasets
// are all contiguous, allocated and not filled, and tells where each one's
// bytes lie; everything else is pread and pwrite, and what a file holds is
// found without the library (h5_contents.h). Calls take HDF5's one lock.

enum class ElementType { kU8, kU32, kU64, kF16, kF32, kBF16 };
size_t ElementSize(ElementType type);

struct DatasetSpec {
  std::string name;
  ElementType type = ElementType::kU8;
  std::vector<uint64_t> dims;  // 1 or 2 of them; may hold a 0

  // All dims times the element size; UINT64_MAX where that overflows.
  uint64_t num_bytes() const;
};

// The longest value of an attribute, for names of 8 to 15 characters: with what
// the format adds its size is a 16-bit number. The library writes up to 7 bytes
// more, and then a size of 0: such a file cannot be read.
inline constexpr size_t kMaxAttributeBytes = 65'488;

// A fixed-length UTF-8 string attribute of the root group, padded with NULs:
// name in ASCII, no NUL at the end of the value.
struct AttributeSpec {
  std::string name;
  std::string value;
};

// The first dataset of every file starts at this offset (a page boundary), so
// that a reader may map it without asking HDF5.
inline constexpr uint64_t kFirstDatasetOffset = 4096;

// Makes `path` (which must not exist; links are not followed) with these
// datasets and attributes: library format "earliest", no object times, little
// endian, final size. Returns the byte offset of each dataset (0 for an empty
// one). The same specs give the same bytes. On error the file is removed.
// Errors: kMachineFault.
Result<std::vector<uint64_t>> CreateH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes);

// A file under its temporary name, its space reserved, for its datasets to be
// written.
struct DurableH5File {
  DurableFile file;
  std::vector<uint64_t> offsets;  // of each dataset
  uint64_t num_bytes = 0;
};

// CreateH5File for the final name `path`.
// Errors: kMachineFault.
Result<DurableH5File> CreateDurableH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes);

}  // namespace melmill

#endif  // MELMILL_STORE_HDF5_H5_FILE_H_
