#ifndef MELMILL_TESTS_SUPPORT_JSON_RECORDER_H_
#define MELMILL_TESTS_SUPPORT_JSON_RECORDER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace melmill {

// Records every call of a JSON parser. Two parsers that make the same calls
// agree on the text.
class JsonRecorder final : public nlohmann::json::json_sax_t {
 public:
  const std::vector<std::string>& events() const { return events_; }

  bool null() override { return Add("null"); }
  bool boolean(bool value) override { return Add(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return Add("integer " + std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Add("unsigned " + std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    return Add("float " + std::to_string(std::bit_cast<uint64_t>(value)) + ' ' +
               text);
  }
  bool string(string_t& value) override { return Add("string " + value); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(std::size_t) override { return Add("{"); }
  bool key(string_t& key) override { return Add("key " + key); }
  bool end_object() override { return Add("}"); }
  bool start_array(std::size_t) override { return Add("["); }
  bool end_array() override { return Add("]"); }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool Add(std::string event) {
    events_.push_back(std::move(event));
    return true;
  }

  std::vector<std::string> events_;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_JSON_RECORDER_H_
