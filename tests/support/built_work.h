#ifndef MELMILL_TESTS_SUPPORT_BUILT_WORK_H_
#define MELMILL_TESTS_SUPPORT_BUILT_WORK_H_

#include <numeric>
#include <string>
#include <vector>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// The plan of a configuration, with everything that its work refers to.
class BuiltWork {
 public:
  // `spool_folder` is that of BuildPlan. Throws if the plan cannot be built.
  BuiltWork(const RunConfig& config, const std::string& spool_folder)
      : config_(config), built_(Build(config, spool_folder)) {}
  BuiltWork(const BuiltWork&) = delete;
  BuiltWork& operator=(const BuiltWork&) = delete;

  Plan& plan() { return built_.plan; }
  const Plan& plan() const { return built_.plan; }
  const PlanReport& report() const { return built_.report; }
  const PlannedFiles& files() const { return *built_.files; }
  const FeatureSpec& features() const { return config_.features; }
  PlannedWork work() const {
    return {built_.plan, config_.features, config_.input.audio_root};
  }

  std::vector<size_t> AllShards() const {
    std::vector<size_t> shards(plan().shards.size());
    std::iota(shards.begin(), shards.end(), size_t{0});
    return shards;
  }

 private:
  static BuiltPlan Build(const RunConfig& config,
                         const std::string& spool_folder) {
    RunControl control;
    return BuildPlan(config, spool_folder, &control).value();
  }

  RunConfig config_;
  BuiltPlan built_;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_BUILT_WORK_H_
