#include "http/client/fetch.h"

#include <algorithm>
#include <array>

#include "base/host_name.h"
#include "http/client/client_connection.h"
#include "http/message/chars.h"
#include "http/message/writer.h"
#include "http/parser/guard.h"
#include "net/timer.h"

namespace tidegate::http {

namespace {

constexpr uint16_t kHttpPort = 80, kHttpsPort = 443;
constexpr std::string_view kHttpScheme = "http://", kHttpsScheme = "https://";
constexpr uint64_t kReserveMax = 1 << 20;  // an announced length is not believed beyond this

// "host:port" into its parts; `port` stays as it is where none is given.
bool split_host(const std::string& text, std::string* host, uint16_t* port) {
  if (!is_valid_authority(text)) return false;
  const size_t bracket = text.find(']');
  const size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  *host = text.substr(0, colon);
  if (bracket != text.npos) *host = text.substr(1, bracket - 1);
  if (colon != text.npos && colon + 1 < text.size()) *port = static_cast<uint16_t>(std::stoul(text.substr(colon + 1)));
  return true;
}

// "up.example:8080" of "up.example.:8080".
std::string host_field(std::string_view authority) {
  const std::string_view host = without_port(authority);
  return std::string(without_final_dot(host)).append(authority.substr(host.size()));
}

// connect ──▶ exchange ──▶ done (the callback; silence afterwards)
//    └───────────┴─ failure, timeout ──▲
class Fetch final : public net::Operation, private ClientUser {
 public:
  Fetch(net::Runtime& runtime, FetchRequest request, FetchCallback done)
      : runtime_(runtime),
        request_(std::move(request)),
        done_(std::move(done)),
        timer_(runtime, [this] { on_timer(); }),
        port_(request_.tls.used() ? kHttpsPort : kHttpPort) {
    if (!is_writable(request_) || !split_host(request_.host, &host_, &port_)) {
      early_error_ = Error{ErrorCode::invalid, "fetch: bad request to " + request_.host};
      timer_.start_after(Duration::zero());
      return;
    }
    deadline_ = runtime_.now() + request_.timeout;
    const auto connected = [this](Result<std::unique_ptr<net::Stream>> stream) { on_connected(std::move(stream)); };
    if (request_.connect || request_.tls.used()) timer_.start_at(deadline_);
    connecting_ = request_.connect
                      ? request_.connect(connected)
                      : net::connect_server(runtime_, host_, port_, request_.tls, request_.timeout, connected);
  }

 private:
  static bool is_writable(const FetchRequest& request) {
    if (!is_token(request.method) || request.target.empty() || request.target.find(' ') != std::string::npos)
      return false;
    if (has_control_char(request.target)) return false;
    return std::all_of(request.fields.begin(), request.fields.end(),
                       [](const auto& field) { return is_token(field.first) && !has_control_char(field.second); });
  }

  void on_connected(Result<std::unique_ptr<net::Stream>> stream) {
    if (!stream) return end(fetch_error(stream.error().code, stream.error().message));
    timer_.start_at(deadline_);
    if (request_.on_connected) request_.on_connected();
    connection_ = std::make_unique<ClientConnection>(std::move(*stream), kResponseLimits);
    connection_->begin_request(this, request_.method == "HEAD");
    send_request();
  }

  void send_request() {
    std::string head;
    HeadWriter writer(head);
    writer.request_line(request_.method, request_.target);
    writer.field("Host", host_field(request_.host));
    for (const auto& [name, value] : request_.fields) writer.field(name, value);
    const bool has_body = !request_.body.empty() || request_.method == "POST" || request_.method == "PUT";
    if (has_body) writer.field("Content-Length", request_.body.size());
    writer.field("Connection", "close");
    writer.end();
    const std::array<std::string_view, 2> pieces = {head, request_.body};
    connection_->write(pieces);
    connection_->end_request();
  }

  void on_response_head(const ResponseHead& head) override {
    response_.status = head.status;
    for (const auto& [name, value] : head.fields) response_.fields.emplace_back(name, value);
    if (request_.status_only) return end(std::move(response_));
    if (head.framing == Framing::content_length) too_large_ = head.content_length > request_.body_bytes_max;
    if (head.framing == Framing::content_length && !too_large_)
      response_.body.reserve(std::min<uint64_t>(head.content_length, kReserveMax));
    if (too_large_) end(too_large_error());
  }

  void on_response_body(std::string_view piece) override {
    if (piece.size() > request_.body_bytes_max - response_.body.size()) return end(too_large_error());
    response_.body.append(piece);
  }

  void on_response_complete() override { end(std::move(response_)); }

  void on_client_failure(ClientFailure failure, RequestSeen, std::string_view detail) override {
    const ErrorCode code = failure == ClientFailure::reset ? ErrorCode::reset : ErrorCode::invalid;
    end(fetch_error(code, detail));
  }

  void on_request_drained() override {}

  void on_timer() {
    if (early_error_.has_value()) return end(*early_error_);
    end(fetch_error(ErrorCode::timeout, "no complete response in time"));
  }

  Error fetch_error(ErrorCode code, std::string_view detail) const {
    return {code, "fetch " + request_.host + ": " + std::string(detail)};
  }
  Error too_large_error() const { return fetch_error(ErrorCode::exhausted, "the response is too large"); }

  // The only end. The callback may destroy this operation, so it is the last thing done.
  void end(Result<FetchResponse> result) {
    timer_.stop();
    connecting_.reset();
    connection_.reset();
    const FetchCallback done = std::move(done_);
    done(std::move(result));
  }

  net::Runtime& runtime_;
  FetchRequest request_;
  FetchCallback done_;
  Time deadline_{};
  net::Timer timer_;  // not while TCP alone is connected, which has a time limit of its own
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<ClientConnection> connection_;
  std::string host_;
  uint16_t port_;
  bool too_large_ = false;
  std::optional<Error> early_error_;
  FetchResponse response_;
};

}  // namespace

std::string_view FetchResponse::field(std::string_view name) const {
  for (const auto& [field_name, value] : fields) {
    if (iequals(field_name, name)) return value;
  }
  return {};
}

std::unique_ptr<net::Operation> fetch(net::Runtime& runtime, FetchRequest request, FetchCallback done) {
  return std::make_unique<Fetch>(runtime, std::move(request), std::move(done));
}

Result<HttpUrl> parse_http_url(std::string_view url) {
  RequestHead head;
  head.method = "GET";
  head.target = url;
  const bool is_http = iequals(url.substr(0, kHttpScheme.size()), kHttpScheme);
  if (!is_http || check_target(head) != nullptr)
    return Error{ErrorCode::invalid, "not an http:// URL: " + std::string(url)};
  std::string target(head.path);
  if (url.find('?') != url.npos) target.append("?").append(head.query);
  return HttpUrl{std::string(head.authority), std::move(target)};
}

Result<HttpUrl> parse_url(std::string_view url) {
  const bool tls = iequals(url.substr(0, kHttpsScheme.size()), kHttpsScheme);
  auto parsed =
      parse_http_url(tls ? std::string(kHttpScheme).append(url.substr(kHttpsScheme.size())) : std::string(url));
  if (parsed) parsed->tls = tls;
  return parsed;
}

}  // namespace tidegate::http
