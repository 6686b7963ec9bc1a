#include "unit/http/parser/transcript.h"

#include <algorithm>

namespace tidegate::test {

namespace {

using http::ParseEvent;

std::string describe_fields(const http::Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append("=").append(value).append(";");
  return text;
}

std::string describe(const http::RequestHead& head) {
  std::string text = "request ";
  text.append(head.method).append(" ").append(head.path).append("?").append(head.query).append(" @");
  text.append(head.authority).append(" 1.").append(std::to_string(head.version_minor));
  text.append(" framing ").append(std::to_string(static_cast<int>(head.framing)));
  text.append("/").append(std::to_string(head.content_length)).append(head.keep_alive ? " keep" : " close");
  return text.append(head.expect_continue ? " expect " : " ").append(describe_fields(head.fields)).append("\n");
}

std::string describe(const http::ResponseHead& head) {
  std::string text = "response " + std::to_string(head.status) + " ";
  text.append(head.reason).append(" framing ").append(std::to_string(static_cast<int>(head.framing)));
  text.append("/").append(std::to_string(head.content_length)).append(head.keep_alive ? " keep " : " close ");
  return text.append(describe_fields(head.fields)).append("\n");
}

void note_error(Transcript& transcript, const http::ParseError& error) {
  transcript.refused = true;
  transcript.error = error;
  transcript.text += "\nrefused " + std::to_string(error.status) + " " + error.reason + ": " + error.detail;
}

// Feeds the bytes as cut; `on_event` answers false to stop.
template <typename Parser, typename OnEvent>
void feed(Parser& parser, std::string_view bytes, const Cut& cut, size_t* unread, const OnEvent& on_event) {
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, cut(bytes));
    bytes.remove_prefix(piece.size());
    for (;;) {
      const ParseEvent event = parser.next(&piece);
      *unread = piece.size() + bytes.size();
      if (event == ParseEvent::need_more) break;
      if (!on_event(event)) return;
    }
  }
}

}  // namespace

Transcript read_requests(std::string_view bytes, const Cut& cut, const http::HeadLimits& limits,
                         const http::PathRules& paths) {
  Transcript out;
  http::RequestParser parser(limits, paths);
  feed(parser, bytes, cut, &out.unread, [&](ParseEvent event) {
    switch (event) {
      case ParseEvent::head:
        out.last_kept = parser.head().keep_alive;
        if (out.messages == 0) out.first_target = parser.head().target;
        out.text += describe(parser.head());
        return true;
      case ParseEvent::body: out.text += parser.body(); return true;
      case ParseEvent::complete:
        ++out.messages;
        out.text += "\ncomplete\n";
        parser.reset();
        return out.last_kept;
      default: note_error(out, parser.error()); return false;
    }
  });
  return out;
}

Transcript read_response(std::string_view bytes, bool to_head, bool ends, const Cut& cut,
                         const http::HeadLimits& limits) {
  Transcript out;
  http::ResponseParser parser(limits);
  parser.expect(to_head);
  bool finished = false;
  const auto on_event = [&](ParseEvent event) {
    switch (event) {
      case ParseEvent::head:
        out.last_kept = parser.head().keep_alive;
        out.text += describe(parser.head());
        return true;
      case ParseEvent::body: out.text += parser.body(); return true;
      case ParseEvent::complete:
        ++out.messages;
        out.text += "\ncomplete\n";
        finished = parser.head().status >= 200 || parser.head().status == 101;
        if (!finished) parser.reset();
        return !finished;
      default: note_error(out, parser.error()); return false;
    }
  };
  feed(parser, bytes, cut, &out.unread, on_event);
  if (!finished && !out.refused && ends) on_event(parser.end_of_input());
  return out;
}

}  // namespace tidegate::test
