#ifndef MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_
#define MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_

#include <exception>
#include <string_view>

namespace melmill {

// With --json standard output gets exactly one object, however the program
// ends. Thread-safe: of several ends that come at once one prints.

// From now on an object is expected.
void ExpectJson();

// Prints the object, unless none is expected or another one was printed.
// False: it cannot be written, and standard error says so.
bool PrintJson(std::string_view json);

// The object of a program that could not start, or that the machine ended.
void PrintJsonOfException(const std::exception& error);

// The same for an end by a signal, a failed assertion's included. Allocates
// nothing; may be called from a signal handler.
void PrintJsonOfSignal(int number);

// "cannot start a thread: raise the limit ...": for a person.
std::string_view DescribeException(const std::exception& error);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_JSON_END_H_
