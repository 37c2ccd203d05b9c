#include "store/hdf5/h5_file.h"

#include <fcntl.h>
#include <hdf5.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "io/file/system_calls.h"
#include "io/file/temporary_name.h"

namespace melmill {
namespace {

// The metadata that HDF5 writes before the first dataset's data goes into one
// block of this size, so the data starts right after it.
constexpr uint64_t kMetadataBlockBytes = kFirstDatasetOffset;

// The library has one state for the whole process. This lock is held around
// every use of it.
class LibraryLock {
 public:
  LibraryLock() : lock_(mutex()) {
    // The library's exit handler would crash after a failed write (disk full),
    // so it is disabled.
    [[maybe_unused]] static const herr_t once = H5dont_atexit();
    // Each thread has its own error stack, so this is done every time.
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }

 private:
  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
  std::lock_guard<std::mutex> lock_;
};

// An owned HDF5 identifier.
class Handle {
 public:
  using CloseFunction = herr_t (*)(hid_t);

  Handle(hid_t id, CloseFunction close) : id_(id), close_(close) {}
  ~Handle() { Close(); }
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;

  bool ok() const { return id_ >= 0; }
  hid_t get() const { return id_; }

  // Returns whether there was nothing to close or closing succeeded.
  bool Close() {
    return id_ < 0 || close_(std::exchange(id_, H5I_INVALID_HID)) >= 0;
  }

 private:
  hid_t id_;
  CloseFunction close_;
};

// A 16-bit floating-point type; HDF5 1.10 has none of its own. From the top:
// sign, exponent and mantissa, as in IEEE types.
Handle Make16BitFloat(size_t exponent_bits) {
  const size_t mantissa_bits = 15 - exponent_bits;
  const size_t bias = (size_t{1} << (exponent_bits - 1)) - 1;
  Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  const bool ok = type.ok() &&
                  H5Tset_fields(type.get(), 15, mantissa_bits, exponent_bits, 0,
                                mantissa_bits) >= 0 &&
                  H5Tset_size(type.get(), 2) >= 0 &&
                  H5Tset_ebias(type.get(), bias) >= 0;
  if (!ok) type.Close();
  return type;
}

Handle MakeType(ElementType type) {
  switch (type) {
    case ElementType::kU8:
      return Handle(H5Tcopy(H5T_STD_U8LE), H5Tclose);
    case ElementType::kU32:
      return Handle(H5Tcopy(H5T_STD_U32LE), H5Tclose);
    case ElementType::kU64:
      return Handle(H5Tcopy(H5T_STD_U64LE), H5Tclose);
    case ElementType::kF16:
      return Make16BitFloat(5);
    case ElementType::kF32:
      return Handle(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
    case ElementType::kBF16:
      return Make16BitFloat(8);
  }
  return Handle(H5I_INVALID_HID, H5Tclose);
}

Handle MakeFileAccess() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // HDF5's own locks are off: they fail on some network and read-only mounts,
  // and FileLock protects the names of a store.
  const bool ok =
      access.ok() &&
      H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >=
          0 &&
      H5Pset_meta_block_size(access.get(), kMetadataBlockBytes) >= 0 &&
      H5Pset_file_locking(access.get(), false, true) >= 0;
  if (!ok) access.Close();
  return access;
}

// Returns the offset of the dataset's bytes; nothing on failure.
std::optional<uint64_t> CreateDataset(hid_t file, const DatasetSpec& spec) {
  const std::vector<hsize_t> dims(spec.dims.begin(), spec.dims.end());
  const Handle space(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      H5Sclose);
  const Handle type = MakeType(spec.type);
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!space.ok() || !type.ok() || !creation.ok() ||
      H5Pset_layout(creation.get(), H5D_CONTIGUOUS) < 0 ||
      H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY) < 0 ||
      H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER) < 0 ||
      H5Pset_obj_track_times(creation.get(), false) < 0) {
    return std::nullopt;
  }
  Handle dataset(H5Dcreate2(file, spec.name.c_str(), type.get(), space.get(),
                            H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                 H5Dclose);
  if (!dataset.ok()) return std::nullopt;
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (!dataset.Close()) return std::nullopt;
  if (spec.num_bytes() == 0) return 0;
  if (offset == HADDR_UNDEF) return std::nullopt;
  return offset;
}

bool CreateAttribute(hid_t file, const AttributeSpec& spec) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  // A string type has at least one byte. For an empty value it is the NUL after
  // it.
  if (!type.ok() || !space.ok() ||
      H5Tset_size(type.get(), std::max<size_t>(spec.value.size(), 1)) < 0 ||
      H5Tset_strpad(type.get(), H5T_STR_NULLPAD) < 0 ||
      H5Tset_cset(type.get(), H5T_CSET_UTF8) < 0) {
    return false;
  }
  Handle attribute(H5Acreate2(file, spec.name.c_str(), type.get(), space.get(),
                              H5P_DEFAULT, H5P_DEFAULT),
                   H5Aclose);
  return attribute.ok() &&
         H5Awrite(attribute.get(), type.get(), spec.value.c_str()) >= 0 &&
         attribute.Close();
}

// Whether there is enough memory for the library to start and to create a file;
// if not, errno says so. Without memory the library crashes in more than one
// place (H5AC_create, H5T_init). Must be called before LibraryLock, which may
// start the library.
bool HasMemoryForLibrary() {
  constexpr size_t kNumBytes = size_t{8} << 20;
  void* const probe = ::mmap(nullptr, kNumBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  ::munmap(probe, kNumBytes);
  return true;
}

// Fills the empty file `path`. Returns the offsets; on failure nothing, with
// the errno of the failed system call.
std::optional<std::vector<uint64_t>> FillFile(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes) {
  const Handle access = MakeFileAccess();
  if (!access.ok()) return std::nullopt;
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()),
              H5Fclose);
  if (!file.ok()) return std::nullopt;
  std::vector<uint64_t> offsets;
  for (const DatasetSpec& spec : datasets) {
    const std::optional<uint64_t> offset = CreateDataset(file.get(), spec);
    if (!offset) return std::nullopt;
    offsets.push_back(*offset);
  }
  for (const AttributeSpec& spec : attributes) {
    if (!CreateAttribute(file.get(), spec)) return std::nullopt;
  }
  if (!file.Close()) return std::nullopt;
  return offsets;
}

}  // namespace

size_t ElementSize(ElementType type) {
  switch (type) {
    case ElementType::kU8:
      return 1;
    case ElementType::kF16:
    case ElementType::kBF16:
      return 2;
    case ElementType::kU32:
    case ElementType::kF32:
      return 4;
    case ElementType::kU64:
      return 8;
  }
  assert(false);
  return 0;
}

uint64_t DatasetSpec::num_bytes() const {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  uint64_t num_bytes = ElementSize(type);
  for (const uint64_t dim : dims) {
    if (dim > std::numeric_limits<uint64_t>::max() / num_bytes) {
      return std::numeric_limits<uint64_t>::max();
    }
    num_bytes *= dim;
  }
  return num_bytes;
}

Result<std::vector<uint64_t>> CreateH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes) {
  // The name is created here, exclusively, so HDF5 then opens a file that is
  // ours.
  const UniqueFd fd = CreateFile(path);
  if (!fd.is_open()) return FileFault("create", path, errno);
  if (!HasMemoryForLibrary()) {
    const int error_number = errno;
    ::unlink(path.c_str());
    return FileFault("make HDF5 file", path, error_number);
  }
  const LibraryLock lock;
  std::optional<std::vector<uint64_t>> offsets;
  do {  // the library gives up if a signal interrupts its open or close
    errno = 0;
    offsets = FillFile(path, datasets, attributes);
  } while (!offsets && errno == EINTR);
  if (!offsets) {
    const int error_number = errno != 0 ? errno : EIO;
    ::unlink(path.c_str());
    return FileFault("make HDF5 file", path, error_number);
  }
  if (!datasets.empty() && datasets[0].num_bytes() > 0 &&
      offsets->at(0) != kFirstDatasetOffset) {
    ::unlink(path.c_str());
    return Error{
        ErrorCode::kMachineFault,
        "make HDF5 file " + path + ": this HDF5 library places data elsewhere"};
  }
  return *std::move(offsets);
}

Result<DurableH5File> CreateDurableH5File(
    const std::string& path, const std::vector<DatasetSpec>& datasets,
    const std::vector<AttributeSpec>& attributes) {
  const std::string temporary = TemporaryName(path);
  auto offsets = CreateH5File(temporary, datasets, attributes);
  if (!offsets.ok()) return offsets.error();
  auto file = DurableFile::Adopt(path);
  if (!file.ok()) {
    ::unlink(temporary.c_str());
    return file.error();
  }
  DurableH5File made = {std::move(file).value(), std::move(offsets).value()};
  struct stat status = {};
  if (::stat(temporary.c_str(), &status) != 0) {
    return FileFault("stat", temporary, errno);
  }
  made.num_bytes = static_cast<uint64_t>(status.st_size);
  if (auto reserved = made.file.Reserve(made.num_bytes); !reserved.ok()) {
    return reserved.error();
  }
  return made;
}

}  // namespace melmill
