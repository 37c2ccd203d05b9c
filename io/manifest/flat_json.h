#ifndef MELMILL_IO_MANIFEST_FLAT_JSON_H_
#define MELMILL_IO_MANIFEST_FLAT_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace melmill {

// A fast reader for the JSON of nearly every manifest line: one object of
// strings, numbers and literals, with nothing nested. It leaves everything
// else, wrong or just rare, to a complete parser, which also has the error
// messages.
class FlatJsonScanner {
 public:
  // `json` must be valid UTF-8.
  explicit FlatJsonScanner(std::string_view json) : rest_(json) {}

  // Calls the handler's start_object, key, string, number_unsigned,
  // number_integer, number_float, boolean, null and end_object in the order of
  // the text, with the arguments of nlohmann's SAX interface. Returns true if
  // all of the text was read and every call returned true. False means that
  // this text is not for this scanner; the handler may have been called for
  // part of it.
  template <typename Handler>
  bool Scan(Handler* handler);

 private:
  struct Number {
    enum class Kind { kUnsigned, kInteger, kFloat };
    Kind kind = Kind::kUnsigned;
    int64_t integer = 0;
    double real = 0;
    std::string_view text;
  };

  template <typename Handler>
  bool ScanValue(Handler* handler);

  // Each of these takes its token from the front of rest_, or returns false.
  bool Take(char c);
  bool TakeWord(std::string_view word);
  bool TakeString(std::string* text);
  bool TakeEscape(std::string* text);
  bool TakeHex(uint32_t* value);
  bool TakeNumber(Number* number);
  size_t TakeDigits();
  void SkipSpace();

  std::string_view rest_;
};

template <typename Handler>
bool FlatJsonScanner::ScanValue(Handler* handler) {
  if (rest_.empty()) return false;
  switch (rest_[0]) {
    case '"': {
      std::string text;
      return TakeString(&text) && handler->string(text);
    }
    case 't':
      return TakeWord("true") && handler->boolean(true);
    case 'f':
      return TakeWord("false") && handler->boolean(false);
    case 'n':
      return TakeWord("null") && handler->null();
    default:
      break;
  }
  Number number;
  if (!TakeNumber(&number)) return false;
  switch (number.kind) {
    case Number::Kind::kUnsigned:
      return handler->number_unsigned(static_cast<uint64_t>(number.integer));
    case Number::Kind::kInteger:
      return handler->number_integer(number.integer);
    case Number::Kind::kFloat:
      return handler->number_float(number.real, std::string(number.text));
  }
  return false;
}

template <typename Handler>
bool FlatJsonScanner::Scan(Handler* handler) {
  SkipSpace();
  if (!Take('{') || !handler->start_object(static_cast<size_t>(-1))) {
    return false;
  }
  SkipSpace();
  std::string key;
  while (true) {
    if (!TakeString(&key) || !handler->key(key)) return false;
    SkipSpace();
    if (!Take(':')) return false;
    SkipSpace();
    if (!ScanValue(handler)) return false;
    SkipSpace();
    if (!Take(',')) break;
    SkipSpace();
  }
  if (!Take('}') || !handler->end_object()) return false;
  SkipSpace();
  return rest_.empty();
}

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_FLAT_JSON_H_
