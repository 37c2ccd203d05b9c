#include "io/manifest/flat_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace melmill {
namespace {

// The bytes that a string may hold unescaped.
constexpr std::array<bool, 256> MakePlainBytes() {
  std::array<bool, 256> plain = {};
  for (size_t i = 0x20; i < plain.size(); ++i) plain[i] = true;
  plain[static_cast<uint8_t>('"')] = false;
  plain[static_cast<uint8_t>('\\')] = false;
  return plain;
}
constexpr std::array<bool, 256> kPlainBytes = MakePlainBytes();

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t code_point, std::string* text) {
  const auto tail = [code_point](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3F));
  };
  if (code_point < 0x80) {
    *text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    *text += {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  } else if (code_point < 0x10000) {
    *text += {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  } else {
    *text += {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6),
              tail(0)};
  }
}

}  // namespace

void FlatJsonScanner::SkipSpace() {
  const auto is_space = [](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  };
  while (!rest_.empty() && is_space(rest_[0])) rest_.remove_prefix(1);
}

bool FlatJsonScanner::Take(char c) {
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

bool FlatJsonScanner::TakeWord(std::string_view word) {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool FlatJsonScanner::TakeString(std::string* text) {
  text->clear();
  if (!Take('"')) return false;
  while (true) {
    const auto end = std::find_if(rest_.begin(), rest_.end(), [](char c) {
      return !kPlainBytes[static_cast<uint8_t>(c)];
    });
    const auto num_plain = static_cast<size_t>(end - rest_.begin());
    text->append(rest_, 0, num_plain);
    rest_.remove_prefix(num_plain);
    if (Take('"')) return true;
    if (!TakeEscape(text)) return false;
  }
}

bool FlatJsonScanner::TakeEscape(std::string* text) {
  if (!Take('\\') || rest_.empty()) return false;
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char name = rest_[0];
  rest_.remove_prefix(1);
  if (const size_t i = kNames.find(name); i != kNames.npos) {
    *text += kMeanings[i];
    return true;
  }
  uint32_t code_point;
  if (name != 'u' || !TakeHex(&code_point)) return false;
  const bool is_surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (is_surrogate) {
    uint32_t low;
    if (code_point >= 0xDC00 || !TakeWord("\\u") || !TakeHex(&low) ||
        low < 0xDC00 || low >= 0xE000) {
      return false;
    }
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(code_point, text);
  return true;
}

bool FlatJsonScanner::TakeHex(uint32_t* value) {
  constexpr size_t kNumDigits = 4;
  const std::string_view digits = rest_.substr(0, kNumDigits);
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), *value, 16);
  if (digits.size() < kNumDigits || parsed.ptr != digits.end()) return false;
  rest_.remove_prefix(kNumDigits);
  return true;
}

size_t FlatJsonScanner::TakeDigits() {
  size_t num_digits = 0;
  while (num_digits < rest_.size() && IsDigit(rest_[num_digits])) ++num_digits;
  rest_.remove_prefix(num_digits);
  return num_digits;
}

bool FlatJsonScanner::TakeNumber(Number* number) {
  const std::string_view from = rest_;
  const bool is_negative = Take('-');
  const bool has_leading_zero = rest_.starts_with('0');
  const size_t num_digits = TakeDigits();
  // Longer numbers may not fit 64 bits, and exponents are rare.
  if (num_digits == 0 || num_digits > 18) return false;
  if (has_leading_zero && num_digits > 1) return false;
  number->kind = is_negative ? Number::Kind::kInteger : Number::Kind::kUnsigned;
  if (Take('.')) {
    number->kind = Number::Kind::kFloat;
    if (TakeDigits() == 0) return false;
  }
  if (rest_.starts_with('e') || rest_.starts_with('E')) return false;
  number->text = from.substr(0, from.size() - rest_.size());
  const char* begin = number->text.data();
  const char* end = begin + number->text.size();
  const std::errc error = number->kind == Number::Kind::kFloat
                              ? std::from_chars(begin, end, number->real).ec
                              : std::from_chars(begin, end, number->integer).ec;
  return error == std::errc();
}

}  // namespace melmill
