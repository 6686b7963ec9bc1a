#include "api/upload/key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/ids.h"

namespace tidegate::api {

struct KeyHasher::Context {
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  void begin() const { TG_ASSERT(digest && EVP_DigestInit_ex(digest, EVP_sha256(), nullptr) == 1); }
  ~Context() { EVP_MD_CTX_free(digest); }
};

bool is_key(std::string_view text) {
  return text.size() == kKeyLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

KeyHasher::KeyHasher() : context_(std::make_unique<Context>()) { context_->begin(); }

KeyHasher::~KeyHasher() = default;

void KeyHasher::add(std::string_view bytes) {
  TG_ASSERT(EVP_DigestUpdate(context_->digest, bytes.data(), bytes.size()) == 1);
}

void KeyHasher::add_length(uint64_t length) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(length >> (56 - 8 * i));
  add({bytes.data(), bytes.size()});
}

void KeyHasher::add_image(std::string_view piece) {
  image_bytes_ += piece.size();
  add(piece);
}

void KeyHasher::forget_image() {
  image_bytes_ = 0;
  context_->begin();
}

std::string KeyHasher::finish(std::string_view text, std::string_view position) {
  add(text);
  add(position);
  add_length(image_bytes_);
  add_length(text.size());
  add_length(position.size());
  std::array<uint8_t, 32> digest{};
  TG_ASSERT(EVP_DigestFinal_ex(context_->digest, digest.data(), nullptr) == 1);
  return to_hex(digest.data(), digest.size());
}

std::string key_of(std::string_view image, std::string_view text, std::string_view position) {
  KeyHasher hasher;
  hasher.add_image(image);
  return hasher.finish(text, position);
}

}  // namespace tidegate::api
