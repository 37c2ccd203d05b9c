#include "pipeline/setup/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace melmill {
namespace {

int AffinityCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

// The quota in CPUs, or 0 for no limit.
double QuotaOfVersion2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period_us = 0;
  if (!(file >> quota >> period_us) || quota == "max" || period_us <= 0) {
    return 0;
  }
  return std::atof(quota.c_str()) / period_us;
}

double QuotaOfVersion1() {
  std::ifstream quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota_us = 0;
  double period_us = 0;
  if (!(quota >> quota_us) || !(period >> period_us)) return 0;
  return quota_us > 0 && period_us > 0 ? quota_us / period_us : 0;
}

// The strictest limit from our own cgroup up to the root.
double CgroupQuota() {
  double strictest = QuotaOfVersion1();
  const auto consider = [&strictest](double quota) {
    if (quota > 0 && (strictest == 0 || quota < strictest)) strictest = quota;
  };
  std::ifstream own("/proc/self/cgroup");
  std::string line;
  while (std::getline(own, line)) {
    if (!line.starts_with("0::")) continue;
    std::string path = line.substr(3);
    while (!path.empty()) {
      consider(QuotaOfVersion2("/sys/fs/cgroup" + path));
      path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  consider(QuotaOfVersion2("/sys/fs/cgroup"));
  return strictest;
}

}  // namespace

int AvailableCpus() {
  const int cpus = AffinityCpus();
  const double quota = CgroupQuota();
  if (quota <= 0) return cpus;
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, cpus);
}

}  // namespace melmill
