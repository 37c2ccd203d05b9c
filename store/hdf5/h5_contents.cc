#include "store/hdf5/h5_contents.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "io/file/system_calls.h"

namespace melmill {
namespace {

// Far more than our own files need. It limits what a hostile file can make us
// read.
constexpr uint64_t kMaxMetadataBytes = uint64_t{1} << 26;
// The minimum cost of a read: even a short one takes time.
constexpr uint64_t kMinReadBytes = 256;
constexpr size_t kMaxLinks = 10'000;
constexpr size_t kMaxChunks = 1'000;

constexpr uint64_t kUndefinedAddress = ~uint64_t{0};

enum MessageType : uint16_t {
  kNilMessage = 0x0,
  kDataspaceMessage = 0x1,
  kDatatypeMessage = 0x3,
  kFillValueMessage = 0x5,
  kLayoutMessage = 0x8,
  kAttributeMessage = 0xc,
  kContinuationMessage = 0x10,
  kSymbolTableMessage = 0x11,
};

Error NotOurs(std::string what) {
  return Error{ErrorCode::kDamaged, std::move(what)};
}

// The metadata of one file, read in pieces that are checked against its size.
class MetadataFile {
 public:
  explicit MetadataFile(ReadableFile file) : file_(std::move(file)) {}

  uint64_t size_bytes() const { return file_.size_bytes; }
  // The errno of a failed read; 0 if none failed.
  int error() const { return error_; }

  // Returns an empty piece if the range is not wholly in the file or cannot be
  // read.
  std::vector<std::byte> Read(uint64_t offset, uint64_t num_bytes) {
    const uint64_t cost = std::max(num_bytes, kMinReadBytes);
    if (num_bytes > size_bytes() || cost > kMaxMetadataBytes - cost_) {
      return {};
    }
    cost_ += cost;
    std::vector<std::byte> piece(static_cast<size_t>(num_bytes));
    const int error_number = ReadExactly(file_.fd.get(), offset, piece);
    if (error_number > 0) error_ = error_number;
    if (error_number != 0) piece.clear();
    return piece;
  }

 private:
  ReadableFile file_;
  uint64_t cost_ = 0;  // cost of all reads so far
  int error_ = 0;
};

// Takes little-endian fields from the front of a piece of metadata. Past the
// end it returns zeros and is no longer ok.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t num_left() const { return bytes_.size(); }

  std::span<const std::byte> Take(size_t num_bytes) {
    if (num_bytes > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.first(num_bytes);
    bytes_ = bytes_.subspan(num_bytes);
    return taken;
  }

  template <typename T>
  T Get() {
    static_assert(std::is_unsigned_v<T>);
    T value = 0;
    size_t shift = 0;
    for (const std::byte byte : Take(sizeof(T))) {
      value |= static_cast<T>(std::to_integer<T>(byte) << shift);
      shift += 8;
    }
    return value;
  }

  // Skips bytes and returns whether they were the expected ones.
  bool Skip(std::string_view expected) {
    const auto taken = Take(expected.size());
    return taken.size() == expected.size() &&
           std::memcmp(taken.data(), expected.data(), expected.size()) == 0;
  }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

// The text up to the first NUL; nothing if there is no NUL.
std::optional<std::string> TextUpToNul(std::span<const std::byte> bytes) {
  const auto nul = std::find(bytes.begin(), bytes.end(), std::byte{0});
  if (nul == bytes.end()) return std::nullopt;
  std::string text(static_cast<size_t>(nul - bytes.begin()), '\0');
  std::memcpy(text.data(), bytes.data(), text.size());
  return text;
}

// Checks the superblock. Returns the address of the root group's header.
Result<uint64_t> ReadSuperblock(MetadataFile& file) {
  using std::string_view_literals::operator""sv;
  const auto bytes = file.Read(0, 96);
  FieldReader reader(bytes);
  // The signature, four versions of 0 (one byte among them is reserved), and 8
  // bytes for offsets and for lengths.
  if (!reader.Skip("\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0"sv)) {
    return NotOurs("not an HDF5 file of the earliest format");
  }
  reader.Take(4);  // the two node sizes, which are only upper bounds
  const auto flags = reader.Get<uint32_t>();
  const auto base = reader.Get<uint64_t>();
  const auto free_space = reader.Get<uint64_t>();
  const auto end_of_file = reader.Get<uint64_t>();
  const auto driver = reader.Get<uint64_t>();
  reader.Take(8);  // the root's name
  const auto root = reader.Get<uint64_t>();
  if (flags != 0 || base != 0 || free_space != kUndefinedAddress ||
      driver != kUndefinedAddress) {
    return NotOurs("a damaged superblock");
  }
  if (end_of_file != file.size_bytes()) {
    return NotOurs("the file has " + std::to_string(file.size_bytes()) +
                   " bytes instead of " + std::to_string(end_of_file));
  }
  return root;
}

struct Message {
  uint16_t type = 0;
  std::vector<std::byte> body;
};

struct Chunk {
  uint64_t address = 0;
  uint64_t num_bytes = 0;
};

// Adds the messages of one chunk of an object header, and the chunks that
// follow it. Returns the number of messages of all types; nothing if the chunk
// is damaged.
std::optional<size_t> ReadChunk(std::span<const std::byte> bytes,
                                std::vector<Message>& messages,
                                std::vector<Chunk>& chunks) {
  constexpr uint8_t kSharedFlag = 2;
  size_t num_messages = 0;
  FieldReader reader(bytes);
  while (reader.num_left() > 0) {
    const auto type = reader.Get<uint16_t>();
    const auto num_bytes = reader.Get<uint16_t>();
    const auto flags = reader.Get<uint8_t>();
    reader.Take(3);
    const auto body = reader.Take(num_bytes);
    if (!reader.ok() || (flags & kSharedFlag) != 0) return std::nullopt;
    ++num_messages;
    if (type == kContinuationMessage) {
      FieldReader fields(body);
      const auto address = fields.Get<uint64_t>();
      chunks.push_back({address, fields.Get<uint64_t>()});
    } else if (type != kNilMessage) {
      messages.push_back({type, {body.begin(), body.end()}});
    }
  }
  return num_messages;
}

// The messages of the object header at `address`; nothing if it is damaged.
std::optional<std::vector<Message>> ReadObjectHeader(MetadataFile& file,
                                                     uint64_t address) {
  constexpr uint64_t kPrefixBytes = 16;
  const auto prefix = file.Read(address, kPrefixBytes);
  FieldReader reader(prefix);
  const auto version = reader.Get<uint8_t>();
  reader.Take(1);
  const auto expected_messages = reader.Get<uint16_t>();
  const auto num_references = reader.Get<uint32_t>();
  const auto first_chunk_bytes = reader.Get<uint32_t>();
  if (!reader.ok() || version != 1 || num_references != 1) return std::nullopt;

  std::vector<Message> messages;
  size_t num_messages = 0;
  std::vector<Chunk> chunks = {{address + kPrefixBytes, first_chunk_bytes}};
  for (size_t i = 0; i < chunks.size(); ++i) {
    const auto bytes = file.Read(chunks[i].address, chunks[i].num_bytes);
    if (bytes.empty() || i >= kMaxChunks) return std::nullopt;
    const auto in_chunk = ReadChunk(bytes, messages, chunks);
    if (!in_chunk) return std::nullopt;
    num_messages += *in_chunk;
  }
  if (num_messages != expected_messages) return std::nullopt;
  return messages;
}

// The only message of its type; nullptr if there is none or more than one.
const Message* FindMessage(const std::vector<Message>& messages,
                           MessageType type) {
  const Message* found = nullptr;
  for (const Message& message : messages) {
    if (message.type != type) continue;
    if (found != nullptr) return nullptr;
    found = &message;
  }
  return found;
}

// The addresses below the B-tree nodes at `nodes`. The nodes must all be of one
// level, which becomes `level`. Returns nothing if a node is damaged.
std::optional<std::vector<uint64_t>> ReadTreeNodes(
    MetadataFile& file, const std::vector<uint64_t>& nodes, uint8_t& level) {
  std::vector<uint64_t> children;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto head = file.Read(nodes[i], 24);
    FieldReader reader(head);
    const bool is_node = reader.Skip("TREE") && reader.Get<uint8_t>() == 0;
    const auto node_level = reader.Get<uint8_t>();
    const auto num_entries = reader.Get<uint16_t>();
    if (!is_node || (i > 0 && node_level != level)) return std::nullopt;
    level = node_level;
    if (num_entries == 0) continue;
    if (num_entries > kMaxLinks - children.size()) return std::nullopt;
    const auto body = file.Read(nodes[i] + head.size(), num_entries * 16u);
    if (body.empty()) return std::nullopt;
    FieldReader entries(body);
    for (size_t e = 0; e < num_entries; ++e) {
      entries.Take(8);  // the key, which only orders the nodes
      children.push_back(entries.Get<uint64_t>());
    }
  }
  return children;
}

struct Link {
  std::string name;
  uint64_t address = 0;  // address of the object's header
};

// Adds the links of one symbol table node. `max_name_bytes` is the total length
// that names may still have; each added name reduces it. This is a bound
// because names in our files do not overlap. Returns false if the node is
// damaged.
bool ReadSymbolNode(MetadataFile& file, uint64_t address,
                    std::span<const std::byte> names, size_t& max_name_bytes,
                    std::vector<Link>& links) {
  constexpr uint32_t kSoftLink = 2;
  const auto head = file.Read(address, 8);
  FieldReader reader(head);
  const bool is_node = reader.Skip("SNOD") && reader.Get<uint8_t>() == 1;
  reader.Take(1);
  const auto num_symbols = reader.Get<uint16_t>();
  if (!is_node || num_symbols > kMaxLinks - links.size()) return false;
  const auto body = file.Read(address + head.size(), num_symbols * 40u);
  FieldReader symbols(body);
  for (size_t i = 0; i < num_symbols; ++i) {
    const auto name_offset = symbols.Get<uint64_t>();
    const auto object = symbols.Get<uint64_t>();
    const auto cache_type = symbols.Get<uint32_t>();
    symbols.Take(20);
    if (!symbols.ok() || cache_type == kSoftLink ||
        name_offset >= names.size()) {
      return false;
    }
    const auto rest = names.subspan(static_cast<size_t>(name_offset));
    auto name = TextUpToNul(rest.first(std::min(rest.size(), max_name_bytes)));
    if (!name || name->empty()) return false;
    max_name_bytes -= name->size() + 1;
    links.push_back({*std::move(name), object});
  }
  return true;
}

// The bytes of the local heap at `address`, which hold a group's names. Returns
// none if the heap is damaged.
std::vector<std::byte> ReadNames(MetadataFile& file, uint64_t address) {
  const auto head = file.Read(address, 32);
  FieldReader reader(head);
  if (!reader.Skip("HEAP") || reader.Get<uint8_t>() != 0) return {};
  reader.Take(3);
  const auto num_bytes = reader.Get<uint64_t>();
  reader.Take(8);  // the start of its free space
  return file.Read(reader.Get<uint64_t>(), num_bytes);
}

// The links of the group with this symbol table message. Returns nothing if any
// part is damaged.
std::optional<std::vector<Link>> ReadLinks(MetadataFile& file,
                                           const Message& symbol_table) {
  FieldReader reader(symbol_table.body);
  std::vector<uint64_t> nodes = {reader.Get<uint64_t>()};
  const auto names = ReadNames(file, reader.Get<uint64_t>());
  if (names.empty()) return std::nullopt;
  // Reads one level of the tree after another. Each must be lower than the one
  // before.
  uint8_t parent_level = UINT8_MAX;
  while (parent_level > 0) {
    uint8_t level = 0;
    auto children = ReadTreeNodes(file, nodes, level);
    if (!children || level >= parent_level) return std::nullopt;
    nodes = *std::move(children);
    parent_level = level;
  }
  std::vector<Link> links;
  size_t max_name_bytes = names.size();
  for (const uint64_t node : nodes) {
    if (!ReadSymbolNode(file, node, names, max_name_bytes, links)) {
      return std::nullopt;
    }
  }
  return links;
}

// The encoding of each element type in the format: class and version, three
// bytes of flags, the size, then offset and precision. Floating point types
// also have positions and sizes of exponent and mantissa, and the bias.
std::optional<ElementType> ParseElementType(const Message& message) {
  using std::string_view_literals::operator""sv;
  constexpr std::array<std::pair<ElementType, std::string_view>, 6> kEncoded = {
      {
          {ElementType::kU8, "\x10\0\0\0\1\0\0\0\0\0\x08\0"sv},
          {ElementType::kU32, "\x10\0\0\0\4\0\0\0\0\0\x20\0"sv},
          {ElementType::kU64, "\x10\0\0\0\x08\0\0\0\0\0\x40\0"sv},
          {ElementType::kF16,
           "\x11\x20\x0f\0\2\0\0\0\0\0\x10\0\x0a\5\0\x0a\x0f\0\0\0"sv},
          {ElementType::kF32,
           "\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0"sv},
          {ElementType::kBF16,
           "\x11\x20\x0f\0\2\0\0\0\0\0\x10\0\7\x08\0\7\x7f\0\0\0"sv},
      }};
  for (const auto& [type, encoded] : kEncoded) {
    if (FieldReader(message.body).Skip(encoded)) return type;
  }
  return std::nullopt;
}

// Returns the dimensions of a simple dataspace of at most two dimensions (none
// for a scalar), and nothing for any other.
std::optional<std::vector<uint64_t>> ParseDims(
    std::span<const std::byte> body) {
  constexpr uint8_t kPermutationFlag = 2;
  FieldReader reader(body);
  const auto version = reader.Get<uint8_t>();
  const auto rank = reader.Get<uint8_t>();
  const auto flags = reader.Get<uint8_t>();
  reader.Take(5);
  if (version != 1 || rank > 2 || (flags & kPermutationFlag) != 0) {
    return std::nullopt;
  }
  std::vector<uint64_t> dims(rank);
  for (uint64_t& dim : dims) dim = reader.Get<uint64_t>();
  if (!reader.ok()) return std::nullopt;
  return dims;
}

// Sets place.offset from the layout message. Returns false unless the dataset's
// bytes are contiguous, match its shape in number, and lie within the file.
bool PlaceData(const Message& layout, uint64_t file_bytes,
               DatasetPlace& place) {
  constexpr uint8_t kContiguous = 1;
  FieldReader reader(layout.body);
  const auto version = reader.Get<uint8_t>();
  const auto layout_class = reader.Get<uint8_t>();
  const auto address = reader.Get<uint64_t>();
  const auto num_bytes = reader.Get<uint64_t>();
  if (!reader.ok() || version != 3 || layout_class != kContiguous ||
      num_bytes != place.spec.num_bytes()) {
    return false;
  }
  if (num_bytes == 0) return true;
  place.offset = address;
  return num_bytes <= file_bytes && address <= file_bytes - num_bytes;
}

Result<DatasetPlace> ReadDataset(MetadataFile& file, const Link& link) {
  const std::string subject = "dataset " + link.name + ": ";
  const auto messages = ReadObjectHeader(file, link.address);
  if (!messages) return NotOurs(subject + "a damaged header");
  for (const Message& message : *messages) {
    // Other messages are filters, data in other files, times and the like.
    if (message.type != kDataspaceMessage && message.type != kDatatypeMessage &&
        message.type != kLayoutMessage && message.type != kFillValueMessage) {
      return NotOurs(subject + "has what ours do not have");
    }
  }
  const Message* space = FindMessage(*messages, kDataspaceMessage);
  const Message* type = FindMessage(*messages, kDatatypeMessage);
  const Message* layout = FindMessage(*messages, kLayoutMessage);
  if (space == nullptr || type == nullptr || layout == nullptr) {
    return NotOurs(subject + "not a dataset");
  }
  const auto element_type = ParseElementType(*type);
  if (!element_type) return NotOurs(subject + "of an unknown type");
  auto dims = ParseDims(space->body);
  if (!dims || dims->empty()) {
    return NotOurs(subject + "not of one or two dimensions");
  }
  DatasetPlace place = {{link.name, *element_type, *std::move(dims)}};
  if (!PlaceData(*layout, file.size_bytes(), place)) {
    return NotOurs(subject + "its bytes are not in one piece in the file");
  }
  return place;
}

// Returns nothing unless the attribute is a scalar, fixed-length, NUL-padded
// UTF-8 string.
std::optional<AttributeSpec> ParseAttribute(const Message& message) {
  using std::string_view_literals::operator""sv;
  const auto padded = [](uint16_t num_bytes) -> size_t {
    return (size_t{num_bytes} + 7) / 8 * 8;
  };
  FieldReader reader(message.body);
  const auto version = reader.Get<uint8_t>();
  reader.Take(1);
  const auto name_bytes = reader.Get<uint16_t>();
  const auto type_bytes = reader.Get<uint16_t>();
  const auto space_bytes = reader.Get<uint16_t>();
  const auto name = TextUpToNul(reader.Take(padded(name_bytes)));
  FieldReader type(reader.Take(padded(type_bytes)));
  const auto dims = ParseDims(reader.Take(padded(space_bytes)));
  if (version != 1 || !name || !dims || !dims->empty() ||
      !type.Skip("\x13\x11\0\0"sv)) {
    return std::nullopt;
  }
  const auto bytes = reader.Take(type.Get<uint32_t>());
  if (!reader.ok() || !type.ok()) return std::nullopt;
  std::string value(bytes.size(), '\0');
  std::copy_n(bytes.data(), bytes.size(),
              std::as_writable_bytes(std::span(value)).data());
  value.resize(value.find_last_not_of('\0') + 1);
  return AttributeSpec{*name, std::move(value)};
}

Result<H5Contents> ReadContents(MetadataFile& file) {
  const auto root = ReadSuperblock(file);
  if (!root.ok()) return root.error();
  const auto messages = ReadObjectHeader(file, root.value());
  if (!messages) return NotOurs("a damaged root group");
  const Message* table = FindMessage(*messages, kSymbolTableMessage);
  if (table == nullptr) return NotOurs("a damaged root group");
  const auto links = ReadLinks(file, *table);
  if (!links) return NotOurs("a damaged list of datasets");

  H5Contents contents;
  contents.file_bytes = file.size_bytes();
  uint64_t max_data_bytes = file.size_bytes();
  for (const Link& link : *links) {
    auto place = ReadDataset(file, link);
    if (!place.ok()) return place.error();
    // This bounds what is read of all datasets by the size of the file.
    const uint64_t num_bytes = place.value().spec.num_bytes();
    if (num_bytes > max_data_bytes) return NotOurs("datasets that overlap");
    max_data_bytes -= num_bytes;
    contents.datasets.push_back(std::move(place).value());
  }
  for (const Message& message : *messages) {
    if (message.type == kSymbolTableMessage) continue;
    auto attribute = message.type == kAttributeMessage ? ParseAttribute(message)
                                                       : std::nullopt;
    if (!attribute) return NotOurs("an attribute that is not a plain string");
    contents.attributes.push_back(*std::move(attribute));
  }
  return contents;
}

}  // namespace

const DatasetPlace* H5Contents::FindDataset(std::string_view name) const {
  for (const DatasetPlace& place : datasets) {
    if (place.spec.name == name) return &place;
  }
  return nullptr;
}

const std::string* H5Contents::FindAttribute(std::string_view name) const {
  for (const AttributeSpec& attribute : attributes) {
    if (attribute.name == name) return &attribute.value;
  }
  return nullptr;
}

Result<H5Contents> ReadH5Contents(const std::string& path) {
  ReadableFile readable = OpenForReading(path);
  if (readable.error != 0) return StoreReadError(readable.error);
  MetadataFile file(std::move(readable));
  auto contents = ReadContents(file);
  if (file.error() != 0) return StoreReadError(file.error());
  return contents;
}

}  // namespace melmill
