#include "pipeline/run/job.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "io/file/durable_file.h"
#include "io/file/name_change.h"
#include "io/hash.h"
#include "io/manifest/utf8.h"
#include "pipeline/folder/job_file.h"
#include "pipeline/run/canary.h"
#include "pipeline/setup/setup_error.h"
#include "store/store_folder.h"

namespace melmill {

void CheckManifestsStay(const RunConfig& config) {
  for (const SplitInput& split : config.input.splits) {
    std::error_code ignored;
    const bool is_file =
        std::filesystem::is_regular_file(split.manifest, ignored);
    const std::string path = AbsolutePath(split.manifest);
    const bool has_name =
        !path.starts_with("/proc/") && !path.starts_with("/dev/fd/");
    if (split.shown.empty() && FindInvalidUtf8(path) == path.npos && has_name &&
        (is_file || !std::filesystem::exists(split.manifest, ignored))) {
      continue;  // a missing manifest is refused later
    }
    throw SetupError(
        fmt::format("{}: melmill finish will read this manifest again: give a "
                    "file with a name in UTF-8",
                    Printable(split.Shown())));
  }
}

Result<void> WriteJobFile(const RunConfig& config, const Plan& plan,
                          const PlanReport& report, const FoundStore& found) {
  Job job = {.plan = ToHex(plan.fingerprint),
             .machine = ThisMachine(),
             .origin = MakeOrigin(config),
             .max_rejects = config.max_rejects,
             .canary = ComputeCanary(config.features),
             .report = report};
  for (SplitReport& split : job.report.splits) {
    split.manifest = AbsolutePath(split.manifest);
  }
  const Result<Job> old = ReadJob(config.store.folder);
  if (old.ok() && old.value().plan == job.plan &&
      old.value().canary != job.canary) {
    throw SetupError(fmt::format(
        "this machine ({}) computes other features than {}, which wrote this "
        "plan before; plan there, or into another --out",
        job.machine.host, old.value().machine.host));
  }
  const std::string path = config.store.folder + '/' + kJobFile;
  if (const auto identity = FindFile(found.files, kJobFile)) {
    const Result<bool> removed = RemoveIfSame(path, *identity);
    if (!removed.ok()) return removed.error();
  }
  return WriteFileDurably(path, FormatJob(job));
}

}  // namespace melmill
