#ifndef MELMILL_IO_HASH_H_
#define MELMILL_IO_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace melmill {

// XXH3 with seed 0. It is not cryptographic; it finds damage and equal content.

uint64_t Xxh3_64(std::span<const std::byte> bytes);
uint64_t Xxh3_64(std::string_view text);

// The canonical (big-endian) form of XXH3 128.
using Hash128 = std::array<uint8_t, 16>;
uint64_t First64(const Hash128& hash);   // its first half
std::string ToHex(const Hash128& hash);  // 32 lower-case digits
std::string ToHex(uint64_t hash);        // 16 lower-case digits
// Returns nothing for text that ToHex cannot have made.
std::optional<Hash128> ParseHash128(std::string_view hex);

// XXH3 64 of bytes that come in pieces.
class Hasher64 {
 public:
  Hasher64();
  ~Hasher64();

  void Update(std::span<const std::byte> bytes);
  uint64_t Digest() const;

 private:
  struct Deleter {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Deleter> state_;
};

// XXH3 128 of bytes that come in pieces.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;

  void Reset();
  void Update(std::span<const std::byte> bytes);
  void Update(std::string_view text);
  // Adds the length first, so that a sequence of texts is unambiguous.
  void UpdateSized(std::string_view text);
  void UpdateU64(uint64_t value) { UpdateU64s({value}); }
  // Adds the 8 little-endian bytes of each value.
  void UpdateU64s(std::initializer_list<uint64_t> values);
  Hash128 Digest() const;

 private:
  struct Deleter {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Deleter> state_;
};

}  // namespace melmill

#endif  // MELMILL_IO_HASH_H_
