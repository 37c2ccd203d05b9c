#ifndef MELMILL_STORE_JSON_OBJECT_H_
#define MELMILL_STORE_JSON_OBJECT_H_

#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace melmill {

// The JSON objects of a store: store.json, contracts, producers, what a plan
// says of itself. Thread-safe. `Json` below is a class of nlohmann/json.hpp.

inline constexpr size_t kMaxJsonDepth = 32;
// The look-up in an ordered object is linear.
inline constexpr size_t kMaxJsonKeysPerObject = 256;

// Whether a text is JSON whose values can be built at a cost that follows its
// length. Errors: kDamaged, for what is no JSON or beyond these limits, for a
// key that an object has twice, and for a NUL.
Result<void> CheckJsonShape(std::string_view text);

// Whether the text is a JSON object that CheckJsonShape accepts.
bool IsUsableObject(std::string_view json);

// The value of a usable object.
template <typename Json>
Json ParseUsableObject(std::string_view json) {
  constexpr bool kAllowExceptions = false;
  Json object = Json::parse(json, nullptr, kAllowExceptions);
  assert(object.is_object());
  return object;
}

// The text of a value, compact unless it is indented. Bytes that are no UTF-8
// are replaced: paths and messages may hold some.
template <typename Json>
std::string JsonText(const Json& json, int indent = -1) {
  constexpr bool kEnsureAscii = false;
  return json.dump(indent, ' ', kEnsureAscii, Json::error_handler_t::replace);
}

// "key: old -> new" for every difference of two flat JSON objects that are
// usable (contracts or producers), in key order; empty when they are equal. A
// key that only one of them has is "absent" in the other.
std::vector<std::string> DescribeDifference(std::string_view old_json,
                                            std::string_view new_json);

}  // namespace melmill

#endif  // MELMILL_STORE_JSON_OBJECT_H_
