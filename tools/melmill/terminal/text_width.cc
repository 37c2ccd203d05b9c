#include "tools/melmill/terminal/text_width.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>

#include "io/manifest/utf8.h"

namespace melmill {
namespace {

constexpr std::string_view kEllipsis = "…";

// The first character of text that is not empty, which is taken off its start.
std::string_view TakeCharacter(std::string_view* text) {
  const size_t num_bytes = std::max<size_t>(Utf8SequenceBytes(*text), 1);
  const std::string_view c = text->substr(0, num_bytes);
  text->remove_prefix(num_bytes);
  return c;
}

wchar_t CodePoint(std::string_view c) {
  const auto lead = static_cast<uint8_t>(c[0]);
  if (c.size() == 1) return static_cast<wchar_t>(lead);
  uint32_t value = lead & (0x7fu >> c.size());
  for (const char byte : c.substr(1)) {
    value = value << 6 | (static_cast<uint8_t>(byte) & 0x3fu);
  }
  return static_cast<wchar_t>(value);
}

// Asks the C library with the locale that knows all of Unicode. The library has
// it built in; where it does not, every character counts as one column.
size_t CharacterWidth(std::string_view c) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (c.size() == 1 || unicode == locale_t()) return 1;
  const locale_t before = uselocale(unicode);
  const int width = wcwidth(CodePoint(c));
  uselocale(before);
  return width < 0 ? 1 : static_cast<size_t>(width);
}

// The start of the text that fits.
std::string_view FittingStart(std::string_view text, size_t width) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view next = rest;
    const size_t needed = CharacterWidth(TakeCharacter(&next));
    if (needed > width) break;
    width -= needed;
    rest = next;
  }
  return text.substr(0, text.size() - rest.size());
}

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) width += CharacterWidth(TakeCharacter(&text));
  return width;
}

std::string CutEnd(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string cut(FittingStart(text, width - 1));
  return cut.append(kEllipsis);
}

std::string CutStart(std::string_view text, size_t width) {
  size_t left = DisplayWidth(text);
  if (left <= width) return std::string(text);
  if (width == 0) return "";
  while (left > width - 1) left -= CharacterWidth(TakeCharacter(&text));
  // A combining character must not join the dots.
  while (!text.empty()) {
    std::string_view next = text;
    if (CharacterWidth(TakeCharacter(&next)) > 0) break;
    text = next;
  }
  return std::string(kEllipsis).append(text);
}

std::string PadTo(std::string text, size_t width) {
  const size_t used = DisplayWidth(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

}  // namespace melmill
