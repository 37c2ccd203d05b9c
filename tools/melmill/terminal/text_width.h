#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_TEXT_WIDTH_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_TEXT_WIDTH_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace melmill {

// Text in columns of a terminal. Texts must be Printable. A wide character
// (Chinese, emoji) takes two columns, a combining one none, as the C library
// says.

size_t DisplayWidth(std::string_view text);

// The text, or its start or end with "…" in place of the rest. At most `width`
// columns.
std::string CutEnd(std::string_view text, size_t width);
std::string CutStart(std::string_view text, size_t width);

// The text and spaces, `width` columns in all; as it is if it is wider.
std::string PadTo(std::string text, size_t width);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_TEXT_WIDTH_H_
