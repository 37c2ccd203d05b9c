// The I/O floor of an extraction: reads every input file with 16 threads while
// one thread writes and fsyncs as many bytes as the store has, the way shards
// are written. Prints the seconds. It computes nothing, so no program that does
// the same reads and writes can be faster on this disk.
//
// io_floor FILE_WITH_PATHS OUT_FOLDER NUM_BYTES

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kNumReaders = 16;
constexpr int64_t kFileBytes = int64_t{256} << 20;
constexpr int64_t kWriteBackBytes = int64_t{8} << 20;
constexpr int64_t kRowBytes = 350'000;

[[noreturn]] void Die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

int Open(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0) Die(path);
  return descriptor;
}

void ReadFully(const std::string& path, std::vector<char>* buffer) {
  const int descriptor = Open(path, O_RDONLY);
  struct stat status;
  if (fstat(descriptor, &status) != 0) Die(path);
  buffer->resize(std::max(buffer->size(), static_cast<size_t>(status.st_size)));
  int64_t offset = 0;
  while (offset < status.st_size) {
    const ssize_t got =
        pread(descriptor, buffer->data() + offset,
              static_cast<size_t>(status.st_size - offset), offset);
    if (got <= 0) Die(path);
    offset += got;
  }
  close(descriptor);
}

// Creates one file in its final size and writes rows to it. Write-back starts
// early.
void WriteFile(const std::string& path, int64_t num_bytes,
               const std::vector<char>& row) {
  const int descriptor = Open(path, O_RDWR | O_CREAT | O_TRUNC);
  if (posix_fallocate(descriptor, 0, num_bytes) != 0) Die(path);
  int64_t started = 0;
  for (int64_t offset = 0; offset < num_bytes;) {
    const int64_t wanted = std::min(kRowBytes, num_bytes - offset);
    const ssize_t put =
        pwrite(descriptor, row.data(), static_cast<size_t>(wanted), offset);
    if (put <= 0) Die(path);
    offset += put;
    if (offset - started >= kWriteBackBytes) {
      sync_file_range(descriptor, started, offset - started,
                      SYNC_FILE_RANGE_WRITE);
      started = offset;
    }
  }
  if (fsync(descriptor) != 0) Die(path);
  close(descriptor);
}

void WriteAll(const std::string& folder, int64_t num_bytes) {
  std::vector<char> row(kRowBytes);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<char>(i * 2654435761u >> 13);
  }
  for (int64_t file = 0; file * kFileBytes < num_bytes; ++file) {
    WriteFile(folder + "/" + std::to_string(file) + ".bin",
              std::min(kFileBytes, num_bytes - file * kFileBytes), row);
  }
  const int descriptor = Open(folder, O_RDONLY | O_DIRECTORY);
  if (fsync(descriptor) != 0) Die(folder);
  close(descriptor);
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) Die(path);
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: io_floor FILE_WITH_PATHS OUT_FOLDER NUM_BYTES\n",
               stderr);
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<std::string> paths = ReadLines(argv[1]);
  const std::string folder = argv[2];
  const int64_t num_bytes = std::atoll(argv[3]);
  if (mkdir(folder.c_str(), 0755) != 0) Die(folder);
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { WriteAll(folder, num_bytes); });
  for (int reader = 0; reader < kNumReaders; ++reader) {
    threads.emplace_back([&] {
      std::vector<char> buffer;
      for (size_t i; (i = next++) < paths.size();) {
        ReadFully(paths[i], &buffer);
      }
    });
  }
  threads.clear();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  std::printf("%.4f\n", seconds.count());
  return 0;
}
