#ifndef MELMILL_STORE_HDF5_H5_CONTENTS_H_
#define MELMILL_STORE_HDF5_H5_CONTENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "store/hdf5/h5_file.h"

namespace melmill {

struct DatasetPlace {
  DatasetSpec spec;
  uint64_t offset = 0;  // offset of its first byte in the file; 0 if empty
};

// The datasets and attributes of an HDF5 file.
struct H5Contents {
  std::vector<DatasetPlace> datasets;  // those of the root group, by name
  std::vector<AttributeSpec> attributes;
  uint64_t file_bytes = 0;

  // Both return nullptr if there is none of that name.
  const DatasetPlace* FindDataset(std::string_view name) const;
  const std::string* FindAttribute(std::string_view name) const;
};

// Reads the structure of a file made by CreateH5File. Every dataset must be
// contiguous, of an ElementType, and within the file, and all together must not
// be larger than the file. Anything that CreateH5File does not make is an
// error. Time and memory are bounded whatever the file holds.
//
// The few structures needed are read here, not by the HDF5 library: libhdf5
// 1.10.8 crashed on 5 of 2,000 random mutations of such a file. Takes no lock.
// Follows the "HDF5 File Format Specification Version 3.0", sections II.A,
// III.A, III.B, III.D and IV.A.
//
// Errors: kNotFound; kMachineFault if the file cannot be opened or read;
// kDamaged if it is not such a file, with what is wrong.
Result<H5Contents> ReadH5Contents(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_STORE_HDF5_H5_CONTENTS_H_
