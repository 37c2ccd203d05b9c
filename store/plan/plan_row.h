#ifndef MELMILL_STORE_PLAN_PLAN_ROW_H_
#define MELMILL_STORE_PLAN_PLAN_ROW_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "store/source.h"
#include "store/table/table.h"
#include "store/table/table_spool.h"

namespace melmill {

// What the plan knows of one manifest line that is not blank.
struct PlanRow {
  uint32_t split = 0;  // index of the split
  uint64_t line = 0;   // in its manifest, from 1
  // kNone: planned. Anything else: rejected, with `message`; then `source` is
  // all 0.
  RejectCode code = RejectCode::kNone;
  std::string message;

  uint64_t line_hash = 0;  // XXH3-64 of its bytes; accepted.jsonl repeats them
  std::string audio;       // strings of the line, as ManifestLine has them
  std::string text;
  std::string prompt;
  std::vector<std::string> kept;

  Source source;

  bool is_planned() const { return code == RejectCode::kNone; }

  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

// The columns of plan.h5, in the order in which the functions below use them.
std::vector<ColumnSpec> PlanColumns(
    const std::vector<std::string>& kept_fields);

Result<void> AppendPlanRow(const PlanRow& row, TableSpool* table);

// `index` counts from the block's first row. `row` may hold another row: its
// strings are used again.
void ReadPlanRow(const TableBlock& block, size_t index, PlanRow* row);

// Adds what decides a row's feature bytes: its audio string and the source's
// size and header facts, never its text or where the line stands.
void HashRowSource(const PlanRow& row, Hasher128* hasher);

// Adds what decides everything that the store will hold of the row, wherever
// it stands: its strings are a function of the line.
void HashRowContent(const PlanRow& row, Hasher128* hasher);

// Adds the row's place and content.
void HashRow(const PlanRow& row, Hasher128* hasher);

// Calls visit(row_number, const PlanRow&) for the rows [first, end) of a plan
// table in order; the row is valid during the call. As VisitRows.
template <typename Visit>
Result<void> VisitPlanRows(const TableReader& table, uint64_t first,
                           uint64_t end, Visit visit) {
  PlanRow row;
  return VisitRows(
      table, first, end,
      [&](const TableBlock& block, size_t index) -> Result<Visiting> {
        ReadPlanRow(block, index, &row);
        return visit(block.first_row() + index, std::as_const(row));
      });
}

// The same for all of these rows; `visit` returns a Result<void>.
template <typename Visit>
Result<void> ForEachPlanRow(const TableReader& table, uint64_t first,
                            uint64_t end, Visit visit) {
  return VisitPlanRows(
      table, first, end,
      [&visit](uint64_t number, const PlanRow& row) -> Result<Visiting> {
        const Result<void> visited = visit(number, row);
        if (!visited.ok()) return visited.error();
        return Visiting::kGoOn;
      });
}

}  // namespace melmill

#endif  // MELMILL_STORE_PLAN_PLAN_ROW_H_
