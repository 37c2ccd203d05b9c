#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <stdexcept>

#include "bench/stages.h"
#include "dsp/resample/resampler.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "store/contract.h"

namespace melmill {
namespace {

namespace fs = std::filesystem;

// The number of times each synthetic clip is written. 12 minutes of audio are
// enough for the cost of the rows to exceed the fixed cost of a run.
constexpr int kSyntheticCopies = 12;

// Drops the file's pages from the page cache. They must be on the disk already.
void DropCachedPages(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

void SyncFileSystemOf(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  syncfs(fd);
  close(fd);
}

// Audio files, their manifest, and the expected contents of its store.
class BenchRun {
 public:
  BenchRun(std::span<const BenchClip> clips, const std::string& folder,
           int num_threads, RunControl* control)
      : folder_(folder), control_(control) {
    config_.input.splits = {{"bench", folder + "/bench.jsonl"}};
    config_.input.audio_root = folder;
    config_.input.require_text = false;
    config_.clips.max_duration_s = std::numeric_limits<double>::infinity();
    config_.store.folder = folder + "/store";
    config_.resources.num_threads = num_threads;
    for (const BenchClip& clip : clips) {
      if (!clip.path.empty()) {
        AddRow(clip);
        // A link has a name that a manifest can hold, wherever it leads.
        fs::create_symlink(fs::absolute(clip.path), files_.back());
      } else {
        for (int i = 0; i < kSyntheticCopies; ++i) {
          AddRow(clip);
          WriteClip(clip, files_.back());
        }
      }
    }
    WriteManifest();
    SyncFileSystemOf(folder);
  }

  double audio_seconds() const { return audio_seconds_; }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_written() const {
    return num_frames_ * ContractBytesPerFrame(config_.features.Contract());
  }

  void RemoveStore() const { fs::remove_all(config_.store.folder); }
  void DropCaches() const {
    for (const std::string& file : files_) DropCachedPages(file);
  }

  // Throws for a fault of the machine.
  RunReport Extract() const {
    RunReport report = RunExtract(config_, control_);
    if (report.fault) throw std::runtime_error(report.fault->message);
    return report;
  }

  BenchCheck Check() const {
    RemoveStore();
    const RunReport report = Extract();
    if (report.status != RunStatus::kFinished || !report.store) {
      return {false, "did not finish"};
    }
    uint64_t num_frames = 0;
    for (const SplitEntry& split : report.store->splits) {
      num_frames += split.num_frames;
    }
    const std::string text = fmt::format(
        "{} of {} rows stored, {} of {} frames", report.store->num_stored(),
        files_.size(), num_frames, num_frames_);
    return {report.store->num_stored() == files_.size() &&
                report.num_rejected == 0 && num_frames == num_frames_,
            text};
  }

 private:
  void AddRow(const BenchClip& clip) {
    const LogMelOptions& options = config_.features.preset->log_mel;
    files_.push_back(fmt::format("{}/{:06}.wav", folder_, files_.size()));
    audio_seconds_ += clip.duration_s();
    bytes_read_ += clip.header.data_offset + clip.header.data_bytes;
    num_frames_ += static_cast<uint64_t>(NumFrames(
        options,
        ResampledLength(clip.header.num_samples, clip.header.sample_rate_hz,
                        options.mel.sample_rate_hz)));
  }

  void WriteManifest() const {
    std::ofstream manifest(config_.input.splits[0].manifest);
    for (const std::string& file : files_) {
      manifest << fmt::format("{{\"audio\": \"{}\"}}\n",
                              fs::path(file).filename().string());
    }
    manifest.close();
    if (!manifest) throw std::runtime_error(folder_ + ": cannot be written to");
  }

  std::string folder_;
  RunControl* control_;
  RunConfig config_;
  std::vector<std::string> files_;
  double audio_seconds_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t num_frames_ = 0;
};

BenchCase MakeCase(std::shared_ptr<const BenchRun> run, int num_threads,
                   bool cold) {
  BenchCase result;
  result.stage = "all";
  result.variant = fmt::format("{} {}", num_threads,
                               num_threads == 1 ? "thread" : "threads");
  result.input = cold ? "files on the disk" : "files in the page cache";
  result.audio_seconds = run->audio_seconds();
  result.bytes_read = run->bytes_read();
  result.bytes_written = run->bytes_written();
  result.limit = cold ? BenchLimit::kDiskReadAndWrite : BenchLimit::kDiskWrite;
  result.check = [run] { return run->Check(); };
  result.prepare = [run, cold] {
    run->RemoveStore();
    if (cold) run->DropCaches();
  };
  result.pass = [run](size_t) { run->Extract(); };
  return result;
}

}  // namespace

std::vector<BenchCase> MakeWholeWayCases(std::span<const BenchClip> clips,
                                         const std::string& folder,
                                         int num_threads, RunControl* control) {
  const auto run =
      std::make_shared<const BenchRun>(clips, folder, num_threads, control);
  return {MakeCase(run, num_threads, true), MakeCase(run, num_threads, false)};
}

}  // namespace melmill
