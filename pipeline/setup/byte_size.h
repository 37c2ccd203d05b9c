#ifndef MELMILL_PIPELINE_SETUP_BYTE_SIZE_H_
#define MELMILL_PIPELINE_SETUP_BYTE_SIZE_H_

#include <cstdint>
#include <string>

namespace melmill {

// A size for people: "1.23 GB", "45.6 MB", "0.8 kB".
std::string FormatBytes(uint64_t num_bytes);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_BYTE_SIZE_H_
