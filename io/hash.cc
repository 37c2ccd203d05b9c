#include "io/hash.h"

#include <xxhash.h>
#if defined(__x86_64__)
#include <immintrin.h>
// The same functions, compiled for the processor at hand: twice as fast.
#include <xxh_x86dispatch.h>
#endif

#include <algorithm>
#include <bit>
#include <charconv>
#include <iterator>
#include <new>

namespace melmill {
namespace {

XXH3_state_t* StateOf(void* state) { return static_cast<XXH3_state_t*>(state); }

std::string BytesToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// The state needs an alignment of 64, which only its own allocator guarantees.
XXH3_state_t* CreateState() {
  XXH3_state_t* state = XXH3_createState();
  if (state == nullptr) throw std::bad_alloc();
  return state;
}

#if defined(__x86_64__)
__attribute__((target("avx"))) void ClearUpperHalves() { _mm256_zeroupper(); }
#endif

// The one-shot functions of xxHash 0.8.1 leave the upper halves of the vector
// registers in use. Intel's processors then run SSE code, such as libsoxr's,
// many times slower.
uint64_t HashAtOnce(const void* bytes, size_t num_bytes) {
  const uint64_t hash = XXH3_64bits(bytes, num_bytes);
#if defined(__x86_64__)
  static const bool has_avx = __builtin_cpu_supports("avx");
  if (has_avx) ClearUpperHalves();
#endif
  return hash;
}

}  // namespace

uint64_t Xxh3_64(std::span<const std::byte> bytes) {
  return HashAtOnce(bytes.data(), bytes.size());
}

uint64_t Xxh3_64(std::string_view text) {
  return HashAtOnce(text.data(), text.size());
}

uint64_t First64(const Hash128& hash) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | hash[i];
  return value;
}

std::string ToHex(const Hash128& hash) { return BytesToHex(hash); }

std::string ToHex(uint64_t hash) {
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, hash);
  return BytesToHex(canonical.digest);
}

std::optional<Hash128> ParseHash128(std::string_view hex) {
  Hash128 hash;
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < hash.size(); ++i) {
    const char* digits = hex.data() + 2 * i;
    std::from_chars(digits, digits + 2, hash[i], 16);
  }
  if (ToHex(hash) != hex) return std::nullopt;
  return hash;
}

Hasher64::Hasher64() : state_(CreateState()) {
  XXH3_64bits_reset(StateOf(state_.get()));
}

Hasher64::~Hasher64() = default;

void Hasher64::Update(std::span<const std::byte> bytes) {
  // XXH3 treats an empty update with a null pointer as an error.
  if (bytes.empty()) return;
  XXH3_64bits_update(StateOf(state_.get()), bytes.data(), bytes.size());
}

uint64_t Hasher64::Digest() const {
  return XXH3_64bits_digest(StateOf(state_.get()));
}

void Hasher64::Deleter::operator()(void* state) const {
  XXH3_freeState(StateOf(state));
}

Hasher128::Hasher128() : state_(CreateState()) { Reset(); }

Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::Reset() { XXH3_128bits_reset(StateOf(state_.get())); }

void Hasher128::Update(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  XXH3_128bits_update(StateOf(state_.get()), bytes.data(), bytes.size());
}

void Hasher128::Update(std::string_view text) {
  Update(std::as_bytes(std::span(text)));
}

void Hasher128::UpdateSized(std::string_view text) {
  UpdateU64(text.size());
  Update(text);
}

void Hasher128::UpdateU64s(std::initializer_list<uint64_t> values) {
  static_assert(std::endian::native == std::endian::little);
  Update(std::as_bytes(std::span(values.begin(), values.size())));
}

Hash128 Hasher128::Digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical,
                           XXH3_128bits_digest(StateOf(state_.get())));
  Hash128 hash;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest),
            hash.begin());
  return hash;
}

void Hasher128::Deleter::operator()(void* state) const {
  XXH3_freeState(StateOf(state));
}

}  // namespace melmill
