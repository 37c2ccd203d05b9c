#include "pipeline/folder/other_maker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <set>

#include "pipeline/folder/doubts_file.h"

namespace melmill {
namespace {

// "b", "b or c", "one of b, c, d and 4 more".
std::string FormatHosts(const std::vector<std::string>& hosts) {
  constexpr size_t kMaxNamed = 3;
  if (hosts.size() <= 2) return fmt::format("{}", fmt::join(hosts, " or "));
  const std::vector<std::string> named(
      hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(
                                         std::min(kMaxNamed, hosts.size())));
  std::string text = fmt::format("one of {}", fmt::join(named, ", "));
  if (hosts.size() > kMaxNamed) {
    text += fmt::format(" and {} more", hosts.size() - kMaxNamed);
  }
  return text;
}

std::vector<std::string> OtherHosts(const std::string& folder,
                                    const Machine& here) {
  std::set<std::string> hosts;
  const Result<std::vector<Machine>> workers = ReadWorkers(folder);
  if (!workers.ok()) return {};
  for (const Machine& worker : workers.value()) {
    if (worker.host != here.host) hosts.insert(worker.host);
  }
  return {hosts.begin(), hosts.end()};
}

}  // namespace

Error NameMakers(const Error& error, const std::string& folder,
                 const Machine& here) {
  if (error.detail != EEXIST) return error;
  const std::vector<std::string> others = OtherHosts(folder, here);
  Error named = error;
  named.message +=
      others.empty()
          ? fmt::format(
                "; this machine ({}) is the only one known to work "
                "here: make sure that no other run uses this folder",
                here.host)
          : fmt::format(
                "; this machine is {}, the other {}: one of them "
                "has a faulty processor, memory or disk. Move the file "
                "away, make it again on a third machine and compare "
                "the two",
                here.host, FormatHosts(others));
  return named;
}

}  // namespace melmill
