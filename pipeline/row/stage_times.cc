#include "pipeline/row/stage_times.h"

namespace melmill {

std::string_view StageName(Stage stage) {
  constexpr std::string_view kNames[kNumStages] = {"read", "decode", "resample",
                                                   "log-mel", "store"};
  return kNames[static_cast<size_t>(stage)];
}

}  // namespace melmill
