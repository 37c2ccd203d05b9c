#include "pipeline/extract/extract.h"

#include <fmt/format.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/flow_graph.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>

#include "pipeline/extract/cache_guess.h"
#include "pipeline/extract/catch_all.h"
#include "pipeline/extract/committer.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/row_queue.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/setup/arena.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/stopwatch.h"

// The graph:
//
//   dispatch ──tick──▶ work ──miss──▶ read ──tick──▶ work
//      ▲                │
//      └─────token──────┘                  dispatch ──shard──▶ commit thread
//
// dispatch is serial: it gives every free token the next row, and takes it back
// with the row's outcome. work opens and reads what is in the page cache,
// decodes, resamples, transforms and writes the row to its slot. read waits for
// the device on threads of its own; for what follows the first block of a long
// file work does, having asked for it ahead. Tokens bound the number of rows in
// flight, and the planned cost of each row the bytes. A tick says that one more
// token is ready for work, which takes the one of the oldest shard: the graph's
// own tasks come in no order, and a row left behind keeps its shard from its
// commit. Bodies never throw: an exception would cancel the whole graph.

namespace melmill {
namespace {

namespace flow = oneapi::tbb::flow;

// A shard in work.
struct ShardInWork {
  ShardInWork(const RunControl& control, std::function<void()> on_stop)
      : permit(control, std::move(on_stop)) {}

  WorkPermit permit;
  std::unique_ptr<OpenShard> shard;
};

// A row on its way through the graph.
struct Token {
  ShardInWork* shard = nullptr;
  QueuedRow queued;
  RowTask task;
  bool may_try_in_place = true;
  bool was_tried = false;   // read in place
  bool was_cached = false;  // and that went well
  bool is_read = false;
  RowInput input;        // of what a reader read
  Result<void> outcome;  // once work is done: stored, or why not
};

// Tokens that work may take, those of the oldest shards first. Thread-safe.
class ReadyTokens {
 public:
  explicit ReadyTokens(size_t max_tokens) { tokens_.reserve(max_tokens); }

  void Push(Token* token) {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(token);
    std::push_heap(tokens_.begin(), tokens_.end(), IsLater);
  }
  // There must be one.
  Token* Pop() {
    const std::lock_guard lock(mutex_);
    std::pop_heap(tokens_.begin(), tokens_.end(), IsLater);
    Token* token = tokens_.back();
    tokens_.pop_back();
    return token;
  }

 private:
  static bool IsLater(const Token* a, const Token* b) {
    return std::pair(a->queued.shard, a->queued.row) >
           std::pair(b->queued.shard, b->queued.row);
  }

  std::mutex mutex_;
  std::vector<Token*> tokens_;
};

// What a thread that computes keeps from row to row.
struct Worker {
  explicit Worker(const RowComputer& processor) : workspace(processor) {}

  RowWorkspace workspace;
  RowInput input;  // of what it read itself: one, to stay in its cache
};

class GraphExtractor : private RowSource {
 public:
  explicit GraphExtractor(const ExtractJob& job);

  ExtractOutcome Run();

 private:
  struct Tick {};
  using DispatchNode = flow::multifunction_node<Token*, std::tuple<Tick>>;
  using WorkNode = flow::multifunction_node<Tick, std::tuple<Token*, Token*>>;
  using ReadNode = flow::async_node<Token*, Tick>;

  // RowSource:
  Result<ShardSize> Open(size_t shard) override;
  RowSize SizeOf(size_t shard, size_t row) const override;

  // dispatch: one at a time.
  void Dispatch(Token* token, DispatchNode::output_ports_type& ports);
  void TakeBack(Token* token);
  void Settle(Token* token);
  void RetryOrReject(Token* token);
  void FinishRow(Token* token);
  bool PickRow(Token* token);
  bool MustStop();

  // Once the run is asked to stop: what it completes. With mutex_.
  void ChooseWhatToComplete();
  void OnStop();

  // work: any number at a time.
  void Work(WorkNode::output_ports_type& ports);
  Result<bool> ReadInPlace(Token* token, Worker* worker);
  Result<bool> ReadOrCompute(Token* token);

  // read: hands over to a thread that may wait.
  void Read(Token* token, ReadNode::gateway_type& gateway);

  void RunGraph();
  void Reconcile();
  void CollectTelemetry();

  const ExtractJob& job_;
  const Stopwatch stopwatch_;
  ExtractOutcome outcome_;

  // State of dispatch, and of what looks at it when the run is to stop.
  std::mutex mutex_;
  std::atomic<bool> has_chosen_{false};
  std::vector<Token*> free_tokens_;
  std::map<size_t, ShardInWork> open_shards_;
  RowQueue queue_;
  uint64_t closed_frames_ = 0;  // computed, of shards no longer open
  UnreadableFiles unreadable_files_{job_.work};
  uint64_t num_dispatched_ = 0;
  uint64_t num_returned_ = 0;
  CacheGuess cache_guess_;

  DepthMeter reads_waiting_;
  std::atomic<double> read_seconds_{0};  // of readers_

  Arena arena_;
  oneapi::tbb::enumerable_thread_specific<Worker> workers_;
  std::vector<Token> tokens_;
  ReadyTokens ready_tokens_;
  Committer committer_{job_.control, job_.local};
  ThreadPool readers_;
};

// Enough for every reader to have rows waiting after the one that it reads.
// What tokens keep between rows may take at most a quarter of the budget.
size_t NumTokens(int num_threads, int num_io_threads,
                 uint64_t max_bytes_in_flight) {
  const auto wanted = static_cast<size_t>(num_threads + 3 * num_io_threads);
  const auto affordable = static_cast<size_t>(max_bytes_in_flight / 4 /
                                              RowComputer::kMaxInputBytes);
  return std::clamp(affordable, static_cast<size_t>(num_threads) + 1, wanted);
}

// What is left of the budget for rows in work.
uint64_t RowBudget(const ExtractJob& job) {
  const auto num_threads = static_cast<size_t>(job.num_threads);
  const size_t num_tokens =
      NumTokens(job.num_threads, job.num_io_threads, job.max_bytes_in_flight);
  const uint64_t kept =
      (num_tokens + num_threads) * RowComputer::kMaxInputBytes +
      num_threads * RowComputer::kMaxKeptWorkspaceBytes;
  return job.max_bytes_in_flight > kept ? job.max_bytes_in_flight - kept : 0;
}

RowQueue::Limits QueueLimits(const ExtractJob& job) {
  RowQueue::Limits limits = {
      .max_bytes = RowBudget(job),
      .num_further_rows = static_cast<size_t>(job.num_threads) - 1};
  for (const size_t shard : job.shards) {
    limits.max_lost_frames = std::max(limits.max_lost_frames,
                                      job.work.plan.shards[shard].num_frames);
  }
  return limits;
}

GraphExtractor::GraphExtractor(const ExtractJob& job)
    : job_(job),
      queue_(job.shards, QueueLimits(job), this),
      arena_(job.num_threads),
      workers_([&job] { return Worker(job.processor); }),
      tokens_(NumTokens(job.num_threads, job.num_io_threads,
                        job.max_bytes_in_flight)),
      ready_tokens_(tokens_.size()),
      readers_(job.num_io_threads) {}

Result<RowSource::ShardSize> GraphExtractor::Open(size_t index) {
  ShardInWork& opened =
      open_shards_.try_emplace(index, *job_.control, [this] { OnStop(); })
          .first->second;
  auto shard =
      CatchAll([&] { return OpenShard::Create(job_, index, &opened.permit); });
  if (!shard.ok()) return shard.error();
  opened.shard = std::move(shard).value();
  return ShardSize{.num_rows = opened.shard->rows().size(),
                   .num_frames = job_.work.plan.shards[index].num_frames};
}

RowSource::RowSize GraphExtractor::SizeOf(size_t shard, size_t row) const {
  const RowTask task = open_shards_.at(shard).shard->rows()[row];
  return {.num_frames = static_cast<uint64_t>(task.source.num_frames),
          .num_bytes = job_.processor.MemoryBytes(task)};
}

bool GraphExtractor::MustStop() {
  if (!outcome_.fault) outcome_.fault = committer_.fault();
  return outcome_.fault.has_value() || job_.control->grace_is_over();
}

void GraphExtractor::ChooseWhatToComplete() {
  if (has_chosen_) return;
  uint64_t num_frames = closed_frames_;
  for (const auto& [index, shard] : open_shards_) {
    num_frames += shard.permit.num_frames();
  }
  const auto rests = queue_.Rests([this](size_t shard) {
    return open_shards_.at(shard).permit.num_frames();
  });
  const std::vector<size_t> kept = ShardsToComplete(
      rests, static_cast<double>(num_frames) / stopwatch_.seconds(),
      job_.control->grace_left_seconds(), job_.num_threads);
  queue_.Stop(kept);
  for (const ShardRest& rest : rests) {
    if (std::find(kept.begin(), kept.end(), rest.shard) == kept.end()) {
      open_shards_.at(rest.shard).permit.Revoke();
    }
  }
  job_.control->shards_to_complete = static_cast<int>(kept.size());
  has_chosen_ = true;
}

// From rows in work: dispatch may not come to it before they end. It does when
// it holds the mutex.
void GraphExtractor::OnStop() {
  if (has_chosen_) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) ChooseWhatToComplete();
}

bool GraphExtractor::PickRow(Token* token) {
  bool may_wait = false;
  while (!MustStop()) {
    const std::vector<size_t> ended = committer_.TakeEnded(may_wait);
    if (may_wait && ended.empty()) return false;
    for (const size_t shard : ended) queue_.Forget(shard);
    if (job_.control->stop_requested()) ChooseWhatToComplete();
    const Result<std::optional<QueuedRow>> next = queue_.Next();
    if (!next.ok()) {
      outcome_.fault = next.error();
      return false;
    }
    if (next.value()) {
      token->queued = *next.value();
      token->shard = &open_shards_.at(token->queued.shard);
      token->task = token->shard->shard->rows()[token->queued.row];
      return true;
    }
    if (!queue_.waits_for_commit()) return false;
    may_wait = true;
  }
  return false;
}

void GraphExtractor::FinishRow(Token* token) {
  job_.control->frames_done += token->queued.num_frames;
  if (!queue_.Settle(token->queued)) return;
  closed_frames_ += token->shard->permit.num_frames();
  committer_.Submit(std::move(token->shard->shard));
  open_shards_.erase(token->queued.shard);
}

void GraphExtractor::RetryOrReject(Token* token) {
  const Error& error = token->outcome.error();
  const int attempt = token->queued.attempt;
  const bool may_pass = MayBeMachineFault(error.code);
  Result<void> may_go_on;
  if (may_pass && attempt == 1) {
    may_go_on = unreadable_files_.AddFailure(token->task, error);
  } else if (may_pass && attempt == kMaxReadAttempts) {
    may_go_on = unreadable_files_.CheckMayReject(token->task, error);
  }
  if (!may_go_on.ok()) {
    outcome_.fault = may_go_on.error();
    return;
  }
  if (may_pass && attempt < kMaxReadAttempts) {
    if (!queue_.Defer(token->queued)) {
      outcome_.fault = {
          ErrorCode::kMachineFault,
          fmt::format("over {} files cannot be read or have changed",
                      RowQueue::kMaxDeferredRows)};
    }
    return;
  }
  const Result<void> rejected =
      token->shard->shard->Reject(token->queued.row, error);
  if (!rejected.ok()) {
    outcome_.fault = rejected.error();
    return;
  }
  ++outcome_.num_rejected;
  FinishRow(token);
}

void GraphExtractor::Settle(Token* token) {
  if (token->outcome.ok()) {
    unreadable_files_.AddRead(token->task);
    ++outcome_.num_stored;
    FinishRow(token);
  } else if (token->outcome.error().code == ErrorCode::kStopped) {
    queue_.GiveUp(token->queued);
  } else if (token->outcome.error().code == ErrorCode::kMachineFault) {
    if (!outcome_.fault) outcome_.fault = token->outcome.error();
  } else {
    RetryOrReject(token);
  }
}

void GraphExtractor::TakeBack(Token* token) {
  if (token->shard != nullptr) {
    ++num_returned_;
    if (token->was_tried) cache_guess_.Tell(token->was_cached);
    Telemetry& telemetry = outcome_.telemetry;
    if (!token->task.quarantine_signal) {  // one that is is not read
      ++(token->was_cached ? telemetry.rows_read_in_place
                           : telemetry.rows_read_by_waiting);
    }
    if (!outcome_.fault) Settle(token);
    token->shard = nullptr;
  }
  free_tokens_.push_back(token);
}

void GraphExtractor::Dispatch(Token* token,
                              DispatchNode::output_ports_type& ports) {
  const std::lock_guard lock(mutex_);
  TakeBack(token);
  while (!free_tokens_.empty()) {
    Token* next = free_tokens_.back();
    if (!PickRow(next)) return;
    free_tokens_.pop_back();
    next->is_read = false;
    next->was_tried = next->was_cached = false;
    next->may_try_in_place = cache_guess_.ShouldTry();
    next->outcome = {};
    ++num_dispatched_;
    uint64_t& max_bytes = outcome_.telemetry.max_bytes_in_flight;
    max_bytes = std::max(max_bytes, queue_.bytes_given_out());
    ready_tokens_.Push(next);
    std::get<0>(ports).try_put(Tick());
  }
}

Result<bool> GraphExtractor::ReadInPlace(Token* token, Worker* worker) {
  const StageTimer timer(&worker->workspace.times, Stage::kRead);
  token->was_tried = true;
  Result<bool> read =
      job_.processor.ReadRow(token->task, false, &worker->input);
  token->was_cached = read.ok() && read.value();
  return read;
}

// False: the row must be read on a thread that may wait.
Result<bool> GraphExtractor::ReadOrCompute(Token* token) {
  Worker& worker = workers_.local();
  if (!token->is_read) {
    if (!token->may_try_in_place) return false;
    const Result<bool> read = ReadInPlace(token, &worker);
    if (!read.ok()) return read.error();
    if (!read.value()) return false;
  }
  const Result<void> stored = token->shard->shard->ComputeAndStore(
      token->queued.row, job_.processor,
      token->is_read ? &token->input : &worker.input, &worker.workspace);
  if (!stored.ok()) return stored.error();
  return true;
}

void GraphExtractor::Work(WorkNode::output_ports_type& ports) {
  Token* token = ready_tokens_.Pop();
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
    ready_tokens_.Push(token);
    gateway.try_put(Tick());
    gateway.release_wait();
  };
  const Result<bool> submitted = CatchAll([&]() -> Result<bool> {
    readers_.Submit([this, token, return_token] {
      const Stopwatch stopwatch;
      const Result<bool> read = CatchAll([&] {
        return job_.processor.ReadRow(token->task, true, &token->input);
      });
      read_seconds_ += stopwatch.seconds();
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
                [this](Tick, auto& ports) { Work(ports); });
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

void GraphExtractor::CollectTelemetry() {
  Telemetry& telemetry = outcome_.telemetry;
  telemetry.seconds = stopwatch_.seconds();
  telemetry.num_threads = job_.num_threads;
  telemetry.num_io_threads = job_.num_io_threads;
  for (const Worker& worker : workers_) {
    telemetry.compute.Add(worker.workspace.times);
  }
  telemetry.read_seconds = read_seconds_;
  telemetry.commit_seconds = committer_.seconds();
  telemetry.mean_reads_waiting = reads_waiting_.Mean();
}

ExtractOutcome GraphExtractor::Run() {
  arena_.Run([this] { RunGraph(); });
  outcome_.committed = committer_.Finish();
  if (!outcome_.fault) outcome_.fault = committer_.fault();
  Reconcile();
  CollectTelemetry();
  return std::move(outcome_);
}

}  // namespace

size_t MaxOpenFilesOfExtract(int num_threads, int num_io_threads,
                             uint64_t max_bytes_in_flight, size_t num_shards) {
  const size_t num_tokens =
      NumTokens(num_threads, num_io_threads, max_bytes_in_flight);
  // A shard is open while it is being filled, a row of it is in work or waits
  // for a further attempt, or it waits for its commit.
  const size_t num_open_shards = 1 + num_tokens + RowQueue::kMaxDeferredRows +
                                 size_t{Committer::kMaxUncommittedShards};
  // Each row in work has its audio open.
  return num_tokens + std::min(num_open_shards, num_shards);
}

ExtractOutcome Extract(const ExtractJob& job) {
  return GraphExtractor(job).Run();
}

}  // namespace melmill
