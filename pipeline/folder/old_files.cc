#include "pipeline/folder/old_files.h"

#include <fmt/format.h>

#include <set>

#include "io/file/durable_file.h"
#include "io/file/name_change.h"
#include "pipeline/folder/found_store.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/setup/setup_error.h"
#include "store/certificate.h"
#include "store/hdf5/h5_contents.h"
#include "store/shard/shard_datasets.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

using Names = std::set<std::string>;

void AddSplit(const std::string& split, bool has_training, Names* names) {
  names->insert(TableFileName(split));
  names->insert(AcceptedFileName(split));
  if (has_training) names->insert(TrainingFileName(split));
}

// The tables, manifests and the ledger of the plan and of store.json.
Names ListedTables(const FoundStore& found) {
  Names names;
  if (!found.is_empty()) names.insert(kRejectsFile);
  if (found.plan) {
    for (const std::string& split : found.plan->split_names) {
      AddSplit(split, found.plan->has_training_manifests, &names);
    }
  }
  if (found.index) {
    for (const SplitEntry& split : found.index->splits) {
      AddSplit(split.name, split.training.has_value(), &names);
    }
  }
  return names;
}

Names ListedShards(const FoundStore& found) {
  Names names;
  if (found.plan) {
    for (const PlannedShard& shard : found.plan->shards) {
      names.insert(found.plan->ShardFileName(shard));
    }
  }
  if (found.index) {
    for (const ShardEntry& shard : found.index->shards) {
      names.insert(shard.file);
    }
  }
  return names;
}

// The files of a complete store, except its lock and `.local`.
Names FilesOf(const StoreIndex& index) {
  Names names = {kStoreIndexFile};
  for (const FileEntry& entry : index.files()) names.insert(entry.file);
  for (const ShardEntry& shard : index.shards) names.insert(shard.file);
  return names;
}

// Whether a file serves only to make the store.
bool IsOfWork(const std::string& name) {
  return name == kJobFile || IsDoubtsFileName(name) || IsWorkerFileName(name) ||
         IsDisputeFileName(name);
}

// Whether a file is the shard that its name says, perhaps of a plan that no
// longer exists. A user's file may have such a name by accident, but not such
// contents.
bool IsShard(const std::string& folder, const std::string& name) {
  if (!IsShardFileName(name)) return false;
  const Result<H5Contents> contents = ReadH5Contents(folder + '/' + name);
  if (!contents.ok()) return false;
  const std::string* format = contents.value().FindAttribute("format");
  const std::string* fingerprint =
      contents.value().FindAttribute("fingerprint");
  return format != nullptr && *format == kShardFormat &&
         fingerprint != nullptr &&
         name.ends_with(fmt::format(".{}.h5", fingerprint->substr(0, 12)));
}

// Removes the files of these names that were found and are still the same.
// Returns whether any was found.
Result<bool> RemoveFound(const FoundStore& found, const Names& names,
                         const std::string& folder) {
  bool was_any = false;
  for (const std::string& name : names) {
    const auto identity = FindFile(found.files, name);
    if (!identity) continue;
    const Result<bool> removed = RemoveIfSame(folder + '/' + name, *identity);
    if (!removed.ok()) return removed.error();
    was_any = true;
  }
  return was_any;
}

Result<void> RemoveIndex(const FoundStore& found, const std::string& folder) {
  const auto identity = FindFile(found.files, kStoreIndexFile);
  if (!identity) return {};
  const std::string path = folder + '/' + kStoreIndexFile;
  const Result<bool> removed = RemoveIfSame(path, *identity);
  if (!removed.ok()) return removed.error();
  if (removed.value()) return SyncFolder(folder);
  return Error{ErrorCode::kMachineFault,
               path +
                   ": another process changed it; make sure that no other run "
                   "uses this folder"};
}

}  // namespace

void CheckNothingIsInTheWay(const FoundStore& found, const Plan& plan,
                            const std::string& folder) {
  Names needed;
  for (const std::string& split : plan.split_names) {
    AddSplit(split, plan.has_training_manifests, &needed);
  }
  const Names listed = ListedTables(found);
  for (const std::string& name : needed) {
    if (listed.contains(name) || !FindFile(found.files, name)) continue;
    throw SetupError(fmt::format(
        "{}/{} is in the way: the store needs this name for a file of its own; "
        "move it elsewhere",
        folder, name));
  }
}

Result<void> RemoveReplacedFiles(const FoundStore& found, const Plan& plan,
                                 const std::vector<size_t>& to_make,
                                 const std::string& folder) {
  Result<void> done = RemoveIndex(found, folder);
  if (!done.ok()) return done;
  Names names = ListedTables(found);
  for (const auto& [name, identity] : found.files) {
    if (IsOfWork(name)) names.insert(name);
  }
  for (const size_t shard : to_make) {
    names.insert(plan.ShardFileName(plan.shards[shard]));
  }
  // The removals must be on the disk before the plan changes, since the new
  // plan lists other files.
  const Result<bool> removed = RemoveFound(found, names, folder);
  if (!removed.ok()) return removed.error();
  return removed.value() ? SyncFolder(folder) : Result<void>();
}

Result<void> RemoveLeftovers(const FoundStore& found, const StoreIndex& index,
                             const std::string& folder, bool is_locked) {
  const Names needed = FilesOf(index);
  const Names listed = ListedShards(found);
  Names names;
  for (const auto& [name, identity] : found.files) {
    if (needed.contains(name)) continue;
    if (listed.contains(name) || IsSuspectsFileName(name) || IsOfWork(name) ||
        IsShard(folder, name)) {
      names.insert(name);
    }
  }
  const auto certificate = FindCertificate(folder);
  if (certificate && certificate->certificate &&
      !certificate->is_of_this_state) {
    names.insert(kCertificateFile);
  }
  const Result<bool> removed = RemoveFound(found, names, folder);
  if (!removed.ok()) return removed.error();
  const Result<void> done = RemovePlanChunks(folder);
  if (!done.ok()) return done;
  return RemoveTemporaryFiles(folder, found.files, is_locked);
}

}  // namespace melmill
