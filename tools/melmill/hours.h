#ifndef MELMILL_TOOLS_MELMILL_HOURS_H_
#define MELMILL_TOOLS_MELMILL_HOURS_H_

namespace melmill {

inline constexpr double kSecondsPerHour = 3600;

// How long samples or frames last, of which there are so many a second.
template <typename Count>
constexpr double Hours(Count count, int num_per_second) {
  return static_cast<double>(count) / num_per_second / kSecondsPerHour;
}

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_HOURS_H_
