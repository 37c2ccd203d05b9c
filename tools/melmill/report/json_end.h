#ifndef MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_
#define MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_

#include <exception>
#include <string_view>

namespace melmill {

// With --json, standard output gets exactly one object, however the program
// ends. Thread-safe: if several ends come at once, one of them prints.

// Says that an object is expected from now on.
void ExpectJson();

// Prints the object, unless none is expected or one was already printed.
// Returns false if it cannot be written; standard error then says so.
bool PrintJson(std::string_view json);

// Prints the object of a program that could not start or was ended by a fault
// of the machine.
void PrintJsonOfException(const std::exception& error);

// Prints the object of a program that a signal ends, including that of a failed
// assertion. Allocates nothing. A signal handler may call this.
void PrintJsonOfSignal(int number);

// Describes an exception for people: "cannot start a thread: raise the limit
// ...".
std::string_view DescribeException(const std::exception& error);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_
