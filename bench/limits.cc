#include "bench/limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "dsp/simd/aligned_array.h"
#include "io/result.h"

namespace melmill {
namespace {

// Larger than the caches of common processors.
constexpr size_t kCopyBytes = size_t{128} << 20;

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr int kNumReaders = 4;  // one would not keep a fast disk busy

using Block = AlignedArray<std::byte>;

// Enough independent chains to keep the arithmetic units busy, few enough for
// the registers.
constexpr int kNumChains = 12;
constexpr int kLanes = 4;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

[[noreturn]] void ThrowErrno(const std::string& what) {
  throw std::runtime_error(MachineFault(what, errno).message);
}

class FileDescriptor {
 public:
  FileDescriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void WriteFile(const std::string& path) {
  const FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<std::byte> block(kBlockBytes);
  // Some disks do not store zeros.
  for (size_t i = 0; i < block.size(); ++i) {
    block[i] = static_cast<std::byte>(i * i >> 8);
  }
  for (uint64_t done = 0; done < kLimitBytes;) {
    const ssize_t written = write(file.get(), block.data(), block.size());
    if (written <= 0) ThrowErrno(path);
    done += static_cast<uint64_t>(written);
  }
  if (fsync(file.get()) != 0) ThrowErrno(path);
}

// Opens the file without the page cache if the file system supports that.
std::unique_ptr<FileDescriptor> OpenUncached(const std::string& path) {
  auto file = std::make_unique<FileDescriptor>(path, O_RDONLY | O_DIRECT);
  if (file->get() >= 0) return file;
  file = std::make_unique<FileDescriptor>(path, O_RDONLY);
  if (file->get() < 0) ThrowErrno(path);
  posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
  return file;
}

void ReadFile(const std::string& path) {
  const auto file = OpenUncached(path);
  std::atomic<uint64_t> next{0};
  std::atomic<int> error{0};
  const auto read_blocks = [&] {
    const size_t alignment_room = 4096;  // alignment for O_DIRECT
    Block memory(kBlockBytes + alignment_room);
    void* start = memory.data();
    size_t room = memory.size();
    std::align(alignment_room, kBlockBytes, start, room);
    while (true) {
      const uint64_t offset = next.fetch_add(kBlockBytes);
      if (offset >= kLimitBytes) return;
      const ssize_t num_bytes =
          pread(file->get(), start, kBlockBytes, static_cast<off_t>(offset));
      if (num_bytes != static_cast<ssize_t>(kBlockBytes)) {
        error = num_bytes < 0 ? errno : EIO;
        return;
      }
    }
  };
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kNumReaders; ++i) readers.emplace_back(read_blocks);
  }
  if (error != 0) throw std::runtime_error(MachineFault(path, error).message);
}

BenchCase MakeLimitCase(const char* variant, uint64_t bytes_read,
                        uint64_t bytes_written) {
  BenchCase result;
  result.stage = kLimitStage;
  result.variant = variant;
  result.bytes_read = bytes_read;
  result.bytes_written = bytes_written;
  result.check = [] { return BenchCheck{true, ""}; };
  return result;
}

// mountinfo writes a space as "\040".
std::string Unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      int code = 0;
      for (size_t k = 1; k <= 3; ++k) code = 8 * code + (text[i + k] - '0');
      result += static_cast<char>(code);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool IsWithin(std::string_view path, const std::string& folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) &&
         (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

BenchCase MakeMemoryCopyCase() {
  BenchCase result = MakeLimitCase("memory copy", kCopyBytes, kCopyBytes);
  struct Blocks {
    Block from{kCopyBytes};
    Block to{kCopyBytes};
  };
  const auto blocks = std::make_shared<Blocks>();
  std::memset(blocks->from.data(), 1, kCopyBytes);
  result.pass = [blocks](size_t) {
    std::memcpy(blocks->to.data(), blocks->from.data(), kCopyBytes);
    // Without this the compiler may drop the copy.
    asm volatile("" : : "r"(blocks->to.data()) : "memory");
  };
  return result;
}

std::vector<BenchCase> MakeDiskCases(const std::string& folder) {
  const std::string written = folder + "/limit.write";
  BenchCase writing = MakeLimitCase("disk write", 0, kLimitBytes);
  writing.prepare = [written] { unlink(written.c_str()); };
  writing.pass = [written](size_t) { WriteFile(written); };

  const std::string read = folder + "/limit.read";
  BenchCase reading = MakeLimitCase("disk read", kLimitBytes, 0);
  WriteFile(read);
  reading.prepare = [] {};
  reading.pass = [read](size_t) { ReadFile(read); };
  std::vector<BenchCase> cases;
  cases.push_back(std::move(writing));
  cases.push_back(std::move(reading));
  return cases;
}

Mount FindMount(std::string_view mountinfo, std::string_view path) {
  Mount best;
  size_t best_length = 0;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    // id parent major:minor root MOUNT_POINT options... - FILE_SYSTEM DEVICE
    std::istringstream words(line);
    std::array<std::string, 5> head;
    for (std::string& word : head) words >> word;
    std::string word;
    while (words >> word && word != "-") {
    }
    Mount mount;
    if (!(words >> mount.file_system >> mount.device)) continue;
    const std::string point = Unescape(head[4]);
    // A later mount at the same place hides an earlier one.
    if (!IsWithin(path, point) || point.size() < best_length) continue;
    mount.device = Unescape(mount.device);
    best = mount;
    best_length = point.size();
  }
  return best;
}

double MeasureMachineSpeed() {
  constexpr int kNumSteps = 300'000;
  Lanes chains[kNumChains];
  for (Lanes& chain : chains) chain = Lanes{1, 1, 1, 1};
  const auto start = std::chrono::steady_clock::now();
  for (int step = 0; step < kNumSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kNumChains; ++i) chains[i] = chains[i] * 0.5f + 0.5f;
  }
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  // Without this the compiler may drop the loop.
  asm volatile("" : : "r"(chains) : "memory");
  constexpr double kNumOperations = 2.0 * kNumSteps * kNumChains * kLanes;
  return kNumOperations / taken.count() / 1e9;
}

}  // namespace melmill
