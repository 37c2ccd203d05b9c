#ifndef MELMILL_PIPELINE_SETUP_CPU_COUNT_H_
#define MELMILL_PIPELINE_SETUP_CPU_COUNT_H_

namespace melmill {

// How many threads this process may keep busy: the CPUs of its affinity mask,
// or fewer if a cgroup (v1 or v2) gives it a smaller quota, which oneTBB does
// not look at. At least 1.
int AvailableCpus();

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_CPU_COUNT_H_
