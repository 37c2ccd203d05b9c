#include "tools/melmill/flags/machine_flags.h"

#include <algorithm>

#include "pipeline/folder/file_system.h"
#include "tools/melmill/flags/flag_values.h"

namespace melmill {
namespace {

constexpr int kPlanThreadsOnNetwork = 64;

}  // namespace

void AddMachineFlags(CLI::App* command, MachineFlags* flags) {
  command->add_option("-j,--threads", flags->num_threads,
                      "Number of computing threads (default, and 0: one for "
                      "each CPU that this process may use)");
  command->add_option("--io-threads", flags->num_io_threads,
                      "Number of threads that wait for the disk (default: 16; "
                      "64 to read headers on a network file system)");
  command
      ->add_option("--memory", flags->memory,
                   "Approximate memory limit, such as 512MB or 2GiB; rows "
                   "wait until memory is free")
      ->capture_default_str();
  command
      ->add_option("--simd", flags->simd,
                   "Vector code to use: avx512, avx2 or neon (these give the "
                   "same bytes), sse4, auto (the best that this machine has), "
                   "or none (double precision, resampling by libsoxr)")
      ->capture_default_str();
}

Resources MakeResources(const MachineFlags& flags,
                        const std::vector<std::string>& input) {
  Resources resources;
  resources.num_threads = flags.num_threads;
  if (flags.num_io_threads) {
    resources.num_io_threads = *flags.num_io_threads;
    resources.num_plan_threads = *flags.num_io_threads;
  } else if (std::any_of(input.begin(), input.end(), IsOnNetwork)) {
    resources.num_plan_threads = kPlanThreadsOnNetwork;
  }
  resources.memory_bytes = ParseByteSize(flags.memory);
  resources.hang_seconds = flags.hang_seconds;
  resources.grace_seconds = flags.grace_seconds;
  return resources;
}

void AddAudioRootFlag(CLI::App* command, std::string* audio_root,
                      const std::string& description) {
  command->add_option("--audio-root", *audio_root, description);
}

void AddPatienceFlags(CLI::App* command, MachineFlags* flags) {
  command
      ->add_option("--hang-after", flags->hang_seconds,
                   "End the run when a row makes no progress for this many "
                   "seconds (1 to 31536000, a year); the next run tries that "
                   "row alone")
      ->capture_default_str();
  command
      ->add_option(
          "--grace", flags->grace_seconds,
          "After SIGINT or SIGTERM, complete those shards in work that "
          "take at most this many seconds (0 to 86400, a day)")
      ->capture_default_str();
}

}  // namespace melmill
