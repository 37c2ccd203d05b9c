#ifndef MELMILL_STORE_SPLIT_NAME_H_
#define MELMILL_STORE_SPLIT_NAME_H_

#include <string>
#include <string_view>

namespace melmill {

// Whether a split may have this name: UTF-8, 1 to 64 characters, none of them a
// control character.
bool IsSplitName(std::string_view name);

// The split's name as names of files begin with it. Every character but the
// letters A to Z, digits, '-' and '_' becomes '_', so two splits may have the
// same.
std::string SplitFileStem(std::string_view name);

}  // namespace melmill

#endif  // MELMILL_STORE_SPLIT_NAME_H_
