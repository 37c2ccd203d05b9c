#ifndef MELMILL_TOOLS_MELMILL_REPORT_INFO_REPORT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_INFO_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/view/store_progress.h"
#include "pipeline/view/store_summary.h"
#include "store/plan/plan.h"
#include "store/store_index.h"

namespace melmill {

// What `melmill info` says about a store. `folder` is as the user gave it.

struct CompleteStore {
  const std::string& folder;
  const StoreIndex& index;
  const StoreSummary& summary;
};

struct UnfinishedStore {
  const std::string& folder;
  const Plan& plan;
  const StoreProgress& progress;
  uint64_t num_without_features;  // see CountWithoutFeatures
  std::optional<Origin> origin;
};

// Lines for people, with the settings as they are stored if `with_settings`.
std::string FormatInfo(const CompleteStore& store, bool with_settings);
std::string FormatInfo(const UnfinishedStore& store, bool with_settings);

// One JSON object on one line.
std::string FormatInfoJson(const CompleteStore& store);
std::string FormatInfoJson(const UnfinishedStore& store);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_INFO_REPORT_H_
