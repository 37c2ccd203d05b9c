#ifndef MELMILL_PIPELINE_PARTS_DISPUTES_H_
#define MELMILL_PIPELINE_PARTS_DISPUTES_H_

#include <string>
#include <vector>

#include "pipeline/extract/extract.h"
#include "store/plan/plan.h"

namespace melmill {

// Writes down in a store's folder which shards an extraction made with other
// bytes than another process. Adds to `notes` why it could not.
void NoteDisputes(const ExtractOutcome& made, const Plan& plan,
                  const std::string& folder, std::vector<std::string>* notes);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_DISPUTES_H_
