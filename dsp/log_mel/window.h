#ifndef MELMILL_DSP_LOG_MEL_WINDOW_H_
#define MELMILL_DSP_LOG_MEL_WINDOW_H_

#include <string_view>
#include <vector>

namespace melmill {

enum class WindowType { kHann, kHamming, kBlackman, kRectangular };

// The periodic ("fftbins") form of the window, `size` values in [0, 1]:
// scipy.signal.get_window(name, size, fftbins=True). `size` must be positive.
std::vector<double> MakeWindow(WindowType type, int size);

// The lower-case name, as a store's contract carries it: "hann".
std::string_view WindowName(WindowType type);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_WINDOW_H_
