#include "pipeline/row/row_marks.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cassert>

namespace melmill {
namespace {

constexpr size_t kMaxThreads = 1024;

// A stack overflow must be handled on another stack. It is larger than the
// vector registers that are saved on it.
constexpr size_t kSignalStackBytes = size_t{64} << 10;

enum SlotState : int { kIdle, kWorking, kWaiting };

// The state of one thread. The thread writes it; its signal handler and the
// watch read it. A mix of old and new values means to the watch that there is
// no hang.
struct alignas(64) Slot {
  std::atomic<bool> is_taken{false};
  std::atomic<int> state{kIdle};
  std::atomic<uint64_t> beats{0};
  std::array<std::atomic<uint64_t>, 2> source_hash{};
  void* signal_stack = nullptr;  // kept for the slot's next thread

  Hash128 row() const {
    const std::array<uint64_t, 2> words = {source_hash[0], source_hash[1]};
    return std::bit_cast<Hash128>(words);
  }
};

std::array<Slot, kMaxThreads> slots;
constinit thread_local Slot* own_slot = nullptr;

void UseSignalStack(Slot& slot) {
  stack_t stack;
  if (sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) {
    return;  // a sanitizer has set one
  }
  if (slot.signal_stack == nullptr) {
    void* memory = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    slot.signal_stack = memory;
  }
  stack = {};
  stack.ss_sp = slot.signal_stack;
  stack.ss_size = kSignalStackBytes;
  sigaltstack(&stack, nullptr);
}

void LeaveSlot(void* pointer) {
  Slot& slot = *static_cast<Slot*>(pointer);
  own_slot = nullptr;
  stack_t stack;
  if (sigaltstack(nullptr, &stack) == 0 && slot.signal_stack != nullptr &&
      stack.ss_sp == slot.signal_stack) {
    stack = {};
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, nullptr);
  }
  slot.is_taken = false;
}

// Calls LeaveSlot at the end of each thread that has a slot. The destructor of
// a thread_local object would do so too, but glibc ends the process if it has
// no memory to register such a destructor.
std::optional<pthread_key_t> ThreadEnd() {
  static const std::optional<pthread_key_t> key = []() {
    pthread_key_t created;
    return pthread_key_create(&created, LeaveSlot) == 0 ? std::optional(created)
                                                        : std::nullopt;
  }();
  return key;
}

// Gives the calling thread a slot and a signal stack until it ends. A thread
// without a slot is not watched.
void TakeSlot() {
  const std::optional<pthread_key_t> thread_end = ThreadEnd();
  if (!thread_end) return;
  for (Slot& slot : slots) {
    if (slot.is_taken.exchange(true)) continue;
    if (pthread_setspecific(*thread_end, &slot) != 0) {
      slot.is_taken = false;
      return;
    }
    own_slot = &slot;
    UseSignalStack(slot);
    return;
  }
}

}  // namespace

RowInWork::RowInWork(const Hash128& source_hash) {
  if (own_slot == nullptr) TakeSlot();
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

std::optional<Hash128> MarkedRow() {
  if (own_slot == nullptr || own_slot->state == kIdle) return std::nullopt;
  return own_slot->row();
}

StillRows::StillRows() : seen_(std::make_unique<Seen[]>(kMaxThreads)) {}
StillRows::~StillRows() = default;

std::optional<Hash128> StillRows::Look(int max_looks) {
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    Seen& seen = seen_[i];
    const uint64_t beats = slot.beats;
    if (slot.state != kWorking || beats != seen.beats) {
      seen = {beats, 0};
    } else if (++seen.num_looks >= max_looks) {
      return slot.row();
    }
  }
  return std::nullopt;
}

}  // namespace melmill
