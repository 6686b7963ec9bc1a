#include "jobs/fingerprint.h"

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/ids.h"

namespace tidegate::jobs {

struct Fingerprint::Digest {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Digest() { EVP_MD_CTX_free(context); }
};

Fingerprint::Fingerprint(const JobDraft& draft)
    : body_counts_(draft.body_ref.empty()), digest_(std::make_unique<Digest>()) {
  TG_ASSERT(EVP_DigestInit_ex(digest_->context, EVP_sha256(), nullptr) == 1);
  // None of them has a line end in it.
  feed(draft.route + "\n" + std::string(value_of(draft.fields, "host")) + "\n");
  feed(draft.method + "\n" + draft.target + (body_counts_ ? "\nbody\n" : "\nreference\n"));
  if (!body_counts_) feed(std::string_view(draft.body_ref).substr(0, draft.body_ref.find('?')));
}

Fingerprint::~Fingerprint() = default;

void Fingerprint::add(std::string_view piece) {
  if (body_counts_) feed(piece);
}

void Fingerprint::feed(std::string_view piece) {
  TG_ASSERT(EVP_DigestUpdate(digest_->context, piece.data(), piece.size()) == 1);
}

std::string Fingerprint::finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  TG_ASSERT(EVP_DigestFinal_ex(digest_->context, bytes, &count) == 1);
  return to_hex(bytes, count);
}

Result<std::string> fingerprint_of(const JobDraft& draft) {
  constexpr size_t kPiece = 256 * 1024;
  Fingerprint print(draft);
  if (!draft.body_ref.empty()) return print.finish();
  if (!draft.body.file) print.add(draft.body.memory);
  for (uint64_t at = 0; draft.body.file && at < draft.body.size();) {
    const auto piece = draft.body.file->read_at(at, kPiece);
    if (!piece) return piece.error();
    if (piece->empty()) return Error{ErrorCode::io, "a kept body is shorter than it was"};
    print.add(*piece);
    at += piece->size();
  }
  return print.finish();
}

}  // namespace tidegate::jobs
