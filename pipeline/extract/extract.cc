#include "pipeline/extract/extract.h"

#include <fmt/format.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/flow_graph.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "pipeline/extract/cache_guess.h"
#include "pipeline/extract/catch_all.h"
#include "pipeline/extract/committer.h"
#include "pipeline/extract/row_dispatcher.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/row/row_computer.h"
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
// with the row's outcome. work opens the row's file and reads it if it is in
// the page cache, decodes, resamples and transforms it, and writes the row to
// its slot. read waits for the device on threads of its own. It reads only the
// first block; work waits for the rest of a long file, which it has requested
// ahead. The number of tokens bounds the rows in flight, and the planned cost
// of each row bounds the bytes. A tick says that one more token is ready for
// work, and work takes the token of the oldest shard. The graph's own tasks
// have no order, and a row left behind would delay its shard's commit. Bodies
// never throw: an exception would cancel the whole graph.

namespace melmill {
namespace {

namespace flow = oneapi::tbb::flow;

// A row on its way through the graph.
struct Token {
  std::optional<DispatchedRow> row;
  bool may_try_in_place = true;
  bool was_tried = false;   // a read in place was tried
  bool was_cached = false;  // and it succeeded
  bool is_read = false;
  RowInput input;        // filled by a reader
  Result<void> outcome;  // once work is done: success, or the error
};

// The tokens that work may take, those of the oldest shards first. Thread-safe.
class ReadyTokens {
 public:
  explicit ReadyTokens(size_t max_tokens) { tokens_.reserve(max_tokens); }

  void Push(Token* token) {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(token);
    std::push_heap(tokens_.begin(), tokens_.end(), IsLater);
  }
  // Must not be called without a token.
  Token* Pop() {
    const std::lock_guard lock(mutex_);
    std::pop_heap(tokens_.begin(), tokens_.end(), IsLater);
    Token* token = tokens_.back();
    tokens_.pop_back();
    return token;
  }

 private:
  static bool IsLater(const Token* a, const Token* b) {
    const QueuedRow& one = a->row->queued;
    const QueuedRow& other = b->row->queued;
    return std::pair(one.shard, one.row) > std::pair(other.shard, other.row);
  }

  std::mutex mutex_;
  std::vector<Token*> tokens_;
};

// What a computing thread keeps from row to row.
struct Worker {
  explicit Worker(const RowComputer& processor) : workspace(processor) {}

  RowWorkspace workspace;
  RowInput input;  // filled by the thread itself; one, to stay in its cache
};

class GraphExtractor {
 public:
  explicit GraphExtractor(const ExtractJob& job);

  ExtractOutcome Run();

 private:
  struct Tick {};
  using DispatchNode = flow::multifunction_node<Token*, std::tuple<Tick>>;
  using WorkNode = flow::multifunction_node<Tick, std::tuple<Token*, Token*>>;
  using ReadNode = flow::async_node<Token*, Tick>;

  // The body of dispatch, which runs one at a time.
  void Dispatch(Token* token, DispatchNode::output_ports_type& ports);
  void TakeBack(Token* token, StageTimes* times);
  std::optional<DispatchedRow> NextRow(StageTimes* times);

  // The body of work, which runs any number at a time.
  void Work(WorkNode::output_ports_type& ports);
  Result<bool> ReadInPlace(Token* token, Worker* worker);
  Result<bool> ReadOrCompute(Token* token);

  // The body of read, which hands over to a thread that may wait.
  void Read(Token* token, ReadNode::gateway_type& gateway);

  void RunGraph();
  void Reconcile();
  void CollectTelemetry();

  const ExtractJob& job_;
  const Stopwatch stopwatch_;
  ExtractOutcome outcome_;

  // The state of dispatch.
  RowDispatcher dispatcher_;
  std::vector<Token*> free_tokens_;
  CacheGuess cache_guess_;

  DepthMeter reads_waiting_;
  std::atomic<double> read_seconds_{0};  // total of readers_

  Arena arena_;
  oneapi::tbb::enumerable_thread_specific<Worker> workers_;
  std::vector<Token> tokens_;
  ReadyTokens ready_tokens_;
  Committer committer_{job_.control, job_.local};
  ThreadPool readers_;
};

// Enough for every reader to have rows waiting after the one that it reads.
// What tokens keep between rows takes at most a quarter of the budget.
size_t NumTokens(int num_threads, int num_io_threads,
                 uint64_t max_bytes_in_flight) {
  const auto wanted = static_cast<size_t>(num_threads + 3 * num_io_threads);
  const auto affordable = static_cast<size_t>(max_bytes_in_flight / 4 /
                                              RowComputer::kMaxInputBytes);
  return std::clamp(affordable, static_cast<size_t>(num_threads) + 1, wanted);
}

// The part of the budget that is left for rows in work.
uint64_t RowBudget(const ExtractJob& job) {
  const auto num_threads = static_cast<size_t>(job.num_threads);
  const size_t num_tokens =
      NumTokens(job.num_threads, job.num_io_threads, job.max_bytes_in_flight);
  const uint64_t kept =
      (num_tokens + num_threads) * RowComputer::kMaxInputBytes +
      num_threads * RowComputer::kMaxKeptWorkspaceBytes;
  return job.max_bytes_in_flight > kept ? job.max_bytes_in_flight - kept : 0;
}

GraphExtractor::GraphExtractor(const ExtractJob& job)
    : job_(job),
      dispatcher_(job, RowBudget(job)),
      arena_(job.num_threads),
      workers_([&job] { return Worker(job.processor); }),
      tokens_(NumTokens(job.num_threads, job.num_io_threads,
                        job.max_bytes_in_flight)),
      ready_tokens_(tokens_.size()),
      readers_(job.num_io_threads) {}

void GraphExtractor::TakeBack(Token* token, StageTimes* times) {
  if (token->row) {
    if (token->was_tried) cache_guess_.Tell(token->was_cached);
    Telemetry& telemetry = outcome_.telemetry;
    if (!token->row->task.quarantine_signal) {  // a quarantined row is not read
      ++(token->was_cached ? telemetry.rows_read_in_place
                           : telemetry.rows_read_by_waiting);
    }
    auto whole_shard = dispatcher_.TakeBack(*token->row, token->outcome);
    token->row.reset();
    if (whole_shard) {
      const StageTimer waiting(times, std::nullopt);
      committer_.Submit(std::move(whole_shard));
    }
  }
  free_tokens_.push_back(token);
}

// If no row may be given out before a commit, waits for one.
std::optional<DispatchedRow> GraphExtractor::NextRow(StageTimes* times) {
  for (bool may_wait = false;; may_wait = true) {
    const std::vector<size_t> ended = [&] {
      const StageTimer waiting(times, std::nullopt);
      return committer_.TakeEnded(may_wait);
    }();
    if (may_wait && ended.empty()) return {};
    for (const size_t shard : ended) dispatcher_.Forget(shard);
    if (const auto fault = committer_.fault()) dispatcher_.Fail(*fault);
    std::optional<DispatchedRow> row = dispatcher_.Next();
    if (row || !dispatcher_.waits_for_commit()) return row;
  }
}

void GraphExtractor::Dispatch(Token* token,
                              DispatchNode::output_ports_type& ports) {
  StageTimes* times = &workers_.local().workspace.times;
  const StageTimer timer(times, Stage::kSchedule);
  TakeBack(token, times);
  while (!free_tokens_.empty()) {
    std::optional<DispatchedRow> row = NextRow(times);
    if (!row) return;
    Token* next = free_tokens_.back();
    free_tokens_.pop_back();
    next->row = std::move(row);
    next->is_read = false;
    next->was_tried = next->was_cached = false;
    next->may_try_in_place = cache_guess_.ShouldTry();
    next->outcome = {};
    uint64_t& max_bytes = outcome_.telemetry.max_bytes_in_flight;
    max_bytes = std::max(max_bytes, dispatcher_.bytes_given_out());
    ready_tokens_.Push(next);
    std::get<0>(ports).try_put(Tick());
  }
}

Result<bool> GraphExtractor::ReadInPlace(Token* token, Worker* worker) {
  const StageTimer timer(&worker->workspace.times, Stage::kRead);
  token->was_tried = true;
  Result<bool> read =
      job_.processor.ReadRow(token->row->task, false, &worker->input);
  token->was_cached = read.ok() && read.value();
  return read;
}

// Returns false if the row must be read on a thread that may wait.
Result<bool> GraphExtractor::ReadOrCompute(Token* token) {
  Worker& worker = workers_.local();
  const StageTimer timer(&worker.workspace.times, Stage::kOther);
  if (!token->is_read) {
    if (!token->may_try_in_place) return false;
    const Result<bool> read = ReadInPlace(token, &worker);
    if (!read.ok()) return read.error();
    if (!read.value()) return false;
  }
  const Result<void> stored = token->row->shard->ComputeAndStore(
      token->row->task, job_.processor,
      token->is_read ? &token->input : &worker.input, &worker.workspace);
  if (!stored.ok()) return stored.error();
  return true;
}

void GraphExtractor::Work(WorkNode::output_ports_type& ports) {
  Token* token = ready_tokens_.Pop();
  // A reader may have put an error into the token.
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

// Hands the token to a thread that may wait, and then returns it to the graph.
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
        return job_.processor.ReadRow(token->row->task, true, &token->input);
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
    if (!done.ok()) dispatcher_.Fail(done.error());
  });
  WorkNode work(graph, flow::unlimited,
                [this](Tick, auto& ports) { Work(ports); });
  ReadNode read(graph, flow::unlimited,
                [this](Token* token, auto& gateway) { Read(token, gateway); });
  flow::make_edge(flow::output_port<0>(dispatch), work);
  flow::make_edge(flow::output_port<0>(work), dispatch);
  flow::make_edge(flow::output_port<1>(work), read);
  flow::make_edge(read, work);
  const Result<bool> started = CatchAll([&]() -> Result<bool> {
    for (Token& token : tokens_) dispatch.try_put(&token);
    return true;
  });
  // Out of memory or threads. oneTBB 2021.8 may keep a lock then, and has tasks
  // for the nodes: to wait for it may take for ever, and to leave would crash.
  if (!started.ok()) job_.control->EndProcess(started.error().message);
  graph.wait_for_all();
}

// This check is in every build: a vanished row must never pass for success.
void GraphExtractor::Reconcile() {
  const uint64_t num_given_out = dispatcher_.num_given_out();
  const uint64_t num_taken_back = dispatcher_.num_taken_back();
  const bool all_made =
      outcome_.committed.size() + outcome_.num_dropped == job_.shards.size() ||
      job_.control->stop_requested();
  if (outcome_.fault || (num_given_out == num_taken_back && all_made)) return;
  outcome_.fault = {
      ErrorCode::kMachineFault,
      fmt::format("rows do not add up (a bug): {} given out, {} came back, {} "
                  "of {} shards committed",
                  num_given_out, num_taken_back, outcome_.committed.size(),
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
  outcome_.num_stored = dispatcher_.num_stored();
  outcome_.num_rejected = dispatcher_.num_rejected();
  outcome_.num_dropped = dispatcher_.num_dropped();
  outcome_.fault = dispatcher_.fault();
  if (!outcome_.fault) outcome_.fault = committer_.fault();
  outcome_.disputed = committer_.disputed();
  Reconcile();
  CollectTelemetry();
  return std::move(outcome_);
}

}  // namespace

size_t MaxOpenFilesOfExtract(int num_threads, int num_io_threads,
                             uint64_t max_bytes_in_flight, size_t num_shards) {
  const size_t num_tokens =
      NumTokens(num_threads, num_io_threads, max_bytes_in_flight);
  // A shard is open while it is being filled, while a row of it is in work or
  // waits for another attempt, and while it waits for its commit.
  const size_t num_open_shards = 1 + num_tokens + RowQueue::kMaxWaitingShards +
                                 size_t{Committer::kMaxUncommittedShards};
  // Each row in work has its audio open.
  return num_tokens + std::min(num_open_shards, num_shards);
}

ExtractOutcome Extract(const ExtractJob& job) {
  return GraphExtractor(job).Run();
}

}  // namespace melmill
