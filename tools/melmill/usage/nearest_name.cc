#include "tools/melmill/usage/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace melmill {

size_t EditDistance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between the first letters of `a` and `b`.
  std::vector<size_t> two_ago(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(two_ago, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_ago[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::string NearestName(std::string_view word,
                        const std::vector<std::string>& names) {
  // A third of the letters may be wrong, not counting the dashes of a flag. A
  // beginning counts as one mistake.
  const size_t dashes = std::min(word.find_first_not_of('-'), word.size());
  size_t least = std::max<size_t>((word.size() - dashes + 1) / 3, 1) + 1;
  std::string nearest;
  for (const std::string& name : names) {
    size_t distance = EditDistance(word, name);
    if (word.size() >= 3 && name.starts_with(word)) {
      distance = std::min<size_t>(distance, 1);
    }
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& names) {
  const std::string nearest = NearestName(word, names);
  return nearest.empty() ? "" : fmt::format("\n  did you mean {}?", nearest);
}

}  // namespace melmill
