#ifndef MELMILL_STORE_PLAN_PLAN_ROW_H_
#define MELMILL_STORE_PLAN_PLAN_ROW_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "io/wav/wav_header.h"
#include "store/table/table.h"
#include "store/table/table_spool.h"

namespace melmill {

// What the plan knows of one manifest line that is not blank.
struct PlanRow {
  uint32_t split = 0;  // index of the split
  uint64_t line = 0;   // in its manifest, from 1
  // kNone: planned. Anything else: rejected, with `message`; then the fields
  // below the strings are 0.
  ErrorCode code = ErrorCode::kNone;
  std::string message;

  uint64_t line_hash = 0;  // XXH3-64 of its bytes; accepted.jsonl repeats them
  std::string audio;       // strings of the line, as ManifestLine has them
  std::string text;
  std::string prompt;
  std::vector<std::string> kept;

  uint64_t file_bytes = 0;
  WavHeader header;
  int64_t num_samples = 0;  // at the feature sample rate, after --truncate
  int64_t num_frames = 0;

  bool is_planned() const { return code == ErrorCode::kNone; }

  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

// The columns of plan.h5, in the order in which the functions below use them.
std::vector<ColumnSpec> PlanColumns(
    const std::vector<std::string>& kept_fields);

Result<void> AppendPlanRow(const PlanRow& row, TableSpool* table);

// `index` counts from the block's first row. `row` may hold another row: its
// strings are used again.
void ReadPlanRow(const TableBlock& block, size_t index, size_t num_kept_fields,
                 PlanRow* row);

// Adds what decides a row's feature bytes: its audio string and the source's
// size and header facts, never its text or where the line stands.
void HashRowSource(const PlanRow& row, Hasher128* hasher);

// Adds what decides everything that the store will hold of the row, wherever
// it stands: its strings are a function of the line.
void HashRowContent(const PlanRow& row, Hasher128* hasher);

// Adds the row's place and content.
void HashRow(const PlanRow& row, Hasher128* hasher);

enum class Visiting { kGoOn, kEnough };

// Calls visit(row_number, const PlanRow&) for the rows [first, end) of a plan
// table in order, reading them in pieces; the row is valid during the call.
// Stops when it returns kEnough, and at the first error.
template <typename Visit>
Result<void> VisitPlanRows(const TableReader& table, uint64_t first,
                           uint64_t end, size_t num_kept_fields, Visit visit) {
  constexpr size_t kMaxRows = 4096;
  constexpr size_t kMaxBytes = size_t{4} << 20;
  PlanRow row;
  while (first < end) {
    const size_t max_rows =
        end - first < kMaxRows ? static_cast<size_t>(end - first) : kMaxRows;
    Result<TableBlock> block = table.Read(first, max_rows, kMaxBytes);
    if (!block.ok()) return block.error();
    const size_t num_rows = block.value().num_rows();
    for (size_t i = 0; i < num_rows; ++i) {
      ReadPlanRow(block.value(), i, num_kept_fields, &row);
      const Result<Visiting> visited = visit(first + i, std::as_const(row));
      if (!visited.ok()) return visited.error();
      if (visited.value() == Visiting::kEnough) return {};
    }
    first += num_rows;
  }
  return {};
}

// The same for all of these rows; `visit` returns a Result<void>.
template <typename Visit>
Result<void> ForEachPlanRow(const TableReader& table, uint64_t first,
                            uint64_t end, size_t num_kept_fields, Visit visit) {
  return VisitPlanRows(
      table, first, end, num_kept_fields,
      [&visit](uint64_t number, const PlanRow& row) -> Result<Visiting> {
        const Result<void> visited = visit(number, row);
        if (!visited.ok()) return visited.error();
        return Visiting::kGoOn;
      });
}

}  // namespace melmill

#endif  // MELMILL_STORE_PLAN_PLAN_ROW_H_
