#include "pipeline/setup/byte_size.h"

#include <fmt/format.h>

namespace melmill {

std::string FormatBytes(uint64_t num_bytes) {
  const auto value = static_cast<double>(num_bytes);
  if (value >= 1e12) return fmt::format("{:.2f} TB", value / 1e12);
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.1f} kB", value / 1e3);
}

}  // namespace melmill
