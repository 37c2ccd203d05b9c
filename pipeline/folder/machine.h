#ifndef MELMILL_PIPELINE_FOLDER_MACHINE_H_
#define MELMILL_PIPELINE_FOLDER_MACHINE_H_

#include <string>

namespace melmill {

// A machine that works on a store.
struct Machine {
  std::string host;
  std::string boot_id;  // Linux's, new at each start; empty if it is not known

  friend bool operator==(const Machine&, const Machine&) = default;
};

Machine ThisMachine();

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_MACHINE_H_
