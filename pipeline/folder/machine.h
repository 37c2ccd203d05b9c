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

// Adds a machine to a JSON object. `Json` is a class of nlohmann/json.hpp.
template <typename Json>
void AddMachine(const Machine& machine, Json* json) {
  (*json)["host"] = machine.host;
  (*json)["boot_id"] = machine.boot_id;
}

// The machine of such an object. Throws what Json::at throws.
template <typename Json>
Machine MachineOf(const Json& json) {
  return {.host = json.at("host"), .boot_id = json.at("boot_id")};
}

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_MACHINE_H_
