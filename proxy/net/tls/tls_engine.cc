#include "net/tls/tls_engine.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/host_name.h"
#include "base/ip.h"
#include "net/tls/tls_words.h"

namespace tidegate::net {

namespace {

constexpr size_t kRecordMax = 16 * 1024;
constexpr size_t kSpareMax = 256 * 1024;

// Memory for the output of whichever connection has some.
std::string& spare_output() {
  static thread_local std::string spare;
  return spare;
}

// What a certificate must be for, and, of a name, what the server is asked for: two settings.
void expect_server(SSL* ssl, const std::string& name) {
  expect_name(SSL_get0_param(ssl), name);
  if (!IpAddress::parse(name)) SSL_set_tlsext_host_name(ssl, name.c_str());
}

}  // namespace

TlsEngine::TlsEngine(std::shared_ptr<TlsGeneration> generation, const TlsServerName& server)
    : generation_(std::move(generation)), ssl_(SSL_new(generation_->context.get())), session_key_(server.session) {
  begin();
  SSL_set_connect_state(ssl_.get());
  expect_server(ssl_.get(), std::string(without_final_dot(server.name)));
  if (const auto session = generation_->sessions.take(session_key_)) SSL_set_session(ssl_.get(), session.get());
}

TlsEngine::TlsEngine(std::shared_ptr<TlsGeneration> generation)
    : generation_(std::move(generation)), ssl_(SSL_new(generation_->context.get())) {
  begin();
  SSL_set_accept_state(ssl_.get());
}

void TlsEngine::begin() {
  TG_ASSERT(ssl_ != nullptr);
  BIO* const bio = BIO_new(memory());
  TG_ASSERT(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
}

const BIO_METHOD* TlsEngine::memory() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tidegate");
    TG_ASSERT(made != nullptr);
    BIO_meth_set_read(made, &take_input);
    BIO_meth_set_write(made, &add_output);
    BIO_meth_set_ctrl(made, &control);
    return made;
  }();
  return method;
}

int TlsEngine::take_input(BIO* bio, char* into, int size) {
  auto* const self = static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self->input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t count = std::min(self->input_.size(), static_cast<size_t>(size));
  std::memcpy(into, self->input_.data(), count);
  self->input_.remove_prefix(count);
  return static_cast<int>(count);
}

int TlsEngine::add_output(BIO* bio, const char* bytes, int size) {
  std::string& output = static_cast<TlsEngine*>(BIO_get_data(bio))->output_;
  if (output.empty()) output.swap(spare_output());
  output.append(bytes, static_cast<size_t>(size));
  return size;
}

long TlsEngine::control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

size_t TlsEngine::flush(Stream& below) {
  if (output_.empty()) return 0;
  const size_t count = output_.size();
  below.write(output_);
  give_back_output();
  return count;
}

std::string TlsEngine::take_output() { return std::exchange(output_, {}); }

// An idle connection holds no memory for output.
void TlsEngine::give_back_output() {
  output_.clear();
  std::string& spare = spare_output();
  if (output_.capacity() > spare.capacity() && output_.capacity() <= kSpareMax) output_.swap(spare);
  output_ = std::string();
}

int TlsEngine::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* const self = static_cast<TlsEngine*>(SSL_get_app_data(ssl));
  self->judged_ = true;
  self->generation_->sessions.keep(self->session_key_, SslOwned<SSL_SESSION>(session));
  return 1;  // it is ours now
}

int TlsEngine::on_certificate_wanted(SSL* ssl, void*) {
  static_cast<TlsEngine*>(SSL_get_app_data(ssl))->asked_for_certificate_ = true;
  return 1;
}

int TlsEngine::on_verified(int good, X509_STORE_CTX* verification) {
  if (good) return good;
  auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  static_cast<TlsEngine*>(SSL_get_app_data(ssl))->wrong_certificate_ = describe_verification(ssl, verification);
  return good;
}

void TlsEngine::feed(std::string_view bytes) {
  if (input_.empty()) {
    input_ = bytes;
    return;
  }
  kept_ = std::string(input_).append(bytes);
  input_ = kept_;
}

void TlsEngine::keep_rest() {
  if (input_.empty()) {
    kept_ = {};
  } else {
    kept_ = std::string(input_);
  }
  input_ = kept_;
}

bool TlsEngine::has_input() const { return !input_.empty() || SSL_pending(ssl_.get()) > 0; }

TlsEngine::Step TlsEngine::step_after(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return Step::done;
    case SSL_ERROR_WANT_READ: return Step::wants_bytes;
    case SSL_ERROR_ZERO_RETURN: return Step::ended;
    default: break;
  }
  TlsFailure failure = describe_failure(ssl_.get());
  if (!wrong_certificate_.empty()) failure.reason = wrong_certificate_;
  failed_ = true;
  const bool refused = failure.refused_by_peer && !read_any_;
  failure_ = {refused ? ErrorCode::refused : ErrorCode::reset, "TLS: " + failure.reason};
  return Step::failed;
}

TlsEngine::Step TlsEngine::handshake() {
  if (failed_) return Step::failed;
  ERR_clear_error();
  return step_after(SSL_do_handshake(ssl_.get()));
}

TlsEngine::Step TlsEngine::look() {
  if (failed_) return Step::failed;
  char byte = 0;
  size_t got = 0;
  ERR_clear_error();
  return step_after(SSL_peek_ex(ssl_.get(), &byte, sizeof(byte), &got));
}

TlsEngine::Step TlsEngine::read(std::span<char> into, size_t& count) {
  count = 0;
  Step step = failed_ ? Step::failed : Step::done;
  while (step == Step::done && count < into.size()) {
    size_t got = 0;
    ERR_clear_error();
    step = step_after(SSL_read_ex(ssl_.get(), into.data() + count, into.size() - count, &got));
    count += got;
  }
  read_any_ = read_any_ || count > 0;
  return step;
}

TlsEngine::Step TlsEngine::write_some(std::string_view bytes) {
  if (failed_) return Step::failed;
  if (bytes.empty()) return Step::done;
  size_t written = 0;
  ERR_clear_error();
  const Step step = step_after(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written));
  TG_ASSERT(step == Step::failed || written == bytes.size());  // nothing to wait for: the output takes all
  return step;
}

// Small pieces share a record; large ones are not copied.
TlsEngine::Step TlsEngine::write(std::span<const std::string_view> pieces) {
  static thread_local std::array<char, kRecordMax> record;
  size_t filled = 0;
  Step step = failed_ ? Step::failed : Step::done;
  const auto flush = [&] {
    step = write_some({record.data(), filled});
    filled = 0;
  };
  for (std::string_view piece : pieces) {
    while (step == Step::done && !piece.empty()) {
      if (filled == 0 && piece.size() >= kRecordMax) {
        step = write_some(piece.substr(0, piece.size() / kRecordMax * kRecordMax));
        piece.remove_prefix(piece.size() / kRecordMax * kRecordMax);
        continue;
      }
      const size_t count = std::min(piece.size(), kRecordMax - filled);
      std::memcpy(record.data() + filled, piece.data(), count);
      filled += count;
      piece.remove_prefix(count);
      if (filled == kRecordMax) flush();
    }
  }
  if (step == Step::done) flush();
  return step;
}

void TlsEngine::ask_for_new_key() {
  ERR_clear_error();
  SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
  step_after(SSL_do_handshake(ssl_.get()));
}

void TlsEngine::send_close_notify() {
  if (failed_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace tidegate::net
