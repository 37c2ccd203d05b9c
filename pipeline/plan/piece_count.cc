#include "pipeline/plan/piece_count.h"

#include <algorithm>

namespace melmill {

uint64_t PieceCount::CountFiles() {
  std::sort(files_.begin(), files_.end());
  const auto end = std::unique(files_.begin(), files_.end());
  return static_cast<uint64_t>(end - files_.begin());
}

}  // namespace melmill
