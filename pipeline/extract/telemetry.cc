#include "pipeline/extract/telemetry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/setup/byte_size.h"

namespace melmill {
namespace {

// In a shorter run, start-up and the last shard's fsync count more than the
// rows.
constexpr double kShortSeconds = 0.05;

// Computing threads that are busy for this share of the time are the
// bottleneck.
constexpr double kBusyShare = 0.8;
// The committing thread is the bottleneck from this share on.
constexpr double kCommitShare = 0.5;

std::string Rate(uint64_t num_bytes, double seconds) {
  const double per_second = static_cast<double>(num_bytes) / seconds;
  return FormatBytes(static_cast<uint64_t>(per_second)) + "/s";
}

Stage BusiestStage(const Telemetry& telemetry) {
  const auto& seconds = telemetry.compute.seconds;
  const auto largest = std::max_element(seconds.begin(), seconds.end());
  return static_cast<Stage>(largest - seconds.begin());
}

}  // namespace

void DepthMeter::Add(int change) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  depth_seconds_ +=
      depth_ * std::chrono::duration<double>(now - changed_).count();
  changed_ = now;
  depth_ += change;
}

double DepthMeter::Mean() const {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  const double sum =
      depth_seconds_ +
      depth_ * std::chrono::duration<double>(now - changed_).count();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  return seconds > 0 ? sum / seconds : 0;
}

double Telemetry::BusyShare(Stage stage) const {
  const double available = seconds * num_threads;
  return available > 0 ? compute.Of(stage) / available : 0;
}

double Telemetry::BusyShare() const {
  const double available = seconds * num_threads;
  return available > 0 ? compute.Sum() / available : 0;
}

BottleneckReport FindBottleneck(const Telemetry& telemetry) {
  if (telemetry.seconds < kShortSeconds) {
    return {Bottleneck::kNone, "", "too short to name a bottleneck"};
  }
  const Stage stage = BusiestStage(telemetry);
  const bool is_busy = telemetry.BusyShare() >= kBusyShare;
  if (is_busy && stage != Stage::kRead && stage != Stage::kStore) {
    return {
        Bottleneck::kCompute, std::string(StageName(stage)),
        fmt::format("CPU-bound: {} takes {:.0f} % of {} {}", StageName(stage),
                    100 * telemetry.BusyShare(stage), telemetry.num_threads,
                    telemetry.num_threads == 1 ? "thread" : "threads")};
  }
  if ((is_busy && stage == Stage::kRead) || telemetry.mean_reads_waiting >= 1) {
    return {
        Bottleneck::kReading, "disk read",
        fmt::format(
            "disk-bound: read {}, {:.0f} {} waiting",
            Rate(telemetry.compute.bytes_read, telemetry.seconds),
            telemetry.mean_reads_waiting,
            std::lround(telemetry.mean_reads_waiting) == 1 ? "read" : "reads")};
  }
  if ((is_busy && stage == Stage::kStore) ||
      telemetry.commit_seconds >= kCommitShare * telemetry.seconds) {
    return {
        Bottleneck::kWriting, "disk write",
        fmt::format("disk-bound: wrote {}",
                    Rate(telemetry.compute.bytes_stored, telemetry.seconds))};
  }
  return {
      Bottleneck::kNone, "",
      fmt::format("no bottleneck: {} {} busy for {:.0f} % of the time",
                  telemetry.num_threads,
                  telemetry.num_threads == 1 ? "thread was" : "threads were",
                  100 * telemetry.BusyShare())};
}

}  // namespace melmill
