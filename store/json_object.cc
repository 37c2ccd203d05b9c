#include "store/json_object.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "io/manifest/utf8.h"

namespace melmill {
namespace {

using Json = nlohmann::ordered_json;

// Refuses text whose values would be costly to build, before any is built.
class ShapeCheck final : public Json::json_sax_t {
 public:
  const std::string& error() const { return error_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return Open(); }
  bool start_array(std::size_t) override { return Open(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& key) override {
    std::set<std::string>& keys = keys_[depth_ - 1];
    if (!keys.insert(key).second) {
      std::string error = "\"";
      error += Quotable(key);
      error += "\" appears twice in an object";
      return Fail(std::move(error));
    }
    if (keys.size() <= kMaxJsonKeysPerObject) return true;
    return Fail("an object is too large");
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Fail("not valid JSON at byte " + std::to_string(position));
  }

 private:
  bool Open() {
    if (depth_ == kMaxJsonDepth) return Fail("nested too deeply");
    keys_[depth_++].clear();
    return true;
  }
  bool Close() {
    --depth_;
    return true;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  // The keys of the objects that are open.
  std::array<std::set<std::string>, kMaxJsonDepth> keys_;
  size_t depth_ = 0;
  std::string error_;
};

}  // namespace

Result<void> CheckJsonShape(std::string_view text) {
  // The parser takes a NUL for the end of the text.
  if (text.find('\0') != text.npos) {
    return Error{ErrorCode::kDamaged, "not valid JSON: a NUL"};
  }
  ShapeCheck shape;
  if (Json::sax_parse(text.begin(), text.end(), &shape)) return {};
  return Error{ErrorCode::kDamaged, shape.error()};
}

bool IsUsableObject(std::string_view json) {
  return CheckJsonShape(json).ok() &&
         Json::parse(json.begin(), json.end()).is_object();
}

std::vector<std::string> DescribeDifference(std::string_view old_json,
                                            std::string_view new_json) {
  // The values by key, as compact JSON; empty for a key that is absent.
  std::map<std::string, std::pair<std::string, std::string>> values;
  const Json old_object = ParseUsableObject<Json>(old_json);
  for (const auto& [key, value] : old_object.items()) {
    values[key].first = JsonText(value);
  }
  const Json new_object = ParseUsableObject<Json>(new_json);
  for (const auto& [key, value] : new_object.items()) {
    values[key].second = JsonText(value);
  }
  const auto shown = [](const std::string& value) {
    return value.empty() ? "absent" : value;
  };
  std::vector<std::string> differences;
  for (const auto& [key, pair] : values) {
    const auto& [old_value, new_value] = pair;
    if (old_value == new_value) continue;
    differences.push_back(key + ": " + shown(old_value) + " -> " +
                          shown(new_value));
  }
  return differences;
}

}  // namespace melmill
