#include "pipeline/folder/file_system.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace melmill {
namespace {

// statfs(2) and the sources of these file systems name their numbers.
constexpr std::array<uint32_t, 13> kNetworkTypes = {
    0x00006969,  // NFS
    0x0000517B,  // SMB
    0xFE534D42,  // SMB 2
    0xFF534D42,  // CIFS
    0x01021997,  // 9P
    0x5346414F,  // AFS
    0x00C36400,  // Ceph
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
    0x19830326,  // BeeGFS
    0x20030528,  // OrangeFS
    0xAAD7AAEA,  // PanFS
    0x65735546,  // FUSE, virtiofs among them
};

}  // namespace

bool IsOnNetwork(const std::string& path) {
  struct statfs status;
  if (statfs(path.c_str(), &status) != 0) return false;
  return std::find(kNetworkTypes.begin(), kNetworkTypes.end(),
                   static_cast<uint32_t>(status.f_type)) != kNetworkTypes.end();
}

}  // namespace melmill
