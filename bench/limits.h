#ifndef MELMILL_BENCH_LIMITS_H_
#define MELMILL_BENCH_LIMITS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/case.h"

namespace melmill {

// The number of bytes that the disk limits write and read, enough to make their
// fixed costs small.
inline constexpr uint64_t kLimitBytes = uint64_t{64} << 20;

// Copies with memcpy between blocks larger than the caches, on one thread. Both
// the bytes read and the bytes written count.
BenchCase MakeMemoryCopyCase();

// Two cases: writing a file in `folder`, including fsync, and reading one with
// several threads. Reading bypasses the page cache; if the file system does not
// support that, the file's pages are dropped first.
std::vector<BenchCase> MakeDiskCases(const std::string& folder);

// The needed part of a line of /proc/self/mountinfo.
struct Mount {
  std::string device;       // "/dev/vda1"
  std::string file_system;  // "ext4"
};

// The mount of an absolute path without links; empty if it is not listed.
Mount FindMount(std::string_view mountinfo, std::string_view path);

// Returns the billions of float multiplications and additions per second that
// one thread does just now, in code whose only limit is the processor's
// arithmetic units. Takes a few milliseconds. The clock or another thread on
// the same physical core changes it from time to time on many machines.
double MeasureMachineSpeed();

}  // namespace melmill

#endif  // MELMILL_BENCH_LIMITS_H_
