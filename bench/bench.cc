#include "bench/bench.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "bench/audio.h"
#include "bench/stages.h"
#include "dsp/simd/simd_target.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/temporary_folder.h"

namespace melmill {
namespace {

namespace fs = std::filesystem;

// A folder for this run only. The destructor removes it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& parent)
      : path_(parent + "/melmill-bench-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      throw SetupError(fmt::format("cannot make a folder in {}: {}", parent,
                                   std::strerror(errno)));
    }
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string OutFolder(const BenchOptions& options) {
  return options.out.empty() ? TemporaryFolder() : options.out;
}

std::string CpuModel() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  utsname names = {};  // arm64 gives no model name
  return uname(&names) == 0 ? names.machine : "";
}

BenchMachine DescribeMachine() {
  BenchMachine machine;
  machine.cpu = CpuModel();
  machine.num_cpus = AvailableCpus();
  for (const SimdTarget target : SupportedSimdTargets()) {
    machine.simd_targets.emplace_back(SimdTargetName(target));
  }
  return machine;
}

Mount MountOf(const std::string& folder) {
  std::ifstream file("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(file),
                         std::istreambuf_iterator<char>()};
  std::error_code ignored;
  return FindMount(text, fs::canonical(folder, ignored).string());
}

void CheckOptions(const BenchOptions& options) {
  if (options.num_rounds < 1) throw SetupError("--rounds must be at least 1");
  if (options.num_threads < 0 || options.num_threads > 1024) {
    throw SetupError("--threads must be 1 to 1024, or 0 for all CPUs");
  }
  const std::vector<std::string> known = BenchStageNames();
  for (const std::string& stage : options.stages) {
    if (std::ranges::find(known, stage) == known.end()) {
      throw SetupError(fmt::format("there is no stage \"{}\": use {}", stage,
                                   fmt::join(known, ", ")));
    }
  }
}

class Bench {
 public:
  Bench(const BenchOptions& options, RunControl* control)
      : options_(options), control_(control) {}

  BenchReport Run();

 private:
  bool Wants(std::string_view stage) const {
    return options_.stages.empty() ||
           std::ranges::find(options_.stages, stage) != options_.stages.end();
  }
  bool NeedsDisk() const { return Wants("store") || Wants("all"); }
  bool NeedsMemory() const {
    return Wants("decode") || Wants("resample") || Wants("log-mel");
  }
  void Add(std::vector<BenchCase> cases) {
    std::ranges::move(cases, std::back_inserter(cases_));
  }
  void AddMemoryCases();
  void AddDiskCases(const std::string& folder);
  void TakeResults(BenchReport* report);

  BenchOptions options_;
  RunControl* control_;
  LogMelOptions log_mel_ = MakeFeatureSpec().log_mel();
  std::vector<BenchClip> clips_;
  std::vector<BenchClip> coded_clips_;  // where no audio is given
  std::vector<BenchCase> cases_;
};

void Bench::AddMemoryCases() {
  Add({MakeMemoryCopyCase()});
  if (Wants("decode")) {
    Add(MakeDecodeCases(clips_));
    if (options_.audio.empty()) coded_clips_ = MakeCodedClips(clips_[2]);
    Add(MakeCodedDecodeCases(options_.audio.empty() ? coded_clips_ : clips_));
  }
  if (Wants("resample")) {
    Add(MakeResampleCases(clips_, log_mel_.mel.sample_rate_hz,
                          MakeBenchResamplers()));
  }
  if (Wants("log-mel")) {
    Add(MakeLogMelCases(clips_, MakeBenchLogMels(log_mel_)));
  }
}

void Bench::AddDiskCases(const std::string& folder) {
  Add(MakeDiskCases(folder));
  if (Wants("store")) Add(MakeStoreCases(clips_, log_mel_, folder));
  if (Wants("all")) {
    const int num_threads =
        options_.num_threads == 0 ? AvailableCpus() : options_.num_threads;
    Add(MakeWholeWayCases(clips_, folder, num_threads, control_));
  }
}

// The bytes per second of a limit, if it was timed.
std::optional<double> Rate(const std::vector<BenchCase>& cases,
                           std::string_view variant) {
  for (const BenchCase& bench_case : cases) {
    if (bench_case.stage == kLimitStage && bench_case.variant == variant &&
        !bench_case.seconds.empty()) {
      return static_cast<double>(bench_case.bytes_read +
                                 bench_case.bytes_written) /
             Median(bench_case.seconds);
    }
  }
  return std::nullopt;
}

void Bench::TakeResults(BenchReport* report) {
  report->limits = {.memory_copy = Rate(cases_, "memory copy"),
                    .disk_write = Rate(cases_, "disk write"),
                    .disk_read = Rate(cases_, "disk read")};
  for (BenchCase& bench_case : cases_) {
    if (bench_case.stage == kLimitStage) continue;
    report->cases.push_back(std::move(bench_case));
  }
}

BenchReport Bench::Run() {
  CheckOptions(options_);
  BenchReport report;
  clips_ = options_.audio.empty()
               ? MakeSyntheticClips()
               : LoadClips(options_.audio, *MakeFeatureSpec().preset,
                           &report.left_out);
  report.machine = DescribeMachine();
  report.num_clips = clips_.size();
  report.audio_seconds = TotalSeconds(clips_);
  std::optional<ScratchFolder> scratch;
  if (NeedsDisk()) {
    report.out = OutFolder(options_);
    scratch.emplace(report.out);
    report.disk = MountOf(report.out);
  }
  if (NeedsMemory()) AddMemoryCases();
  if (NeedsDisk()) AddDiskCases(scratch->path());
  report.machine.speeds = RunCases(
      options_.num_rounds, [this] { return control_->stop_requested(); },
      cases_);
  report.stopped = control_->stop_requested();
  TakeResults(&report);
  // The cases' functions may refer to the clips, which end here.
  for (BenchCase& bench_case : report.cases) {
    bench_case.check = nullptr;
    bench_case.prepare = nullptr;
    bench_case.pass = nullptr;
  }
  return report;
}

}  // namespace

std::vector<std::string> BenchStageNames() {
  return {"decode", "resample", "log-mel", "store", "all"};
}

bool BenchReport::all_passed() const {
  return std::ranges::all_of(cases, [](const BenchCase& bench_case) {
    return bench_case.checked.passed;
  });
}

BenchReport RunBench(const BenchOptions& options, RunControl* control) {
  return Bench(options, control).Run();
}

std::optional<double> ShareOfLimit(const BenchCase& bench_case,
                                   const BenchLimits& limits) {
  if (bench_case.seconds.empty()) return std::nullopt;
  const auto bytes_read = static_cast<double>(bench_case.bytes_read);
  const auto bytes_written = static_cast<double>(bench_case.bytes_written);
  double least_seconds = 0;
  switch (bench_case.limit) {
    case BenchLimit::kNone:
      return std::nullopt;
    case BenchLimit::kMemoryCopy:
      if (!limits.memory_copy) return std::nullopt;
      least_seconds = (bytes_read + bytes_written) / *limits.memory_copy;
      break;
    case BenchLimit::kDiskWrite:
      if (!limits.disk_write) return std::nullopt;
      least_seconds = bytes_written / *limits.disk_write;
      break;
    case BenchLimit::kDiskReadAndWrite:
      if (!limits.disk_write || !limits.disk_read) return std::nullopt;
      least_seconds = std::max(bytes_read / *limits.disk_read,
                               bytes_written / *limits.disk_write);
      break;
  }
  return least_seconds / Median(bench_case.seconds);
}

}  // namespace melmill
