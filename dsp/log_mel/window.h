#ifndef MELMILL_DSP_LOG_MEL_WINDOW_H_
#define MELMILL_DSP_LOG_MEL_WINDOW_H_

#include <string_view>
#include <vector>

namespace melmill {

enum class WindowType { kHann, kHamming, kBlackman, kRectangular };

// The periodic ("fftbins") form of the window, `size` values in [0, 1], as
// scipy.signal.get_window(name, size, fftbins=True) gives it. `size` must be
// positive; otherwise throws std::invalid_argument.
std::vector<double> MakeWindow(WindowType type, int size);

// The name in lower case, as in a store's contract: "hann".
std::string_view WindowName(WindowType type);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_WINDOW_H_
