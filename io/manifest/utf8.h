#ifndef MELMILL_IO_MANIFEST_UTF8_H_
#define MELMILL_IO_MANIFEST_UTF8_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace melmill {

// The number of bytes in the UTF-8 sequence at the start of `text`, which must
// not be empty. Returns 0 if the sequence is incomplete or invalid (RFC 3629:
// shortest form, no surrogates, nothing above U+10FFFF).
inline size_t Utf8SequenceBytes(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t num_bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // C0 and C1 can only start overlong forms; F5 and above start nothing.
  if (lead < 0xC2 || lead > 0xF4 || text.size() < num_bytes) return 0;
  for (size_t i = 1; i < num_bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong =
      (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool beyond_unicode = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond_unicode ? 0 : num_bytes;
}

// The offset of the first byte that is not valid UTF-8, or npos.
inline size_t FindInvalidUtf8(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080u;
  size_t i = 0;
  while (i < text.size()) {
    uint64_t word = kHighBits;
    if (text.size() - i >= sizeof(word)) {
      std::memcpy(&word, text.data() + i, sizeof(word));
    }
    if ((word & kHighBits) == 0) {
      i += sizeof(word);
      continue;
    }
    const size_t num_bytes = Utf8SequenceBytes(text.substr(i));
    if (num_bytes == 0) return i;
    i += num_bytes;
  }
  return std::string_view::npos;
}

// The byte written as "\x1b".
inline std::string HexEscaped(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<uint8_t>(c);
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// The first character of `text` (not empty) in a form fit for a message, and
// its number of bytes. Control characters and bytes that are not UTF-8 become
// "\x1b". U+0080 to U+009F count as control characters: terminals obey them,
// too. The characters that change the direction of what follows, U+202A to
// U+202E and U+2066 to U+2069, become "\u202e".
struct ShownCharacter {
  std::string shown;
  size_t num_bytes;
};

// "\u202e" for a character that changes the direction of a text, otherwise "".
inline std::string DirectionEscaped(std::string_view c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const bool changes = (c >= "\xE2\x80\xAA" && c <= "\xE2\x80\xAE") ||
                       (c >= "\xE2\x81\xA6" && c <= "\xE2\x81\xA9");
  if (c.size() != 3 || !changes) return "";
  const int low = ((c[1] & 0x3F) << 6) | (c[2] & 0x3F);  // from U+2000 on
  return {'\\', 'u', '2', '0', kDigits[low >> 4 & 15], kDigits[low & 15]};
}

inline ShownCharacter FirstShownCharacter(std::string_view text) {
  const size_t num_bytes = Utf8SequenceBytes(text);
  const std::string_view c = text.substr(0, std::max<size_t>(num_bytes, 1));
  const bool control =
      (num_bytes == 1 && (static_cast<uint8_t>(c[0]) < 0x20 || c == "\x7F")) ||
      (num_bytes == 2 && c >= "\xC2\x80" && c <= "\xC2\x9F");
  if (control || num_bytes == 0) return {HexEscaped(c.back()), c.size()};
  const std::string escaped = DirectionEscaped(c);
  return {escaped.empty() ? std::string(c) : escaped, c.size()};
}

// `text` in a form fit for a message: valid UTF-8 on one line, without control
// characters. Applying it twice changes nothing more.
inline std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const ShownCharacter next = FirstShownCharacter(text);
    printable += next.shown;
    text.remove_prefix(next.num_bytes);
  }
  return printable;
}

// Like Printable, but at most 120 bytes and, if `text` is longer, three dots.
inline std::string Quotable(std::string_view text) {
  constexpr size_t kMaxBytes = 120;
  std::string quotable;
  while (!text.empty()) {
    const ShownCharacter next = FirstShownCharacter(text);
    if (quotable.size() + next.shown.size() > kMaxBytes) {
      return quotable + "...";
    }
    quotable += next.shown;
    text.remove_prefix(next.num_bytes);
  }
  return quotable;
}

// The letters A to Z in lower case; everything else as it is.
inline std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The text as it stands between single quotes in a shell's command line.
inline std::string BetweenSingleQuotes(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted;
}

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_UTF8_H_
