#ifndef MELMILL_STORE_TABLE_OPTIONAL_COLUMNS_H_
#define MELMILL_STORE_TABLE_OPTIONAL_COLUMNS_H_

namespace melmill {

// The columns that the tables of a store have only if a row needs them.
struct OptionalColumns {
  bool pieces = false;       // a row is a piece of its file
  bool audio_paths = false;  // a row has an audio path of its own

  friend bool operator==(const OptionalColumns&,
                         const OptionalColumns&) = default;
};

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_OPTIONAL_COLUMNS_H_
