#ifndef MELMILL_TESTS_SUPPORT_H5_SAMPLES_H_
#define MELMILL_TESTS_SUPPORT_H5_SAMPLES_H_

#include <vector>

#include "store/hdf5/h5_file.h"

namespace melmill {

// One of everything that CreateH5File can make.

inline std::vector<DatasetSpec> SomeDatasets() {
  return {{"features", ElementType::kF16, {7, 80}},
          {"samples", ElementType::kF32, {3, 400}},
          {"start", ElementType::kU64, {3}},
          {"frames", ElementType::kU32, {3}},
          {"nothing", ElementType::kU8, {0}},
          {"hash", ElementType::kU8, {3, 16}},
          {"more", ElementType::kBF16, {2, 3}}};
}

inline std::vector<AttributeSpec> SomeAttributes() {
  return {{"format", "some format"},
          {"contract", "{\"name\":\"\u00e9t\u00e9\"}"},
          {"empty", ""}};
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_H5_SAMPLES_H_
