// Runs a fuzzer without libFuzzer on the inputs that are kept: its corpus and
// its regressions.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_input.h"
#include "tests/support/temp_folder.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> KeptInputs(const char* kind) {
  const fs::path folder =
      fs::path(MELMILL_FUZZ_FOLDER) / kind / MELMILL_FUZZER_NAME;
  std::vector<fs::path> paths;
  if (!fs::exists(folder)) return paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void Replay(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    // The last path printed is the one that ends the process.
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    const std::string bytes = melmill::ReadWholeFile(path);
    // The copy has just the input's size, so that reading past its end is
    // noticed.
    const std::vector<uint8_t> input(bytes.begin(), bytes.end());
    EXPECT_EQ(LLVMFuzzerTestOneInput(input.data(), input.size()), 0);
  }
}

TEST(FuzzReplayTest, CorpusStaysRight) {
  const auto paths = KeptInputs("corpus");
  EXPECT_GE(paths.size(), 10u);
  Replay(paths);
}

TEST(FuzzReplayTest, FormerFindingsStayRight) {
  Replay(KeptInputs("regressions"));
}

}  // namespace
