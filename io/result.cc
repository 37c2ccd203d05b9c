#include "io/result.h"

#include <system_error>

namespace melmill {

Error MachineFault(std::string_view what, int error_number) {
  // Not strerror, whose buffer threads share.
  return Error{
      ErrorCode::kMachineFault,
      std::string(what) + ": " + std::generic_category().message(error_number),
      error_number};
}

}  // namespace melmill
