#ifndef MELMILL_PIPELINE_SETUP_CPU_COUNT_H_
#define MELMILL_PIPELINE_SETUP_CPU_COUNT_H_

namespace melmill {

// The number of threads that this process can keep busy: the CPUs of its
// affinity mask, or fewer if a cgroup (v1 or v2) gives it a smaller quota,
// which oneTBB ignores. At least 1.
int AvailableCpus();

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_CPU_COUNT_H_
