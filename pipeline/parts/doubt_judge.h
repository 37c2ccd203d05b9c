#ifndef MELMILL_PIPELINE_PARTS_DOUBT_JUDGE_H_
#define MELMILL_PIPELINE_PARTS_DOUBT_JUDGE_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/extract/extract.h"
#include "pipeline/folder/doubts_file.h"
#include "pipeline/folder/machine.h"
#include "store/plan/plan.h"

namespace melmill {

// The doubt as this machine writes it down.
DoubtfulRow DescribeDoubt(const Plan& plan, const Doubt& doubt);

// Decides which rows the finish may reject although their files might be
// readable elsewhere: those that another machine could not read either, and any
// row if only one machine worked on the store.
class DoubtJudge {
 public:
  // `here` is the machine of the finish, `workers` are others that worked on
  // the store, and `doubts` those of all parts.
  DoubtJudge(const Machine& here, const std::vector<Machine>& workers,
             const std::vector<DoubtfulRow>& doubts);

  bool MayReject(const DoubtfulRow& row) const;

 private:
  using RowId = std::pair<std::string, uint64_t>;  // split and line

  bool is_one_machine_ = true;
  std::set<RowId> doubted_elsewhere_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_DOUBT_JUDGE_H_
