#include "io/file/file_facts.h"

#include <sys/vfs.h>

#include <algorithm>
#include <cassert>
#include <iterator>

namespace melmill {
namespace {

// The clocks of file systems tick every 10 ms or more often, FAT's every 2 s.
constexpr time_t kSettledSeconds = 2;

uint64_t Nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<uint64_t>(time.tv_nsec);
}

// A time in the future is not settled either.
bool IsSettled(const timespec& time, const timespec& now) {
  const time_t latest = now.tv_sec - kSettledSeconds;
  return time.tv_sec < latest ||
         (time.tv_sec == latest && time.tv_nsec <= now.tv_nsec);
}

}  // namespace

bool TellsOnlyModified(uint64_t file_system_type) {
  constexpr uint64_t kTypes[] = {
      0x6969,      // NFS
      0x517B,      // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB 2
      0x65735546,  // FUSE
      0x01021997,  // 9p
      0x0BD00BD0,  // Lustre
      0x00C36400,  // Ceph
      0x5346414F,  // AFS
      0x6B414653,  // AFS, the kernel's own
      0x73757245,  // Coda
      0x564C,      // NCP
      0x47504653,  // GPFS
      0x19830326,  // BeeGFS
      0xAAD7AAEA,  // PanFS
      0x786F4256,  // VirtualBox's shared folders
      0xBACBACBC,  // VMware's
      0x4D44,      // FAT
      0x2011BAB0,  // exFAT
  };
  return std::find(std::begin(kTypes), std::end(kTypes), file_system_type) !=
         std::end(kTypes);
}

namespace {

// A corpus lies on one file system or a few, and asking a server takes time. So
// each thread remembers the last answer.
bool IsOnSuchMount(int fd, dev_t device) {
  struct Answer {
    bool is_known = false;
    dev_t device = 0;
    bool only_modified = false;
  };
  thread_local Answer last;
  if (last.is_known && last.device == device) return last.only_modified;
  struct statfs status = {};
  if (fstatfs(fd, &status) != 0) return false;
  last = {true, device,
          TellsOnlyModified(static_cast<uint32_t>(status.f_type))};
  return last.only_modified;
}

}  // namespace

FileFacts MakeFileFacts(const struct stat& status, const timespec& now,
                        bool only_modified) {
  FileFacts facts;
  facts.changed_ns = Nanoseconds(status.st_ctim);
  facts.modified_ns = Nanoseconds(status.st_mtim);
  facts.inode = status.st_ino;
  facts.flags = only_modified ? FileFacts::kOnlyModified : 0;
  if (!IsSettled(only_modified ? status.st_mtim : status.st_ctim, now)) {
    facts.flags |= FileFacts::kUnsettled;
  }
  return facts;
}

FileFacts TakeFileFacts(int fd, const struct stat& status) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return MakeFileFacts(status, now, IsOnSuchMount(fd, status.st_dev));
}

bool IsSameState(const FileFacts& before, const FileFacts& now) {
  if (!before.is_known() || !now.is_known()) return false;
  const uint64_t kind = before.flags & FileFacts::kOnlyModified;
  return before.modified_ns == now.modified_ns &&
         kind == (now.flags & FileFacts::kOnlyModified) &&
         (kind != 0 ||
          (before.changed_ns == now.changed_ns && before.inode == now.inode));
}

bool LooksTouched(const FileFacts& before, const FileFacts& now) {
  assert(before.is_known() && now.is_known());
  return (before.flags & FileFacts::kUnsettled) != 0 ||
         !IsSameState(before, now);
}

}  // namespace melmill
