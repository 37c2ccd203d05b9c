#ifndef MELMILL_TESTS_SUPPORT_HIGHWAY_TARGETS_H_
#define MELMILL_TESTS_SUPPORT_HIGHWAY_TARGETS_H_

#include <gtest/gtest.h>

#include <cstdint>

#include "dsp/simd/highway_targets.h"
#include "hwy/targets.h"

namespace melmill {

// Calls `check` with each instruction set in turn that is compiled and that
// this processor supports, including the plain one. A test that uses it must be
// linked with hwy::hwy.
template <typename Check>
void ForEachHighwayTarget(const Check& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    check();
    hwy::SetSupportedTargetsForTest(0);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_HIGHWAY_TARGETS_H_
