#ifndef MELMILL_PIPELINE_EXTRACT_CATCH_ALL_H_
#define MELMILL_PIPELINE_EXTRACT_CATCH_ALL_H_

#include <exception>
#include <new>

#include "io/result.h"

namespace melmill {

// Calls body(). Any exception it throws becomes a machine fault.
template <typename Body>
auto CatchAll(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kMachineFault, "out of memory"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kMachineFault, error.what()};
  } catch (...) {
    return Error{ErrorCode::kMachineFault, "unknown exception"};
  }
}

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_CATCH_ALL_H_
