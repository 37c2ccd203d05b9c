#ifndef MELMILL_STORE_PLAN_PLAN_ROW_H_
#define MELMILL_STORE_PLAN_PLAN_ROW_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "store/source.h"
#include "store/table/optional_columns.h"
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
  std::string audio_path;
  std::string text;
  std::string prompt;
  std::vector<std::string> kept;

  Source source;

  bool is_planned() const { return code == RejectCode::kNone; }
  // The path of the audio file, as the line has it.
  const std::string& written_path() const {
    return audio_path.empty() ? audio : audio_path;
  }

  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

// The columns of plan.h5, in the order that the functions below use. The
// optional ones are the last: those of pieces of files, then that of audio
// paths.
std::vector<ColumnSpec> PlanColumns(const std::vector<std::string>& kept_fields,
                                    OptionalColumns optional = {true, true});
// Which of them a table with such columns has.
OptionalColumns FindOptionalColumns(const std::vector<ColumnSpec>& columns);
// The names of the columns that a table without the others does not have.
std::vector<std::string> NamesOfAbsentColumns(OptionalColumns present);

// The table must have all optional columns.
Result<void> AppendPlanRow(const PlanRow& row, TableSpool* table);

// Reads row `index` of the block, counted from its first row. `optional` are
// the optional columns of the block. `row` may hold another row, whose strings'
// memory is reused.
void ReadPlanRow(const TableBlock& block, size_t index,
                 OptionalColumns optional, PlanRow* row);

// Adds what determines a row's feature bytes: its audio string, the source's
// size and header facts, and the piece of the file that it is, if it is none of
// a whole file. Adds neither its text, nor its place in the manifest, nor the
// path of its file: copies of a file in other folders give the same shards.
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
  const OptionalColumns optional = FindOptionalColumns(table.columns());
  return VisitRows(
      table, first, end,
      [&](const TableBlock& block, size_t index) -> Result<Visiting> {
        ReadPlanRow(block, index, optional, &row);
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
