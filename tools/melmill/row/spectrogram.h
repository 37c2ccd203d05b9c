#ifndef MELMILL_TOOLS_MELMILL_ROW_SPECTROGRAM_H_
#define MELMILL_TOOLS_MELMILL_ROW_SPECTROGRAM_H_

#include <cstddef>
#include <string>

#include "pipeline/view/stored_row.h"

namespace melmill {

// A spectrogram of text: time from left to right, mel bands from bottom to top,
// each character the mean of the values that it stands for, in five shades from
// the smallest mean (a space) to the largest (a full block). With both axes
// labelled; every line has at most `width` columns. Has fewer columns for a row
// of few frames. `seconds` is the row's duration.
std::string DrawSpectrogram(const RowFeatures& features, double seconds,
                            size_t width);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_ROW_SPECTROGRAM_H_
