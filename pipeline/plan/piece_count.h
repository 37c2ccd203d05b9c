#ifndef MELMILL_PIPELINE_PLAN_PIECE_COUNT_H_
#define MELMILL_PIPELINE_PLAN_PIECE_COUNT_H_

#include <cstdint>
#include <vector>

namespace melmill {

// Counts rows that are pieces of files, and these files. Takes 8 bytes of
// memory for each such row.
class PieceCount {
 public:
  // Adds a piece of a file: SeenSource::identity.
  void Add(uint64_t file_identity) { files_.push_back(file_identity); }

  uint64_t num_pieces() const { return files_.size(); }
  // The number of different files. Call it once, after all pieces were added.
  uint64_t CountFiles();

 private:
  std::vector<uint64_t> files_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PIECE_COUNT_H_
