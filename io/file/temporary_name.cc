#include "io/file/temporary_name.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace melmill {
namespace {

constexpr std::string_view kSuffix = ".tmp";
constexpr size_t kTagDigits = 16;

std::string DrawTag() {
  uint64_t value = 0;
  // A request for so few bytes is never interrupted or answered in part.
  if (::getrandom(&value, sizeof(value), 0) != sizeof(value)) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return fmt::format("{:016x}", value);
}

}  // namespace

const std::string& ProcessTag() {
  static const std::string tag = DrawTag();
  return tag;
}

std::string TemporaryName(const std::string& path) {
  return fmt::format("{}.{}{}", path, ProcessTag(), kSuffix);
}

std::string_view FinalNameOf(std::string_view temporary_name) {
  std::string_view name = temporary_name;
  if (!name.ends_with(kSuffix)) return {};
  name.remove_suffix(kSuffix.size());
  if (name.size() < kTagDigits + 2) return {};
  const std::string_view tag = name.substr(name.size() - kTagDigits);
  name.remove_suffix(kTagDigits);
  if (!name.ends_with('.') ||
      tag.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return {};
  }
  name.remove_suffix(1);
  return name;
}

}  // namespace melmill
