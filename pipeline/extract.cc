#include "pipeline/extract.h"

#include <fmt/format.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>

#include "pipeline/open_shard.h"
#include "pipeline/thread_pool.h"
#include "pipeline/unreadable_files.h"

// The graph:
//
//   dispatch ──token──▶ work ──miss──▶ read ──token──▶ work
//      ▲                 │
//      └─────token───────┘                 dispatch ──shard──▶ commit thread
//
// dispatch is serial and owns all state: it gives every free token the next
// row, and takes it back with the row's outcome. work opens and reads what is
// in the page cache, decodes, resamples, transforms and writes the row to its
// slot. read waits for the device on threads of its own; for what follows the
// first block of a long file work does, having asked for it ahead. Tokens bound
// the number of rows in flight, and the planned cost of each row the bytes.
// Bodies never throw: an exception would cancel the whole graph.

namespace melmill {
namespace {

namespace flow = oneapi::tbb::flow;

// Whole shards waiting for fsync; dispatch waits beyond that.
constexpr int kMaxUncommittedShards = 4;

// Rows waiting for a second attempt; each keeps its shard open.
constexpr size_t kMaxDeferredRows = 256;

// A shard in work, with what only dispatch touches.
struct ShardInWork {
  std::unique_ptr<OpenShard> shard;
  size_t next_record = 0;
  size_t num_open_records = 0;  // neither stored nor rejected
};

// Whether a row's file is likely to be in the page cache. A computing thread
// that tries in vain opens a file for nothing, and where opening takes time (a
// network file system) it stands still. So until a try is known to have
// succeeded, and after one that did not, there is one at a time, and each miss
// makes the next one later.
class PlaceGuess {
 public:
  // Whether the next row should be read in place; if so, Tell must follow.
  bool ShouldTry() {
    if (is_cached_) return true;
    if (is_trying_) return false;
    if (num_to_skip_ > 0) {
      --num_to_skip_;
      return false;
    }
    is_trying_ = true;
    return true;
  }
  void Tell(bool was_cached) {
    is_trying_ = false;
    is_cached_ = was_cached;
    skip_length_ =
        was_cached ? 0 : std::clamp(2 * skip_length_, 1, kMaxSkipped);
    num_to_skip_ = skip_length_;
  }

 private:
  static constexpr int kMaxSkipped = 64;

  bool is_cached_ = false;
  bool is_trying_ = false;
  int skip_length_ = 0;
  int num_to_skip_ = 0;
};

// A row on its way through the graph.
struct Token {
  ShardInWork* shard = nullptr;
  size_t record = 0;
  int attempt = 1;
  uint64_t num_bytes = 0;
  bool may_try_in_place = true;
  bool was_tried = false;   // read in place
  bool was_cached = false;  // and that went well
  bool is_read = false;
  RecordInput input;
  Result<void> outcome;  // once work is done: stored, or why not

  RecordTask task;

  void SetRow(ShardInWork* new_shard, size_t new_record, int new_attempt) {
    shard = new_shard;
    record = new_record;
    attempt = new_attempt;
    task = shard->shard->records()[record];
  }
};

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Calls body(); what it throws becomes a machine fault.
template <typename Body>
auto CatchAll(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kMachineFault, "out of memory"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kMachineFault, error.what()};
  } catch (...) {
    return Error{ErrorCode::kMachineFault, "unknown exception"};
  }
}

// Commits shards on a thread of its own.
class Committer {
 public:
  explicit Committer(const RunControl& control) : control_(control) {}

  // Waits while kMaxUncommittedShards are under way.
  void Submit(std::unique_ptr<OpenShard> shard);

  std::optional<Error> fault() const;
  // Waits for all; then the results.
  std::map<size_t, ShardWriter::Committed> Finish();
  // After Finish.
  double seconds() const { return seconds_; }

 private:
  void Commit(OpenShard* shard);

  const RunControl& control_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int num_uncommitted_ = 0;
  std::optional<Error> fault_;
  std::map<size_t, ShardWriter::Committed> committed_;
  double seconds_ = 0;
  ThreadPool thread_{1};
};

void Committer::Submit(std::unique_ptr<OpenShard> shard) {
  shard->ReleaseRecords();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [this] { return num_uncommitted_ < kMaxUncommittedShards; });
    ++num_uncommitted_;
  }
  // std::function wants to be copyable, hence the shared_ptr.
  thread_.Submit([this, shared = std::shared_ptr<OpenShard>(std::move(shard))] {
    Commit(shared.get());
  });
}

void Committer::Commit(OpenShard* shard) {
  const Clock::time_point start = Clock::now();
  std::optional<Result<ShardWriter::Committed>> result;
  if (!control_.grace_is_over()) {
    result = CatchAll([shard] { return shard->Commit(); });
  }
  {
    const std::lock_guard lock(mutex_);
    seconds_ += SecondsSince(start);
    --num_uncommitted_;
    if (result && result->ok()) {
      committed_[shard->index()] = result->value();
    } else if (result && !fault_) {
      fault_ = result->error();
    }
  }
  changed_.notify_all();
}

std::optional<Error> Committer::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

std::map<size_t, ShardWriter::Committed> Committer::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return num_uncommitted_ == 0; });
  return std::move(committed_);
}

class GraphExtractor {
 public:
  explicit GraphExtractor(const ExtractJob& job);

  ExtractOutcome Run();

 private:
  using DispatchNode = flow::multifunction_node<Token*, std::tuple<Token*>>;
  using WorkNode = flow::multifunction_node<Token*, std::tuple<Token*, Token*>>;
  using ReadNode = flow::async_node<Token*, Token*>;

  // dispatch: one at a time.
  void Dispatch(Token* token, DispatchNode::output_ports_type& ports);
  void TakeBack(Token* token);
  void Settle(Token* token);
  void RetryOrReject(Token* token);
  void FinishRecord(Token* token);
  bool PickRow(Token* token);
  bool PickFreshRow(Token* token);
  bool PickDeferredRow(Token* token);
  bool OpenNextShard(size_t lane);
  bool FitsBudget(const Token& token) const;
  bool MayOpenShard() const;
  bool MustStop();

  // work: any number at a time.
  void Work(Token* token, WorkNode::output_ports_type& ports);
  Result<bool> ReadInPlace(Token* token, RecordWorkspace* workspace);
  Result<bool> ReadOrCompute(Token* token);

  // read: hands over to a thread that may wait.
  void Read(Token* token, ReadNode::gateway_type& gateway);

  void RunGraph();
  void Reconcile();
  void CollectTelemetry(Clock::time_point start);

  const ExtractJob& job_;
  ExtractOutcome outcome_;

  // State of dispatch.
  std::vector<Token*> free_tokens_;
  size_t num_in_flight_ = 0;
  uint64_t bytes_in_flight_ = 0;
  size_t next_shard_ = 0;  // in job_.shards
  // One shard a lane, rows taken from the lanes in turn: writers of one file
  // would wait for its inode lock.
  std::vector<ShardInWork*> lanes_;
  size_t next_lane_ = 0;
  std::map<size_t, ShardInWork> open_shards_;
  struct DeferredRow {
    ShardInWork* shard;
    size_t record;
    int attempt;
  };
  std::deque<DeferredRow> deferred_rows_;
  UnreadableFiles unreadable_files_{job_.plan};
  uint64_t num_dispatched_ = 0;
  uint64_t num_returned_ = 0;
  PlaceGuess place_guess_;

  DepthMeter reads_waiting_;
  std::atomic<double> read_seconds_{0};  // of readers_

  oneapi::tbb::global_control parallelism_;
  oneapi::tbb::enumerable_thread_specific<RecordWorkspace> workspaces_;
  std::vector<Token> tokens_;
  Committer committer_{*job_.control};
  const uint64_t max_bytes_in_flight_;
  ThreadPool readers_;
};

// Enough for every reader to have rows waiting behind the one it reads; but
// what tokens keep between rows may take a quarter of the budget at most.
size_t NumTokens(int num_threads, int num_io_threads,
                 uint64_t max_bytes_in_flight) {
  const auto wanted = static_cast<size_t>(num_threads + 3 * num_io_threads);
  const auto affordable = static_cast<size_t>(max_bytes_in_flight / 4 /
                                              RecordProcessor::kMaxInputBytes);
  return std::clamp(affordable, static_cast<size_t>(num_threads) + 1, wanted);
}

// What is left of the budget for rows in work.
uint64_t RowBudget(const ExtractJob& job, size_t num_tokens) {
  const uint64_t kept = num_tokens * RecordProcessor::kMaxInputBytes +
                        static_cast<uint64_t>(job.num_threads) *
                            RecordProcessor::kMaxKeptWorkspaceBytes;
  return job.max_bytes_in_flight > kept ? job.max_bytes_in_flight - kept : 0;
}

GraphExtractor::GraphExtractor(const ExtractJob& job)
    : job_(job),
      lanes_(static_cast<size_t>(job.num_threads), nullptr),
      parallelism_(oneapi::tbb::global_control::max_allowed_parallelism,
                   static_cast<size_t>(job.num_threads)),
      workspaces_([&job] { return RecordWorkspace(job.processor); }),
      tokens_(NumTokens(job.num_threads, job.num_io_threads,
                        job.max_bytes_in_flight)),
      max_bytes_in_flight_(RowBudget(job, tokens_.size())),
      readers_(job.num_io_threads) {}

bool GraphExtractor::FitsBudget(const Token& token) const {
  return num_in_flight_ == 0 ||
         bytes_in_flight_ + token.num_bytes <= max_bytes_in_flight_;
}

bool GraphExtractor::MustStop() {
  if (!outcome_.fault) outcome_.fault = committer_.fault();
  return outcome_.fault.has_value() || job_.control->grace_is_over();
}

// A run that is asked to stop completes what is in work, no more.
bool GraphExtractor::MayOpenShard() const {
  return next_shard_ < job_.shards.size() && !job_.control->stop_requested();
}

bool GraphExtractor::OpenNextShard(size_t lane) {
  lanes_[lane] = nullptr;
  if (!MayOpenShard()) return false;
  const size_t index = job_.shards[next_shard_++];
  auto shard = CatchAll([&] {
    return OpenShard::Create(job_.plan, index, job_.folder, job_.quarantine);
  });
  if (!shard.ok()) {
    outcome_.fault = shard.error();
    return false;
  }
  ShardInWork& opened = open_shards_[index];
  opened.num_open_records = shard.value()->records().size();
  opened.shard = std::move(shard).value();
  lanes_[lane] = &opened;
  return true;
}

bool GraphExtractor::PickFreshRow(Token* token) {
  for (size_t tried = 0; tried < lanes_.size(); ++tried) {
    const size_t lane = (next_lane_ + tried) % lanes_.size();
    if (lanes_[lane] == nullptr && !OpenNextShard(lane)) {
      if (outcome_.fault) return false;
      continue;
    }
    ShardInWork* shard = lanes_[lane];
    token->SetRow(shard, shard->next_record, 1);
    token->num_bytes = job_.processor.MemoryBytes(token->task);
    next_lane_ = lane;
    if (!FitsBudget(*token)) return false;
    next_lane_ = (lane + 1) % lanes_.size();
    ++shard->next_record;
    if (shard->next_record == shard->shard->records().size()) {
      lanes_[lane] = nullptr;
    }
    return true;
  }
  return false;
}

// Rows that failed are tried again when all others are done.
bool GraphExtractor::PickDeferredRow(Token* token) {
  if (deferred_rows_.empty()) return false;
  const DeferredRow& row = deferred_rows_.front();
  token->SetRow(row.shard, row.record, row.attempt);
  token->num_bytes = job_.processor.MemoryBytes(token->task);
  if (!FitsBudget(*token)) return false;
  deferred_rows_.pop_front();
  return true;
}

bool GraphExtractor::PickRow(Token* token) {
  if (MustStop()) return false;
  if (PickFreshRow(token)) return true;
  if (outcome_.fault) return false;
  const bool fresh_rows_left =
      MayOpenShard() ||
      std::any_of(lanes_.begin(), lanes_.end(),
                  [](const ShardInWork* lane) { return lane != nullptr; });
  return !fresh_rows_left && PickDeferredRow(token);
}

void GraphExtractor::FinishRecord(Token* token) {
  ShardInWork* shard = token->shard;
  job_.control->frames_done += static_cast<uint64_t>(token->task.num_frames);
  if (--shard->num_open_records > 0) return;
  const size_t index = shard->shard->index();
  committer_.Submit(std::move(shard->shard));
  open_shards_.erase(index);
}

void GraphExtractor::RetryOrReject(Token* token) {
  const Error& error = token->outcome.error();
  const bool may_pass = MayBeMachineFault(error.code);
  Result<void> may_go_on;
  if (may_pass && token->attempt == 1) {
    may_go_on = unreadable_files_.AddFailure(token->task, error);
  } else if (may_pass && token->attempt == kMaxReadAttempts) {
    may_go_on = unreadable_files_.CheckMayReject(token->task, error);
  }
  if (!may_go_on.ok()) {
    outcome_.fault = may_go_on.error();
    return;
  }
  if (may_pass && token->attempt < kMaxReadAttempts) {
    deferred_rows_.push_back({token->shard, token->record, token->attempt + 1});
    if (deferred_rows_.size() > kMaxDeferredRows) {
      outcome_.fault = {
          ErrorCode::kMachineFault,
          fmt::format("over {} files cannot be read or have changed",
                      kMaxDeferredRows)};
    }
    return;
  }
  const Result<void> rejected =
      token->shard->shard->Reject(token->record, error);
  if (!rejected.ok()) {
    outcome_.fault = rejected.error();
    return;
  }
  ++outcome_.num_rejected;
  FinishRecord(token);
}

void GraphExtractor::Settle(Token* token) {
  if (token->outcome.ok()) {
    unreadable_files_.AddRead(token->task);
    ++outcome_.num_stored;
    FinishRecord(token);
  } else if (token->outcome.error().code == ErrorCode::kMachineFault) {
    if (!outcome_.fault) outcome_.fault = token->outcome.error();
  } else {
    RetryOrReject(token);
  }
}

void GraphExtractor::TakeBack(Token* token) {
  if (token->shard != nullptr) {
    ++num_returned_;
    --num_in_flight_;
    bytes_in_flight_ -= token->num_bytes;
    if (token->was_tried) place_guess_.Tell(token->was_cached);
    Telemetry& telemetry = outcome_.telemetry;
    ++(token->was_cached ? telemetry.rows_read_in_place
                         : telemetry.rows_read_by_waiting);
    if (!outcome_.fault) Settle(token);
    token->shard = nullptr;
  }
  free_tokens_.push_back(token);
}

void GraphExtractor::Dispatch(Token* token,
                              DispatchNode::output_ports_type& ports) {
  TakeBack(token);
  while (!free_tokens_.empty()) {
    Token* next = free_tokens_.back();
    if (!PickRow(next)) {
      next->shard = nullptr;
      return;
    }
    free_tokens_.pop_back();
    next->is_read = false;
    next->was_tried = next->was_cached = false;
    next->may_try_in_place = place_guess_.ShouldTry();
    next->outcome = {};
    ++num_in_flight_;
    ++num_dispatched_;
    bytes_in_flight_ += next->num_bytes;
    uint64_t& max_bytes = outcome_.telemetry.max_bytes_in_flight;
    max_bytes = std::max(max_bytes, bytes_in_flight_);
    std::get<0>(ports).try_put(next);
  }
}

Result<bool> GraphExtractor::ReadInPlace(Token* token,
                                         RecordWorkspace* workspace) {
  const StageTimer timer(&workspace->times, Stage::kRead);
  token->was_tried = true;
  Result<bool> read =
      job_.processor.ReadRecord(token->task, false, &token->input);
  token->was_cached = read.ok() && read.value();
  return read;
}

// False: the row must be read on a thread that may wait.
Result<bool> GraphExtractor::ReadOrCompute(Token* token) {
  RecordWorkspace& workspace = workspaces_.local();
  if (!token->is_read) {
    if (!token->may_try_in_place) return false;
    const Result<bool> read = ReadInPlace(token, &workspace);
    if (!read.ok()) return read.error();
    if (!read.value()) return false;
  }
  const Result<void> stored = token->shard->shard->ComputeAndStore(
      token->record, job_.processor, &token->input, &workspace);
  if (!stored.ok()) return stored.error();
  return true;
}

void GraphExtractor::Work(Token* token, WorkNode::output_ports_type& ports) {
  // A token that comes from a reader may bring its error.
  if (token->outcome.ok()) {
    const Result<bool> done = CatchAll([&] { return ReadOrCompute(token); });
    if (done.ok() && !done.value()) {
      std::get<1>(ports).try_put(token);
      return;
    }
    if (!done.ok()) token->outcome = done.error();
  }
  std::get<0>(ports).try_put(token);
}

// Hands the token to a thread that may wait, and takes it back to the graph.
void GraphExtractor::Read(Token* token, ReadNode::gateway_type& gateway) {
  gateway.reserve_wait();
  reads_waiting_.Add(1);
  const auto return_token = [this, token, &gateway](const Result<bool>& done) {
    reads_waiting_.Add(-1);
    token->is_read = true;
    if (!done.ok()) token->outcome = done.error();
    gateway.try_put(token);
    gateway.release_wait();
  };
  const Result<bool> submitted = CatchAll([&]() -> Result<bool> {
    readers_.Submit([this, token, return_token] {
      const Clock::time_point start = Clock::now();
      const Result<bool> read = CatchAll([&] {
        return job_.processor.ReadRecord(token->task, true, &token->input);
      });
      read_seconds_ += SecondsSince(start);
      return_token(read);
    });
    return true;
  });
  if (!submitted.ok()) return_token(submitted);
}

void GraphExtractor::RunGraph() {
  flow::graph graph;
  DispatchNode dispatch(graph, flow::serial, [this](Token* token, auto& ports) {
    const Result<bool> done = CatchAll([&]() -> Result<bool> {
      Dispatch(token, ports);
      return true;
    });
    if (!done.ok() && !outcome_.fault) outcome_.fault = done.error();
  });
  WorkNode work(graph, flow::unlimited,
                [this](Token* token, auto& ports) { Work(token, ports); });
  ReadNode read(graph, flow::unlimited,
                [this](Token* token, auto& gateway) { Read(token, gateway); });
  flow::make_edge(flow::output_port<0>(dispatch), work);
  flow::make_edge(flow::output_port<0>(work), dispatch);
  flow::make_edge(flow::output_port<1>(work), read);
  flow::make_edge(read, work);
  for (Token& token : tokens_) dispatch.try_put(&token);
  graph.wait_for_all();
}

// In every build: a row that vanished must never pass for success.
void GraphExtractor::Reconcile() {
  const bool all_back = num_dispatched_ == num_returned_;
  const bool all_made = outcome_.committed.size() == job_.shards.size() ||
                        job_.control->stop_requested();
  if (outcome_.fault || (all_back && all_made)) return;
  outcome_.fault = {
      ErrorCode::kMachineFault,
      fmt::format("rows do not add up (a bug): {} given out, {} came back, {} "
                  "of {} shards committed",
                  num_dispatched_, num_returned_, outcome_.committed.size(),
                  job_.shards.size())};
}

void GraphExtractor::CollectTelemetry(Clock::time_point start) {
  Telemetry& telemetry = outcome_.telemetry;
  telemetry.seconds = SecondsSince(start);
  telemetry.num_threads = job_.num_threads;
  telemetry.num_io_threads = job_.num_io_threads;
  for (const RecordWorkspace& workspace : workspaces_) {
    telemetry.compute.Add(workspace.times);
  }
  telemetry.read_seconds = read_seconds_;
  telemetry.commit_seconds = committer_.seconds();
  telemetry.mean_reads_waiting = reads_waiting_.Mean();
}

ExtractOutcome GraphExtractor::Run() {
  const Clock::time_point start = Clock::now();
  // An arena of its own: the implicit one has no more threads than CPUs.
  oneapi::tbb::task_arena arena(job_.num_threads);
  arena.execute([this] { RunGraph(); });
  outcome_.committed = committer_.Finish();
  if (!outcome_.fault) outcome_.fault = committer_.fault();
  Reconcile();
  CollectTelemetry(start);
  return std::move(outcome_);
}

}  // namespace

size_t MaxOpenFilesOfExtract(int num_threads, int num_io_threads,
                             uint64_t max_bytes_in_flight, size_t num_shards) {
  const size_t num_tokens =
      NumTokens(num_threads, num_io_threads, max_bytes_in_flight);
  // A shard is open while a lane takes rows from it, a row of it is in work or
  // waits for its second attempt, or it waits for its commit.
  const size_t num_open_shards = static_cast<size_t>(num_threads) + num_tokens +
                                 kMaxDeferredRows +
                                 size_t{kMaxUncommittedShards};
  // Each row in work has its audio open.
  return num_tokens + std::min(num_open_shards, num_shards);
}

ExtractOutcome Extract(const ExtractJob& job) {
  return GraphExtractor(job).Run();
}

}  // namespace melmill
