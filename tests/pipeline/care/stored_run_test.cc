#include "pipeline/care/stored_run.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/hash.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_list.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/setup_error.h"
#include "tests/support/built_work.h"
#include "tests/support/test_store.h"

namespace melmill {
namespace {

class StoredRunTest : public testing::Test {
 protected:
  std::string Refusal() {
    try {
      (void)ConfigOfStore("out", store_.index, "");
    } catch (const SetupError& error) {
      return error.what();
    }
    return "";
  }

  Result<Plan> ReadStored() {
    return PlanOfStore(store_.folder(), store_.index);
  }

  TestStore store_;
};

TEST_F(StoredRunTest, ThePlanIsThatOfTheRun) {
  const BuiltWork built(store_.corpus().Config("out"),
                        store_.corpus().Path(""));
  const Result<Plan> stored = ReadStored();
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const RunConfig config = ConfigOfStore(store_.folder(), store_.index, "");
  const PlannedWork work = {stored.value(), config.features,
                            config.input.audio_root};
  EXPECT_TRUE(stored.value().shards == built.plan().shards);
  ASSERT_EQ(stored.value().shards.size(), store_.index.shards.size());
  for (const PlannedShard& shard : built.plan().shards) {
    EXPECT_EQ(stored.value().ShardFileName(shard),
              built.plan().ShardFileName(shard));
    const auto spec = work.SpecOf(shard);
    EXPECT_TRUE(built.work().IsShard(shard, spec));
    const auto tasks = RowList::Load(work, shard);
    const auto expected = RowList::Load(built.work(), shard);
    ASSERT_EQ(tasks.value().size(), expected.value().size());
    for (size_t i = 0; i < tasks.value().size(); ++i) {
      EXPECT_EQ(tasks.value()[i].path, expected.value()[i].path);
      EXPECT_EQ(tasks.value()[i].source.num_samples,
                expected.value()[i].source.num_samples);
    }
  }
}

// All code paths of this machine.
std::vector<CodePath> CodePaths() {
  std::vector<CodePath> code_paths = {CodePath()};
  for (const SimdTarget target : SupportedSimdTargets()) {
    code_paths.push_back({target, target});
    code_paths.push_back({target, std::nullopt});
  }
  return code_paths;
}

TEST_F(StoredRunTest, FindsPresetAndTypeAndCodePath) {
  for (const char* preset : {"qwen3-asr", "whisper"}) {
    for (const FeatureType type : kFeatureTypes) {
      for (const CodePath& code_path : CodePaths()) {
        StoreIndex index;
        index.contract = MakeFeatureSpec(preset, type).Contract();
        index.producer = ProducerJson(code_path);
        const RunConfig found = ConfigOfStore("out", index, "root");
        EXPECT_EQ(found.features.preset->name, preset);
        EXPECT_EQ(found.features.feature_type, type);
        EXPECT_EQ(found.features.Producer(), index.producer);
        EXPECT_EQ(found.input.audio_root, "root");
      }
    }
  }
}

TEST_F(StoredRunTest, AnotherContractOrProducerIsRefusedFieldByField) {
  std::string& contract = store_.index.contract;
  const size_t hop = contract.find("\"hop_length\":160");
  contract.replace(hop, 16, "\"hop_length\":161");
  EXPECT_NE(Refusal().find("cannot compute the rows of"), std::string::npos);
  EXPECT_NE(Refusal().find("\n  hop_length: 161 -> 160"), std::string::npos);
  contract.replace(hop, 16, "\"hop_length\":160");
  EXPECT_EQ(Refusal(), "");
  std::string& producer = store_.index.producer;
  producer.replace(producer.find("\"log_mel\":\""), 11, "\"log_mel\":\"x");
  EXPECT_NE(Refusal().find("cannot compute the rows of"), std::string::npos);
  EXPECT_NE(Refusal().find("\n  log_mel: \"x"), std::string::npos);
}

TEST_F(StoredRunTest, AnUnknownContractIsComparedWithTheNearest) {
  std::string& contract = store_.index.contract;
  contract = MakeFeatureSpec("whisper", FeatureType::kBfloat16).Contract();
  contract.replace(contract.find("\"hop_length\":160"), 16,
                   "\"hop_length\":161");
  EXPECT_NE(Refusal().find("\n  hop_length: 161 -> 160"), std::string::npos);
  EXPECT_EQ(Refusal().find("n_mels"), std::string::npos);
  EXPECT_EQ(Refusal().find("feature_type"), std::string::npos);
}

TEST_F(StoredRunTest, APlanThatIsDamagedGoneOrOfAnotherStoreIsAnError) {
  store_.Flip("plan.h5", ReadWholeFile(store_.Path("plan.h5")).size() - 1);
  EXPECT_EQ(ReadStored().error().code, ErrorCode::kDamaged);
  store_.Flip("plan.h5", ReadWholeFile(store_.Path("plan.h5")).size() - 1);
  EXPECT_TRUE(ReadStored().ok());
  std::swap(store_.index.shards[0], store_.index.shards[1]);
  EXPECT_EQ(ReadStored().error().message, "is not the plan of store.json");
  std::filesystem::remove(store_.Path("plan.h5"));
  EXPECT_FALSE(ReadStored().ok());
}

}  // namespace
}  // namespace melmill
