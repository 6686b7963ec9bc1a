#include "http/parser/parser.h"

#include <algorithm>

#include "base/assert.h"
#include "http/parser/chunk_guard.h"
#include "http/parser/guard.h"
#include "http/parser/llhttp_check.h"

namespace tidegate::http {

namespace {

enum class Phase : uint8_t { head, body, done, failed };

// What both directions share: the body after a head that the guard and llhttp agree on.
struct Message {
  Message(HeadGuard::Kind kind, const HeadLimits& head_limits)
      : limits(head_limits), guard(kind, head_limits), check(kind == HeadGuard::Kind::response) {}

  ParseEvent fail(Violation violation);
  void begin_body(Framing body_framing, uint64_t content_length, bool is_opaque);
  ParseEvent next_body(std::string_view* input);
  ParseEvent next_counted(std::string_view* input, uint64_t count);
  ParseEvent next_chunked(std::string_view* input);
  ParseEvent complete();
  void reset();

  const HeadLimits limits;
  HeadGuard guard;
  LlhttpCheck check;
  ChunkGuard chunks;
  std::string_view body;
  uint64_t remaining = 0;
  Framing framing = Framing::none;
  Phase phase = Phase::head;
  bool opaque = false;  // after a 101: another protocol's bytes
  ParseError error;
};

ParseEvent Message::fail(Violation violation) {
  phase = Phase::failed;
  error = *violation;
  return ParseEvent::error;
}

void Message::begin_body(Framing body_framing, uint64_t content_length, bool is_opaque) {
  phase = Phase::body;
  framing = body_framing;
  remaining = content_length;
  opaque = is_opaque;
  if (framing != Framing::chunked) return;
  chunks.start(limits.chunk_extension_bytes, limits.header_bytes - guard.bytes().size(),
               limits.header_count - guard.field_count());
}

ParseEvent Message::complete() {
  if (const Violation violation = opaque ? nullptr : check.complete()) return fail(violation);
  phase = Phase::done;
  return ParseEvent::complete;
}

ParseEvent Message::next_counted(std::string_view* input, uint64_t count) {
  if (input->empty()) return ParseEvent::need_more;
  body = input->substr(0, static_cast<size_t>(std::min<uint64_t>(count, input->size())));
  input->remove_prefix(body.size());
  if (opaque) return ParseEvent::body;
  const Violation violation = check.data(body);
  return violation == nullptr ? ParseEvent::body : fail(violation);
}

ParseEvent Message::next_chunked(std::string_view* input) {
  for (;;) {
    Violation violation = nullptr;
    switch (chunks.take(input)) {
      case ChunkGuard::Step::need_more: return ParseEvent::need_more;
      case ChunkGuard::Step::framing: violation = check.framing(chunks.span()); break;
      case ChunkGuard::Step::data:
        body = chunks.span();
        violation = check.data(body);
        if (violation == nullptr) return ParseEvent::body;
        break;
      case ChunkGuard::Step::done:
        violation = check.framing("\r\n");  // the empty line after the trailers
        if (violation == nullptr) return complete();
        break;
      case ChunkGuard::Step::refused: violation = chunks.violation(); break;
    }
    if (violation != nullptr) return fail(violation);
  }
}

ParseEvent Message::next_body(std::string_view* input) {
  switch (framing) {
    case Framing::chunked: return next_chunked(input);
    case Framing::until_close: return next_counted(input, UINT64_MAX);
    case Framing::content_length:
    case Framing::none: break;
  }
  if (remaining == 0) return complete();
  const ParseEvent event = next_counted(input, remaining);
  if (event == ParseEvent::body) remaining -= body.size();
  return event;
}

void Message::reset() {
  TG_ASSERT(phase == Phase::done);
  guard.clear();
  check.reset();
  body = {};
  opaque = false;
  phase = Phase::head;
}

}  // namespace

struct RequestParser::Impl : Message {
  Impl(const HeadLimits& head_limits, const PathRules& path_rules)
      : Message(HeadGuard::Kind::request, head_limits), paths(path_rules) {}

  ParseEvent next_head(std::string_view* input) {
    const HeadStep step = guard.take(input);
    if (step == HeadStep::need_more) return ParseEvent::need_more;
    if (step == HeadStep::refused) return fail(guard.violation());
    if (const Violation violation = guard.finish(head)) return fail(violation);
    if (const Violation violation = check.head(guard.bytes(), head)) return fail(violation);
    if (const Violation violation = guard.settle_target(head, paths)) return fail(violation);
    begin_body(head.framing, head.content_length, false);
    return ParseEvent::head;
  }

  const PathRules paths;
  RequestHead head;
};

RequestParser::RequestParser(const HeadLimits& limits, const PathRules& paths)
    : impl_(std::make_unique<Impl>(limits, paths)) {}
RequestParser::~RequestParser() = default;

bool RequestParser::complete() const { return impl_->phase == Phase::done; }

void RequestParser::begin_message(const HeadLimits& limits, const PathRules& paths) {
  if (complete()) reset();
  const bool same = impl_->limits == limits && impl_->paths == paths;
  if (idle() && !same) impl_ = std::make_unique<Impl>(limits, paths);
}

ParseEvent RequestParser::next(std::string_view* input) {
  switch (impl_->phase) {
    case Phase::head: return impl_->next_head(input);
    case Phase::body: return impl_->next_body(input);
    case Phase::done: return ParseEvent::complete;
    case Phase::failed: break;
  }
  return ParseEvent::error;
}

const RequestHead& RequestParser::head() const { return impl_->head; }
std::string_view RequestParser::body() const { return impl_->body; }
const ParseError& RequestParser::error() const { return impl_->error; }
bool RequestParser::idle() const { return impl_->phase == Phase::head && impl_->guard.idle(); }
bool RequestParser::is_to_head() const { return impl_->guard.bytes().starts_with("HEAD "); }
void RequestParser::reset() { impl_->reset(); }

struct ResponseParser::Impl : Message {
  explicit Impl(const HeadLimits& head_limits) : Message(HeadGuard::Kind::response, head_limits) {}

  ParseEvent next_head(std::string_view* input) {
    const HeadStep step = guard.take(input);
    if (step == HeadStep::need_more) return ParseEvent::need_more;
    if (step == HeadStep::refused) return fail(guard.violation());
    if (const Violation violation = guard.finish(head, to_head_request)) return fail(violation);
    if (const Violation violation = check.head(guard.bytes(), head)) return fail(violation);
    const bool has_body = head.framing != Framing::none;
    begin_body(head.framing, has_body ? head.content_length : 0, head.status == 101);
    return ParseEvent::head;
  }

  // A malformed response is the upstream's fault, whatever the rule.
  ParseEvent judge(ParseEvent event) {
    if (event == ParseEvent::error) error = {502, "bad_upstream_response", error.detail};
    return event;
  }

  ParseEvent end_of_input() {
    if (phase == Phase::done) return ParseEvent::complete;
    if (phase == Phase::failed) return ParseEvent::error;
    if (phase != Phase::body || framing != Framing::until_close) return judge(fail(&rule::kTruncated));
    phase = Phase::done;
    return ParseEvent::complete;
  }

  ResponseHead head;
  bool to_head_request = false;
};

ResponseParser::ResponseParser(const HeadLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseParser::~ResponseParser() = default;

void ResponseParser::expect(bool to_head_request) { impl_->to_head_request = to_head_request; }

ParseEvent ResponseParser::next(std::string_view* input) {
  switch (impl_->phase) {
    case Phase::head: return impl_->judge(impl_->next_head(input));
    case Phase::body: return impl_->judge(impl_->next_body(input));
    case Phase::done: return ParseEvent::complete;
    case Phase::failed: break;
  }
  return ParseEvent::error;
}

ParseEvent ResponseParser::end_of_input() { return impl_->end_of_input(); }
const ResponseHead& ResponseParser::head() const { return impl_->head; }
std::string_view ResponseParser::body() const { return impl_->body; }
const ParseError& ResponseParser::error() const { return impl_->error; }
bool ResponseParser::idle() const { return impl_->phase == Phase::head && impl_->guard.idle(); }
void ResponseParser::reset() { impl_->reset(); }

}  // namespace tidegate::http
