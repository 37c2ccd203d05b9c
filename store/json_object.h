#ifndef MELMILL_STORE_JSON_OBJECT_H_
#define MELMILL_STORE_JSON_OBJECT_H_

#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace melmill {

// The JSON objects of a store: store.json, contracts, producers, and a plan's
// description. Thread-safe. `Json` below is a class of nlohmann/json.hpp.

inline constexpr size_t kMaxJsonDepth = 32;
// Look-up in an ordered object is linear.
inline constexpr size_t kMaxJsonKeysPerObject = 256;

// Checks that a text is JSON whose values can be built at a cost proportional
// to its length. Error: kDamaged, if the text is not JSON or exceeds these
// limits, if an object has a key twice, and if there is a NUL.
Result<void> CheckJsonShape(std::string_view text);

// Whether the text is a JSON object that CheckJsonShape accepts.
bool IsUsableObject(std::string_view json);

// The value of an object for which IsUsableObject is true.
template <typename Json>
Json ParseUsableObject(std::string_view json) {
  constexpr bool kAllowExceptions = false;
  Json object = Json::parse(json, nullptr, kAllowExceptions);
  assert(object.is_object());
  return object;
}

// The text of a value, compact unless indented. Bytes that are not UTF-8 are
// replaced: paths and messages may have some.
template <typename Json>
std::string JsonText(const Json& json, int indent = -1) {
  constexpr bool kEnsureAscii = false;
  return json.dump(indent, ' ', kEnsureAscii, Json::error_handler_t::replace);
}

// "key: old -> new" for every difference between two flat JSON objects
// (contracts or producers), in key order; empty if they are equal. Both must be
// usable objects. A key that only one of them has is "absent" in the other.
std::vector<std::string> DescribeDifference(std::string_view old_json,
                                            std::string_view new_json);

}  // namespace melmill

#endif  // MELMILL_STORE_JSON_OBJECT_H_
