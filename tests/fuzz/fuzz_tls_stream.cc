// Oracle: whatever becomes of the records on their way (cut in pieces, changed, dropped, cut off), and whenever the
// user stops and starts reading, it gets a beginning of what the peer sent and nothing else; and an end only after all
// of it.
//
// The input: one byte a step. The peer speaks TLS itself, below which its records are tampered with.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "net/sim/sim_runtime.h"
#include "net/tls/tls_handshake.h"
#include "support/certificates.h"

using namespace tidegate;

namespace {

std::shared_ptr<net::TlsContext> client_side() {
  std::vector<net::TlsFileProblem> problems;
  static const auto context = net::TlsContext::for_servers({.ca_file = test::Authority::of_program().ca_file()},
                                                           net::TlsContext::Alpn::http, problems);
  return context;
}
std::shared_ptr<net::TlsContext> server_side() {
  std::vector<net::TlsFileProblem> problems;
  static const auto context = net::TlsContext::for_clients(
      {test::Authority::server_of_program().cert_file, test::Authority::server_of_program().key_file}, problems);
  return context;
}

struct Reader final : net::StreamUser {
  void on_read(std::string_view bytes) override {
    TG_ASSERT(!ended && !broken && !bytes.empty());
    received.append(bytes);
    if (pauses) stream->stop_reading();
  }
  void on_read_end() override { ended = true; }
  void on_stream_error(const Error&) override { broken = true; }
  void on_write_drained() override {}

  std::unique_ptr<net::Stream> stream;
  std::string received;
  bool pauses = false;  // inside each call
  bool ended = false, broken = false;
};

class World final : net::StreamUser {
 public:
  World() {
    auto listening = runtime_.listen(*SocketAddress::parse("10.0.0.1:443"), [this](auto stream) {
      below_ = std::move(stream);
      below_->set_user(this);
      below_->start_reading();
    });
    TG_ASSERT(listening.ok());
    listener_ = std::move(*listening);
    const auto connect = [this](net::ConnectCallback done) {
      return runtime_.connect(listener_->address(), std::move(done));
    };
    connecting_ = net::connect_tls(runtime_, {client_side(), {"127.0.0.1", "fuzz"}, 5s}, connect, [this](auto stream) {
      TG_ASSERT(stream.ok());
      reader_.stream = std::move(*stream);
      reader_.stream->set_user(&reader_);
      reader_.stream->start_reading();
    });
    runtime_.run_for(1s);
    TG_ASSERT(reader_.stream && complete_);
  }

  void step(uint8_t what) {
    if (!reader_.stream || !below_) return;
    const uint8_t amount = what >> 3;
    switch (what & 7) {
      case 0: say(std::string(1 + amount * 300, static_cast<char>('a' + said_.size() % 26))); break;
      case 1: send(amount + 1u); break;
      case 2: send(SIZE_MAX); break;
      case 3: tamper(amount); break;
      case 4: amount < 16 ? reader_.stream->stop_reading() : void(reader_.pauses = !reader_.pauses); break;
      case 5: reader_.stream->start_reading(); break;
      case 6: runtime_.run_for(1ms * amount); break;
      case 7: amount < 16 ? end() : cut(); break;
    }
  }

  void finish() {
    reader_.pauses = false;
    reader_.stream->start_reading();
    send(SIZE_MAX);
    runtime_.run_for(1s);
    TG_ASSERT(said_.starts_with(reader_.received));
    TG_ASSERT(!reader_.ended || (finished_ && reader_.received == said_));
    if (!tampered_ && !cut_) TG_ASSERT(reader_.received == said_ && reader_.ended == finished_ && !reader_.broken);
    reader_.stream.reset();
    below_.reset();
    runtime_.run_for(1s);
    TG_ASSERT(runtime_.open_streams() == 0);
  }

 private:
  void say(const std::string& text) {
    if (finished_) return;
    said_ += text;
    const std::string_view piece = text;
    TG_ASSERT(engine_.write(std::span(&piece, 1)) == net::TlsEngine::Step::done);
    take_output();
  }
  void end() {
    finished_ = true;
    engine_.send_close_notify();
    take_output();
  }
  void cut() {
    cut_ = true;
    below_->end_writing();
  }
  void tamper(uint8_t amount) {
    if (waiting_.empty()) return;
    tampered_ = true;
    char& byte = waiting_[amount % waiting_.size()];
    byte = static_cast<char>(byte ^ (1 + amount));
  }
  void send(size_t count) {
    if (!below_ || cut_) return;
    count = std::min(count, waiting_.size());
    below_->write(std::string_view(waiting_).substr(0, count));
    waiting_.erase(0, count);
  }
  void take_output() { waiting_ += engine_.take_output(); }

  void on_read(std::string_view bytes) override {
    engine_.feed(bytes);
    if (!complete_) complete_ = engine_.handshake() == net::TlsEngine::Step::done;
    engine_.keep_rest();
    engine_.flush(*below_);
  }
  void on_read_end() override {}
  void on_stream_error(const Error&) override {}
  void on_write_drained() override {}

  net::SimRuntime runtime_{1};
  net::TlsEngine engine_{server_side()->current()};
  std::unique_ptr<net::Stream> below_;
  Reader reader_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Operation> connecting_;
  std::string waiting_;  // records that have not been sent
  std::string said_;
  bool complete_ = false, finished_ = false, cut_ = false, tampered_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  World world;
  for (size_t i = 0; i < std::min<size_t>(size, 200); ++i) world.step(data[i]);
  world.finish();
  return 0;
}
