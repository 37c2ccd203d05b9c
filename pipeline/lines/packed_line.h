#ifndef MELMILL_PIPELINE_LINES_PACKED_LINE_H_
#define MELMILL_PIPELINE_LINES_PACKED_LINE_H_

#include <string>
#include <string_view>

#include "pipeline/input/planned_line.h"

namespace melmill {

// A planned line as bytes, for a file that only programs of one version read.
// They hold all but the line's place (row.split and row.line), its bytes, its
// fault, and the facts of its file.
std::string PackLine(const PlannedLine& planned);

// Sets what PackLine packed, and leaves the rest as it is. Returns false for
// bytes that PackLine cannot have made; then `planned` holds any values.
bool UnpackLine(std::string_view packed, PlannedLine* planned);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_PACKED_LINE_H_
