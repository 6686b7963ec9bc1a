#include "unit/http/server/test_service.h"

#include <algorithm>

#include "http/message/writer.h"

namespace tidegate::test {

namespace {

using http::Responder;

std::string plain_head(uint16_t status) {
  std::string head;
  http::HeadWriter(head).status_line(status);
  return head + "X-Test: yes\r\n";
}

class TestHandler final : public http::Handler {
 public:
  TestHandler(TestService& service, Responder& responder) : service_(service), responder_(responder) {
    path_ = responder.request().path;
  }

  void begin() {
    if (path_ == "/now" || path_ == "/early") responder_.respond(200, "text/plain", "hello");
    if (path_ == "/hints") hint();
    if (path_ == "/wait") service_.waiting.push_back(&responder_);
    if (path_ == "/empty") responder_.respond(204, {}, {});
    if (path_ == "/drop") responder_.abort();
    if (path_ == "/chunks") send_chunks();
    if (path_ == "/half" || path_ == "/short") send_half();
    if (path_ == "/paused") pause();
  }

  void on_body(std::string_view piece) override {
    service_.body_bytes += piece.size();
    if (path_ == "/echo") body_.append(piece);
  }

  void on_body_end() override {
    service_.log.push_back("end");
    if (path_ == "/echo" || path_ == "/paused") responder_.respond(200, "text/plain", body_);
    if (path_ == "/big") {
      responder_.send_head(200, plain_head(200), service_.big_bytes);
      left_ = service_.big_bytes;
      pump();
    }
  }

  void on_body_error(const http::ParseError& error) override {
    service_.log.push_back("error " + std::to_string(error.status));
    responder_.respond(error.status, "text/plain", error.reason);
  }

  void on_client_gone() override {
    service_.log.push_back("gone");
    std::erase(service_.waiting, &responder_);
  }

  void on_response_drained() override {
    if (path_ == "/big") pump();
  }

 private:
  void hint() {
    for (int i = 0; i < 12; ++i) responder_.send_interim("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n");
    service_.waiting.push_back(&responder_);
  }

  void send_chunks() {
    responder_.send_head(200, plain_head(200), Responder::kUnknownLength);
    for (const char* piece : {"one,", "two,", "three"}) responder_.send_body(piece);
    responder_.finish();
  }

  void send_half() {
    responder_.send_head(200, plain_head(200), 10);
    responder_.send_body("four");
    path_ == "/half" ? responder_.abort() : responder_.finish();
  }

  void pause() {
    responder_.pause_body();
    service_.paused = &responder_;
  }

  void pump() {
    static const std::string kBlock(64 * 1024, 'x');
    while (left_ > 0 && responder_.write_pending() == 0) {
      const size_t size = std::min(left_, kBlock.size());
      left_ -= size;
      responder_.send_body(std::string_view(kBlock).substr(0, size));
      service_.big_pending_max = std::max(service_.big_pending_max, responder_.write_pending());
    }
    if (left_ == 0) responder_.finish();
  }

  TestService& service_;
  Responder& responder_;
  std::string path_;
  std::string body_;
  size_t left_ = 0;
};

}  // namespace

std::unique_ptr<http::Handler> TestService::on_request(Responder& responder) {
  log.push_back("request " + std::string(responder.request().path));
  auto handler = std::make_unique<TestHandler>(*this, responder);
  handler->begin();
  return handler;
}

http::Service::Refusal TestService::on_refused(const http::ParseError& error, const SocketAddress&) {
  log.push_back("refused " + std::to_string(error.status));
  return {"text/plain", error.reason, "X-Refused: yes\r\n"};
}

void TestService::respond_to_waiting() {
  Responder* responder = waiting.front();
  waiting.erase(waiting.begin());
  responder->respond(200, "text/plain", "waited");
}

void TestService::resume_paused() { paused->resume_body(); }

bool TestService::has(std::string_view entry) const { return std::find(log.begin(), log.end(), entry) != log.end(); }

}  // namespace tidegate::test
