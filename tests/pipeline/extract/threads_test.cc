// Runs the concurrent code on threads of this file. A flow graph's own
// synchronisation is invisible to ThreadSanitizer unless oneTBB is built for
// it, so the tsan preset runs the bodies of the graph's nodes here.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/write_back.h"
#include "io/manifest/manifest.h"
#include "pipeline/extract/extract.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/telemetry.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

constexpr int kNumThreads = 4;
constexpr int kNumReaders = 3;

// Runs body(i) for each i on a thread of its own, all at once.
void RunThreads(int num_threads, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < num_threads; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

// A shard in work, and the number of its rows that are not done.
struct ShardInWork {
  std::unique_ptr<OpenShard> shard;
  std::atomic<size_t> num_open_rows{0};
};

// One row on its way, as in a token of the graph.
struct Job {
  ShardInWork* shard = nullptr;
  size_t row = 0;
  bool is_read = false;
  std::optional<Error> error;
  RowInput input;

  RowTask task() const { return shard->shard->rows()[row]; }
};

// Hands jobs from thread to thread.
class JobQueue {
 public:
  void Push(std::unique_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }
  // Returns null once the queue is closed and empty.
  std::unique_ptr<Job> Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || !jobs_.empty(); });
    if (jobs_.empty()) return nullptr;
    std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool is_closed_ = false;
};

// Makes all shards of a plan as the flow graph does, without oneTBB: one
// thread opens shards and gives out rows, some compute, some read, one
// commits, one watches.
class ThreadExtractor {
 public:
  explicit ThreadExtractor(const ExtractJob& job)
      : job_(job), num_open_shards_(job.shards.size()) {}

  // Every shard's result, by its number.
  std::map<size_t, ShardWriter::Committed> Run() {
    std::thread watcher([this] { Watch(); });
    std::thread dispatcher([this] { GiveOutRows(); });
    RunThreads(kNumThreads, [this](int) { Compute(); });
    dispatcher.join();
    watcher.join();
    return std::move(committed_);
  }

  uint64_t num_stored() const { return num_stored_; }
  uint64_t num_rejected() const { return num_rejected_; }
  const RunControl& control() const { return control_; }
  const Telemetry& telemetry() const { return telemetry_; }

 private:
  void GiveOutRows() {
    for (const size_t i : job_.shards) {
      Result<std::unique_ptr<OpenShard>> opened = OpenShard::Create(job_, i);
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      ShardInWork* shard = nullptr;
      {
        const std::lock_guard lock(shards_mutex_);
        shard = &shards_.emplace_back();
      }
      const size_t num_rows = opened.value()->rows().size();
      shard->num_open_rows = num_rows;
      shard->shard = std::move(opened).value();
      for (size_t row = 0; row < num_rows; ++row) {
        auto job = std::make_unique<Job>();
        job->shard = shard;
        job->row = row;
        jobs_.Push(std::move(job));
      }
    }
  }

  void Compute() {
    RowWorkspace workspace(job_.processor);
    RowInput input;
    while (std::unique_ptr<Job> job = jobs_.Pop()) {
      Result<void> done;
      if (job->error) {
        done = *job->error;
      } else if (job->is_read) {
        done = job->shard->shard->ComputeAndStore(job->task(), job_.processor,
                                                  &job->input, &workspace);
      } else if (job->row % 3 == 0) {
        done = ReadAndStore(*job, &input, &workspace);
      } else {
        HandToReader(std::move(job));
        continue;
      }
      Settle(*job, done);
    }
    const std::lock_guard lock(telemetry_mutex_);
    telemetry_.compute.Add(workspace.times);
  }

  Result<void> ReadAndStore(const Job& job, RowInput* input,
                            RowWorkspace* workspace) {
    const Result<bool> read = job_.processor.ReadRow(job.task(), true, input);
    if (!read.ok()) return read.error();
    return job.shard->shard->ComputeAndStore(job.task(), job_.processor, input,
                                             workspace);
  }

  void HandToReader(std::unique_ptr<Job> job) {
    reads_waiting_.Add(1);
    // std::function must be copyable.
    auto shared = std::make_shared<std::unique_ptr<Job>>(std::move(job));
    readers_.Submit([this, shared] {
      std::unique_ptr<Job> read = std::move(*shared);
      // As in the graph, the first try is in place, since the file may be in
      // the cache.
      for (const bool may_wait : {false, true}) {
        const Result<bool> result =
            job_.processor.ReadRow(read->task(), may_wait, &read->input);
        if (!result.ok()) read->error = result.error();
        if (!result.ok() || result.value()) break;
      }
      read->is_read = true;
      reads_waiting_.Add(-1);
      jobs_.Push(std::move(read));
    });
  }

  void Settle(const Job& job, const Result<void>& done) {
    ShardInWork* shard = job.shard;
    if (done.ok()) {
      ++num_stored_;
    } else {
      ASSERT_NE(done.error().code, ErrorCode::kMachineFault)
          << done.error().message;
      ASSERT_TRUE(shard->shard->Reject(job.task(), done.error()).ok());
      ++num_rejected_;
    }
    control_.frames_done += static_cast<uint64_t>(job.task().source.num_frames);
    if (--shard->num_open_rows > 0) return;
    committer_.Submit([this, shard] { Commit(shard); });
  }

  void Commit(ShardInWork* shard) {
    const size_t index = shard->shard->index();
    shard->shard->ReleaseRows();
    const Result<ShardWriter::Committed> result = shard->shard->Commit(nullptr);
    EXPECT_TRUE(result.ok()) << result.error().message;
    {
      const std::lock_guard lock(committed_mutex_);
      if (result.ok()) committed_[index] = result.value();
    }
    if (--num_open_shards_ == 0) jobs_.Close();
  }

  // Reads the counters at any time, as the progress line does.
  void Watch() {
    uint64_t last = 0;
    while (num_open_shards_ > 0) {
      const uint64_t now = control_.frames_done;
      EXPECT_GE(now, last);
      EXPECT_GE(reads_waiting_.Mean(), 0);
      EXPECT_FALSE(control_.stop_requested());
      last = now;
      std::this_thread::yield();
    }
  }

  const ExtractJob& job_;
  RunControl control_;
  DepthMeter reads_waiting_;
  std::mutex telemetry_mutex_;
  Telemetry telemetry_;
  std::atomic<uint64_t> num_stored_{0};
  std::atomic<uint64_t> num_rejected_{0};
  std::mutex shards_mutex_;
  std::deque<ShardInWork> shards_;
  std::mutex committed_mutex_;
  std::map<size_t, ShardWriter::Committed> committed_;
  std::atomic<size_t> num_open_shards_;
  JobQueue jobs_;
  // These are last, so that their threads end first.
  ThreadPool readers_{kNumReaders};
  ThreadPool committer_{1};
};

struct ThreadsCase {
  const char* name;
  const char* simd;
  uint64_t shard_bytes;
};

class ThreadsTest : public testing::TestWithParam<ThreadsCase> {
 protected:
  ThreadsTest() { corpus_.MakeMixed(); }

  RunConfig Config() const {
    RunConfig config = corpus_.Config("store");
    config.store.shard_bytes = GetParam().shard_bytes;
    config.features = MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16,
                                      {.simd = GetParam().simd});
    config.resources.num_io_threads = 1;
    config.resources.num_plan_threads = 4;
    return config;
  }

  std::string MakeFolder(const std::string& name) {
    std::filesystem::create_directory(corpus_.Path(name));
    return corpus_.Path(name);
  }

  Corpus corpus_;
};

TEST_P(ThreadsTest, NodeBodiesMakeTheBytesOfTheSerialLoop) {
  const RunConfig config = Config();
  const BuiltWork built(config, corpus_.Path(""));
  const RowComputer processor(config.features);
  RunControl control;
  ExtractJob job = {.work = built.work(),
                    .processor = processor,
                    .shards = built.AllShards(),
                    .folder = MakeFolder("serial"),
                    .control = &control};
  const ExtractOutcome serial = ExtractSerial(job);
  ASSERT_FALSE(serial.fault) << serial.fault->message;

  job.folder = MakeFolder("threads");
  ThreadExtractor extractor(job);
  const auto committed = extractor.Run();
  EXPECT_EQ(extractor.num_stored(), serial.num_stored);
  EXPECT_EQ(extractor.num_stored(), 46u);
  EXPECT_EQ(extractor.num_rejected(), 1u);  // NaN
  uint64_t num_frames = 0;
  for (const PlannedShard& shard : built.plan().shards) {
    num_frames += shard.num_frames;
  }
  EXPECT_EQ(extractor.control().frames_done, num_frames);
  EXPECT_GT(extractor.telemetry().compute.bytes_stored, 256u * 1400);
  ASSERT_EQ(committed.size(), serial.committed.size());
  for (const auto& [index, result] : committed) {
    EXPECT_EQ(result.checksum, serial.committed.at(index).checksum);
  }
  EXPECT_EQ(ReadStoreFiles(corpus_.Path("threads")),
            ReadStoreFiles(corpus_.Path("serial")));
}

// The plan's pipeline runs this in parallel for each line.
TEST(PlanThreadsTest, LinesAreParsedAndProbedAlikeByAll) {
  Corpus corpus;
  corpus.MakeMixed();
  const RunConfig config = corpus.Config("store");
  std::vector<std::string> lines;
  std::string text = ReadWholeFile(corpus.Path("train.jsonl"));
  for (size_t end = 0; (end = text.find('\n')) != std::string::npos;) {
    lines.push_back(text.substr(0, end));
    text.erase(0, end + 1);
  }
  const ManifestOptions options = MakeManifestOptions(config);
  const auto count_samples = [&](const std::string& line) -> int64_t {
    const Result<ManifestLine> parsed = ParseManifestLine(line, options);
    if (!parsed.ok()) return -1;
    const Result<SeenSource> seen = ReadSource(
        ResolveAudioPath(config.input.audio_root, parsed.value().audio),
        config.clips, *config.features.preset);
    return seen.ok() ? seen.value().source.num_samples : -2;
  };
  std::vector<std::vector<int64_t>> counts(kNumThreads);
  RunThreads(kNumThreads, [&](int thread) {
    for (const std::string& line : lines) {
      counts[static_cast<size_t>(thread)].push_back(count_samples(line));
    }
  });
  ASSERT_EQ(counts[0].size(), 44u);
  EXPECT_GT(counts[0][0], 0);
  for (const auto& others : counts) EXPECT_EQ(others, counts[0]);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, ThreadsTest,
    testing::Values(ThreadsCase{"ManyShards", "auto", 32 << 10},
                    ThreadsCase{"OneShardASplit", "auto", 1 << 30},
                    ThreadsCase{"Fftw", "none", 128 << 10}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(WriteBackThreadsTest, BlocksMayBeFilledByManyThreads) {
  TempFolder folder;
  Result<DurableFile> file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok());
  constexpr uint64_t kRowBytes = uint64_t{1} << 16;
  constexpr uint64_t kNumRows = 512;  // 32 MiB: four blocks
  WriteBack write_back(4096, kNumRows * kRowBytes);
  const std::vector<std::byte> row(kRowBytes, std::byte{7});
  std::atomic<uint64_t> next_row{0};
  RunThreads(kNumThreads, [&](int) {
    for (uint64_t i = next_row++; i < kNumRows; i = next_row++) {
      ASSERT_TRUE(file.value().WriteAt(4096 + i * kRowBytes, row).ok());
      write_back.AddFinal(i * kRowBytes, kRowBytes, &file.value());
    }
  });
  ASSERT_TRUE(file.value().Commit().ok());
  EXPECT_EQ(std::filesystem::file_size(folder.File("a")),
            4096 + kNumRows * kRowBytes);
}

}  // namespace
}  // namespace melmill
