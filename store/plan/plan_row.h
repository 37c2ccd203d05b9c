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

// The plan's record of one manifest line that is not blank.
struct PlanRow {
  uint32_t split = 0;  // index of the split
  uint64_t line = 0;   // line number in its manifest, from 1
  // kNone means planned. Any other code means rejected, with `message`; then
  // `source` is all 0.
  RejectCode code = RejectCode::kNone;
  std::string message;

  uint64_t line_hash = 0;  // XXH3-64 of the line
  std::string audio;       // the line's strings, as in ManifestLine
  std::string text;
  std::string prompt;
  std::vector<std::string> kept;

  Source source;

  bool is_planned() const { return code == RejectCode::kNone; }

  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

// The columns of plan.h5, in the order that the functions below use. The last
// kNumPieceColumns are those of pieces of files; a plan of whole files is
// stored without them.
inline constexpr size_t kNumPieceColumns = 4;
std::vector<ColumnSpec> PlanColumns(const std::vector<std::string>& kept_fields,
                                    bool has_pieces = true);
bool HasPieceColumns(const std::vector<ColumnSpec>& columns);

// The table must have the columns of pieces.
Result<void> AppendPlanRow(const PlanRow& row, TableSpool* table);

// Reads row `index` of the block, counted from its first row. `row` may hold
// another row, whose strings' memory is reused.
void ReadPlanRow(const TableBlock& block, size_t index, bool has_pieces,
                 PlanRow* row);

// Adds what determines a row's feature bytes: its audio string, the source's
// size and header facts, and the piece of the file that it is, if it is none of
// a whole file. Adds neither its text nor its place in the manifest.
void HashRowSource(const PlanRow& row, Hasher128* hasher);

// Adds what determines everything that the store will hold of the row, apart
// from its place. The line's hash stands for the row's strings.
void HashRowContent(const PlanRow& row, Hasher128* hasher);

// Adds the row's place and content.
void HashRow(const PlanRow& row, Hasher128* hasher);

// Calls visit(row_number, const PlanRow&) for the rows [first, end) of a plan
// table in order, as VisitRows does. The row is valid only during the call.
template <typename Visit>
Result<void> VisitPlanRows(const TableReader& table, uint64_t first,
                           uint64_t end, Visit visit) {
  PlanRow row;
  const bool has_pieces = HasPieceColumns(table.columns());
  return VisitRows(
      table, first, end,
      [&](const TableBlock& block, size_t index) -> Result<Visiting> {
        ReadPlanRow(block, index, has_pieces, &row);
        return visit(block.first_row() + index, std::as_const(row));
      });
}

// Does the same without ending early; `visit` returns a Result<void>.
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
