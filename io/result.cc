#include "io/result.h"

#include <system_error>

namespace melmill {

Error MachineFault(std::string_view what, int error_number) {
  // strerror is not thread-safe.
  return Error{
      ErrorCode::kMachineFault,
      std::string(what) + ": " + std::generic_category().message(error_number),
      error_number};
}

}  // namespace melmill
