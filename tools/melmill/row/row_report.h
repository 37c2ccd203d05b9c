#ifndef MELMILL_TOOLS_MELMILL_ROW_ROW_REPORT_H_
#define MELMILL_TOOLS_MELMILL_ROW_ROW_REPORT_H_

#include <cstddef>
#include <string>

#include "pipeline/view/stored_row.h"
#include "store/store_index.h"

namespace melmill {

// Rows of a store for `melmill show`. Every line ends with a line feed.

// A table of rows of one split. Texts and paths are cut so that a line has at
// most `width` columns, or what the other columns need.
class RowTable {
 public:
  // `last_row` is the largest number of a row that will be shown. `has_pieces`
  // adds a column with the place of each piece in its file.
  RowTable(uint64_t last_row, size_t width, bool has_pieces);

  std::string Header() const;
  std::string Line(const StoredRow& row) const;

 private:
  std::string Format(const std::string& row, const std::string& seconds,
                     const std::string& from, const std::string& language,
                     const std::string& text, const std::string& audio) const;

  size_t row_width_;
  size_t from_width_;  // 0: no column
  size_t language_width_;
  size_t text_width_;
  size_t audio_width_;
};

// Everything about one row, with its spectrogram.
std::string FormatRow(const StoredRow& row, const RowFeatures& features,
                      const StoreIndex& index, size_t width);

// One JSON object on one line.
std::string FormatRowJson(const StoredRow& row, const StoreIndex& index);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_ROW_ROW_REPORT_H_
