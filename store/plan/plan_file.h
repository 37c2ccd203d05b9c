#ifndef MELMILL_STORE_PLAN_PLAN_FILE_H_
#define MELMILL_STORE_PLAN_PLAN_FILE_H_

#include <optional>
#include <string>

#include "io/file/name_change.h"
#include "io/result.h"
#include "store/plan/plan.h"

namespace melmill {

// Writes plan.h5 durably. DurableFile::Commit explains `replaced`. Error:
// kMachineFault.
Result<void> WritePlanFile(const Plan& plan, const std::string& path,
                           const std::optional<FileIdentity>& replaced = {});

// Reads plan.h5. Checks only that contract and producer are JSON objects and
// that the shards' splits and rows exist. Errors: kNotFound, kMachineFault,
// kDamaged.
Result<Plan> ReadPlanFile(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_STORE_PLAN_PLAN_FILE_H_
