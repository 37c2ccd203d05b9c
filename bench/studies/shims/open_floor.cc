// Measures how fast planning could be if it did only what is unavoidable: open,
// fstat, pread of 256 bytes and close, for every audio file of a manifest (or
// every path of a plain list), on N threads.
//
//   open_floor MANIFEST [THREADS...]       default: 1 2 16
//
// Each thread count is one pass over all files. For a cold measurement give one
// count, and first run: sync; echo 3 > /proc/sys/vm/drop_caches

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<std::string> ReadPaths(const std::string& file) {
  std::vector<std::string> paths;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line[0] == '{') line = nlohmann::json::parse(line).at("audio");
    paths.push_back(line);
  }
  return paths;
}

bool Touch(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat status;
  std::array<char, 256> head;
  const bool ok =
      fstat(fd, &status) == 0 && pread(fd, head.data(), head.size(), 0) >= 0;
  return close(fd) == 0 && ok;
}

// Returns the number of files that could not be read.
size_t TouchAll(const std::vector<std::string>& paths, int num_threads) {
  // Neighbours in the manifest are neighbours on the disk, so threads take
  // runs of paths, as the plan does.
  constexpr size_t kRun = 64;
  std::atomic<size_t> next{0};
  std::atomic<size_t> num_failed{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < num_threads; ++i) {
    threads.emplace_back([&] {
      for (size_t at; (at = next.fetch_add(kRun)) < paths.size();) {
        const size_t end = std::min(at + kRun, paths.size());
        for (; at < end; ++at) num_failed += Touch(paths[at]) ? 0 : 1;
      }
    });
  }
  threads.clear();  // joins
  return num_failed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: open_floor MANIFEST [THREADS...]\n");
    return 2;
  }
  const std::vector<std::string> paths = ReadPaths(argv[1]);
  std::vector<int> counts;
  for (int i = 2; i < argc; ++i)
    counts.push_back(std::max(1, std::atoi(argv[i])));
  if (counts.empty()) counts = {1, 2, 16};
  for (const int num_threads : counts) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    const size_t num_failed = TouchAll(paths, num_threads);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    fmt::print("{} threads: {} files in {:.3f} s, {:.0f} files/s, {} failed\n",
               num_threads, paths.size(), seconds.count(),
               static_cast<double>(paths.size()) / seconds.count(), num_failed);
  }
  return 0;
}
