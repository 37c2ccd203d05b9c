#include "pipeline/row/row_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "io/file/durable_file.h"

namespace melmill {
namespace {

constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
constexpr size_t kMaxThreads = 1024;
constexpr size_t kHexDigits = 2 * sizeof(Hash128);

// Stack overflows need a stack to be handled on. Larger than what a vector
// unit's registers take on it.
constexpr size_t kSignalStackBytes = size_t{64} << 10;

enum SlotState : int { kIdle, kWorking, kWaiting };

// What one thread does. Written by that thread; read by its signal handler
// and by the watch, to which a mix of old and new means: no hang.
struct alignas(64) Slot {
  std::atomic<bool> is_taken{false};
  std::atomic<int> state{kIdle};
  std::atomic<uint64_t> beats{0};
  std::array<std::atomic<uint64_t>, 2> source_hash{};

  Hash128 row() const {
    const std::array<uint64_t, 2> words = {source_hash[0], source_hash[1]};
    return std::bit_cast<Hash128>(words);
  }
};

std::array<Slot, kMaxThreads> slots;
constinit thread_local Slot* own_slot = nullptr;

// Gives the thread a slot and a signal stack until it ends.
class ThreadEntry {
 public:
  ThreadEntry() {
    for (Slot& slot : slots) {
      if (!slot.is_taken.exchange(true)) {
        own_slot = &slot;
        break;
      }
    }
    stack_t previous;
    if (sigaltstack(nullptr, &previous) != 0 ||
        (previous.ss_flags & SS_DISABLE) == 0) {
      return;  // a sanitizer's
    }
    void* memory = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_.ss_sp = memory;
    stack_.ss_size = kSignalStackBytes;
    sigaltstack(&stack_, nullptr);
  }
  ~ThreadEntry() {
    if (own_slot != nullptr) own_slot->is_taken = false;
    own_slot = nullptr;
    if (stack_.ss_sp == nullptr) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(stack_.ss_sp, stack_.ss_size);
  }
  ThreadEntry(const ThreadEntry&) = delete;
  ThreadEntry& operator=(const ThreadEntry&) = delete;

 private:
  stack_t stack_ = {};
};

// Of the one RowWatch there is: what the signal handler needs.
std::array<char, 4096> suspects_file;  // terminated; empty: none
std::array<struct sigaction, std::size(kCrashSignals)> previous_actions;

// "<32 hex digits> <signal>\n", with what a signal handler may call.
void WriteSuspect(const Hash128& row, int signal_number) {
  if (suspects_file[0] == '\0') return;
  std::array<char, kHexDigits + 8> line;
  char* end = line.data();
  for (const uint8_t byte : row) {
    *end++ = "0123456789abcdef"[byte >> 4];
    *end++ = "0123456789abcdef"[byte & 15];
  }
  *end++ = ' ';
  if (signal_number >= 10) *end++ = static_cast<char>('0' + signal_number / 10);
  *end++ = static_cast<char>('0' + signal_number % 10);
  *end++ = '\n';
  const int fd =
      open(suspects_file.data(),
           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) return;
  (void)!write(fd, line.data(), static_cast<size_t>(end - line.data()));
  close(fd);
}

void HandleCrash(int signal_number) {
  if (own_slot != nullptr && own_slot->state != kIdle) {
    WriteSuspect(own_slot->row(), signal_number);
  }
  const auto* const found = std::find(std::begin(kCrashSignals),
                                      std::end(kCrashSignals), signal_number);
  const auto index = static_cast<size_t>(found - std::begin(kCrashSignals));
  sigaction(signal_number, &previous_actions[index], nullptr);
  raise(signal_number);  // comes when this returns
}

void InstallCrashHandlers() {
  struct sigaction action = {};
  action.sa_handler = HandleCrash;
  action.sa_flags = SA_ONSTACK;
  for (size_t i = 0; i < std::size(kCrashSignals); ++i) {
    sigaction(kCrashSignals[i], &action, &previous_actions[i]);
  }
}

void RemoveCrashHandlers() {
  for (size_t i = 0; i < std::size(kCrashSignals); ++i) {
    sigaction(kCrashSignals[i], &previous_actions[i], nullptr);
  }
}

// How long each slot has stood still, in calls of Look: a process that was
// stopped for an hour has not hung.
class StillSlots {
 public:
  // A row that has stood still for max_looks; none if there is no such.
  const Slot* Look(int max_looks) {
    for (size_t i = 0; i < slots.size(); ++i) {
      const Slot& slot = slots[i];
      Seen& seen = seen_[i];
      const uint64_t beats = slot.beats;
      if (slot.state != kWorking || beats != seen.beats) {
        seen = {beats, 0};
      } else if (++seen.num_looks >= max_looks) {
        return &slot;
      }
    }
    return nullptr;
  }

 private:
  struct Seen {
    uint64_t beats = 0;
    int num_looks = 0;
  };
  std::array<Seen, kMaxThreads> seen_{};
};

}  // namespace

RowInWork::RowInWork(const Hash128& source_hash) {
  static thread_local ThreadEntry entry;
  if (own_slot == nullptr) return;
  assert(own_slot->state == kIdle);
  const auto words = std::bit_cast<std::array<uint64_t, 2>>(source_hash);
  own_slot->source_hash[0].store(words[0], std::memory_order_relaxed);
  own_slot->source_hash[1].store(words[1], std::memory_order_relaxed);
  Beat();
  own_slot->state.store(kWorking, std::memory_order_release);
}

RowInWork::~RowInWork() {
  if (own_slot == nullptr) return;
  own_slot->state.store(kIdle, std::memory_order_release);
}

void RowInWork::Beat() {
  if (own_slot == nullptr) return;
  const uint64_t beats = own_slot->beats.load(std::memory_order_relaxed);
  own_slot->beats.store(beats + 1, std::memory_order_relaxed);
}

DeviceWait::DeviceWait() {
  if (own_slot == nullptr || own_slot->state != kWorking) return;
  own_slot->state.store(kWaiting, std::memory_order_release);
}

DeviceWait::~DeviceWait() {
  if (own_slot == nullptr || own_slot->state != kWaiting) return;
  RowInWork::Beat();
  own_slot->state.store(kWorking, std::memory_order_release);
}

RowWatch::RowWatch(Options options) : options_(std::move(options)) {
  assert(std::isfinite(options_.hang_seconds) && options_.hang_seconds > 0);
  suspects_file.fill('\0');
  if (options_.file.size() < suspects_file.size()) {
    std::copy(options_.file.begin(), options_.file.end(),
              suspects_file.begin());
  }
  InstallCrashHandlers();
  try {
    thread_ = std::thread([this] { Watch(); });
  } catch (...) {  // no destructor runs then
    RemoveCrashHandlers();
    throw;
  }
}

RowWatch::~RowWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  thread_.join();
  RemoveCrashHandlers();
}

void RowWatch::Watch() {
  constexpr int kLooks = 20;
  const std::chrono::duration<double> interval(options_.hang_seconds / kLooks);
  const auto still = std::make_unique<StillSlots>();
  std::unique_lock lock(mutex_);
  while (
      !ending_changed_.wait_for(lock, interval, [this] { return ending_; })) {
    const Slot* hung = still->Look(kLooks);
    if (hung == nullptr) continue;
    const Hash128 row = hung->row();
    WriteSuspect(row, 0);
    options_.on_hung(row);
    return;
  }
}

Result<Suspects> ReadSuspects(const std::string& file) {
  constexpr size_t kMaxBytes = size_t{1} << 24;
  const Result<std::string> text = ReadSmallFile(file, kMaxBytes);
  Suspects suspects;
  if (!text.ok()) {
    if (text.error().code == ErrorCode::kNotFound) return suspects;
    return text.error();
  }
  std::string_view left = text.value();
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (line.size() < kHexDigits + 2) continue;
    Hash128 row = {};
    bool is_good = line[kHexDigits] == ' ';
    const auto parse = [&](std::string_view digits, int base, auto* value) {
      const char* const end = digits.data() + digits.size();
      const auto parsed = std::from_chars(digits.data(), end, *value, base);
      is_good = is_good && parsed.ec == std::errc() && parsed.ptr == end;
    };
    for (size_t i = 0; i < row.size(); ++i)
      parse(line.substr(2 * i, 2), 16, &row[i]);
    int signal_number = 0;
    parse(line.substr(kHexDigits + 1), 10, &signal_number);
    if (is_good) suspects[row] = signal_number;
  }
  return suspects;
}

}  // namespace melmill
