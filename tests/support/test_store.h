#ifndef MELMILL_TESTS_SUPPORT_TEST_STORE_H_
#define MELMILL_TESTS_SUPPORT_TEST_STORE_H_

#include <cstddef>
#include <map>
#include <string>

#include "pipeline/run/run.h"
#include "pipeline/setup/run_control.h"
#include "store/shard/shard_reader.h"
#include "store/store_index.h"
#include "tests/support/corpus.h"

namespace melmill {

// The store of a mixed corpus. Tests damage it.
class TestStore {
 public:
  TestStore() {
    corpus_.MakeMixed();
    RunControl control;
    index = RunExtract(corpus_.Config("out"), &control).store.value();
    whole = ReadStoreFiles(folder());
  }

  const Corpus& corpus() const { return corpus_; }
  std::string folder() const { return corpus_.Path("out"); }
  std::string Path(const std::string& file) const {
    return folder() + '/' + file;
  }

  void Flip(const std::string& file, size_t offset) const {
    FlipByte(Path(file), offset);
  }
  static void FlipByte(const std::string& path, size_t offset) {
    std::string bytes = ReadWholeFile(path);
    bytes.at(offset) ^= 0x10;
    WriteWholeFile(path, bytes);
  }

  // The last shard of train. The row of long.wav, line 42, is at its end.
  size_t LongShard() const {
    size_t shard = 0;
    while (index.shards[shard + 1].split == "train") ++shard;
    return shard;
  }
  // The offset of a byte of that row's features in its file.
  size_t LongRowByte() const {
    const auto reader = ShardReader::Open(Path(index.shards[LongShard()].file));
    return 4096 + 256 * reader.value().rows().back().start + 100;
  }

  StoreIndex index;
  std::map<std::string, std::string> whole;  // the intact files

 private:
  Corpus corpus_;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_TEST_STORE_H_
