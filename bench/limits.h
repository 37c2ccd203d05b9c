#ifndef MELMILL_BENCH_LIMITS_H_
#define MELMILL_BENCH_LIMITS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/case.h"

namespace melmill {

// How much the disk limits write and read: enough to make their fixed costs
// small.
inline constexpr uint64_t kLimitBytes = uint64_t{64} << 20;

// memcpy between blocks larger than the caches, on one thread. Its bytes are
// those read and those written.
BenchCase MakeMemoryCopyCase();

// Writing a file in `folder`, fsync included; and reading one with several
// threads past the page cache, or, where the file system cannot, after its
// pages were dropped from it.
std::vector<BenchCase> MakeDiskCases(const std::string& folder);

// A line of /proc/self/mountinfo, as far as it is needed.
struct Mount {
  std::string device;       // "/dev/vda1"
  std::string file_system;  // "ext4"
};

// What an absolute path without links lies on; empty if that is not told.
Mount FindMount(std::string_view mountinfo, std::string_view path);

}  // namespace melmill

#endif  // MELMILL_BENCH_LIMITS_H_
