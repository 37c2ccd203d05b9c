#include "pipeline/setup/resource_limits.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <latch>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "pipeline/extract/extract.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// Files that may be open in every phase. Four stay open: the lock, the plan of
// an earlier run, the spooled table of this one, and a manifest or a split
// table's spool. Others are open only briefly, at most two at a time in the run
// and two in the thread that commits: files read back, folders that are listed
// or synced.
constexpr size_t kFilesOfEveryPhase = 4 + 4;

// Threads in addition to those of the flags: the progress line, the thread that
// commits, and the watchdog.
constexpr int kFurtherThreads = 3;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Returns 0 if the number cannot be found out.
size_t CountOpenFiles() {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir("/proc/self/fd"));
  if (folder == nullptr) return 0;
  size_t count = 0;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // the folder itself
}

}  // namespace

size_t MaxOpenFilesOfPlan(const RunConfig& config) {
  return kFilesOfEveryPhase +
         static_cast<size_t>(config.resources.num_plan_threads);
}

size_t MaxOpenFilesOfExtraction(const RunConfig& config, size_t num_shards) {
  return kFilesOfEveryPhase +
         MaxOpenFilesOfExtract(
             config.resources.num_threads, config.resources.num_io_threads,
             config.resources.memory_bytes - kBaseMemoryBytes, num_shards);
}

void RequireOpenFiles(size_t num_files) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = CountOpenFiles() + num_files;
  if (limit.rlim_cur >= wanted) return;
  const rlim_t hard_limit = limit.rlim_max;
  limit.rlim_cur = std::min(wanted, hard_limit);
  if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw SetupError(fmt::format(
        "this run may have {} files open at once, and the limit is {}: raise "
        "it (ulimit -n), or use fewer --threads and --io-threads",
        wanted, hard_limit));
  }
}

void RequireThreads(const RunConfig& config) {
  // The plan's threads end before those of the extraction start.
  const int num_threads =
      std::max(config.resources.num_plan_threads,
               config.resources.num_threads + config.resources.num_io_threads) +
      kFurtherThreads;
  std::vector<std::thread> threads;
  std::latch end(1);
  int error_number = 0;
  try {
    threads.reserve(static_cast<size_t>(num_threads));
    for (int i = 0; i < num_threads; ++i) {
      threads.emplace_back([&end] { end.wait(); });
    }
  } catch (const std::system_error& error) {
    error_number = error.code().value();
  } catch (const std::bad_alloc&) {
    error_number = ENOMEM;
  }
  end.count_down();
  for (std::thread& thread : threads) thread.join();
  if (error_number == 0) return;
  throw SetupError(fmt::format(
      "this run has {} threads, and number {} cannot be started: {}; raise the "
      "limit (ulimit -u, ulimit -v), or use fewer --threads and --io-threads",
      num_threads, threads.size() + 1,
      std::generic_category().message(error_number)));
}

}  // namespace melmill
