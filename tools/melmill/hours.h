#ifndef MELMILL_TOOLS_MELMILL_HOURS_H_
#define MELMILL_TOOLS_MELMILL_HOURS_H_

namespace melmill {

inline constexpr double kSecondsPerHour = 3600;

// The duration of samples or frames in hours, with num_per_second in each
// second.
template <typename Count>
constexpr double Hours(Count count, int num_per_second) {
  return static_cast<double>(count) / num_per_second / kSecondsPerHour;
}

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_HOURS_H_
