#ifndef MELMILL_BENCH_DECODE_CASES_H_
#define MELMILL_BENCH_DECODE_CASES_H_

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "bench/audio.h"
#include "bench/case.h"

namespace melmill {

// What the cases of plain and of coded sound share.

using Clips = std::vector<const BenchClip*>;

// The clips of coded sound, or the others, by their format in words.
std::map<std::string, Clips> ClipsByFormat(std::span<const BenchClip> clips,
                                           bool is_coded);

// The decoding of clips of one format. `check` and `pass` are left to the
// caller.
BenchCase DescribeDecoding(const Clips& clips, const std::string& variant);

}  // namespace melmill

#endif  // MELMILL_BENCH_DECODE_CASES_H_
