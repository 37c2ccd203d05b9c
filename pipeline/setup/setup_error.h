#ifndef MELMILL_PIPELINE_SETUP_SETUP_ERROR_H_
#define MELMILL_PIPELINE_SETUP_SETUP_ERROR_H_

#include <stdexcept>

namespace melmill {

// The run cannot start: wrong usage, configuration or manifest, or a folder
// that does not fit. It is thrown before any audio is decoded and anything is
// written. The message is one or more whole lines for people.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_SETUP_ERROR_H_
