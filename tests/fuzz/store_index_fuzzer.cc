// Fuzzes store.json: reads it, writes it again, and compares.

#include <string>

#include "store/json_object.h"
#include "store/store_index.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  const InputLimits limits;
  const Result<StoreIndex> index = ParseStoreIndex(AsText(data, size));
  if (!index.ok()) {
    Require((index.error().code == ErrorCode::kDamaged ||
             index.error().code == ErrorCode::kOtherFormat) &&
                !index.error().message.empty(),
            "a damaged store.json is called that");
    return 0;
  }
  const std::string text = FormatStoreIndex(index.value());
  const Result<StoreIndex> again = ParseStoreIndex(text);
  Require(again.ok() && FormatStoreIndex(again.value()) == text,
          "what is read can be written and read again");
  const StoreIndex& store = index.value();
  Require(DescribeDifference(store.contract, again.value().contract).empty(),
          "what is the same does not differ");
  DescribeDifference(store.contract, store.producer);
  return 0;
}
