#ifndef MELMILL_PIPELINE_LINES_LINE_FAULTS_H_
#define MELMILL_PIPELINE_LINES_LINE_FAULTS_H_

#include <string>

#include "io/result.h"
#include "pipeline/input/planned_line.h"

namespace melmill {

// Tells faults of the machine from faults of lines, as lines are planned.
class LineFaults {
 public:
  // Looks at the next line. Error: kMachineFault, for a fault of the machine,
  // and for I/O errors of many files in a row.
  Result<void> Check(const PlannedLine& planned);

 private:
  int num_io_errors_in_a_row_ = 0;
  std::string unread_path_;  // of the last of them, as written
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_LINE_FAULTS_H_
