#include "jobs/fingerprint.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string_view>

#include "base/assert.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPiece = 256 * 1024;

class Sha256 {
 public:
  Sha256() { TG_ASSERT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }
  void add(std::string_view bytes) { TG_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    TG_ASSERT(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) text.append({kDigits[byte >> 4], kDigits[byte & 15]});
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

}  // namespace

Result<std::string> fingerprint_of(const JobDraft& draft) {
  Sha256 hash;
  // Neither a method nor a target has a line end in it.
  hash.add(draft.method);
  hash.add("\n");
  hash.add(draft.target);
  hash.add(draft.body_ref.empty() ? "\nbody\n" : "\nreference\n");
  if (!draft.body_ref.empty()) {
    hash.add(std::string_view(draft.body_ref).substr(0, draft.body_ref.find('?')));
    return hash.hex();
  }
  if (!draft.body.file) {
    hash.add(draft.body.memory);
    return hash.hex();
  }
  for (uint64_t at = 0; at < draft.body.size();) {
    const auto piece = draft.body.file->read_at(at, kPiece);
    if (!piece) return piece.error();
    if (piece->empty()) return Error{ErrorCode::io, "a kept body is shorter than it was"};
    hash.add(*piece);
    at += piece->size();
  }
  return hash.hex();
}

}  // namespace tidegate::jobs
