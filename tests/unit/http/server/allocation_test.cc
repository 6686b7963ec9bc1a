// In the steady state reading a message allocates nothing: the parsers keep their buffers.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "http/message/writer.h"
#include "http/parser/parser.h"

namespace {

thread_local size_t allocations = 0;

}  // namespace

// Where g++ inlines them it takes new and free() for a mismatch.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#pragma GCC diagnostic pop

using namespace tidegate::http;

namespace {

template <typename Parser>
void read_all(Parser& parser, std::string_view bytes) {
  for (;;) {
    const ParseEvent event = parser.next(&bytes);
    if (event == ParseEvent::complete) break;
    REQUIRE(event != ParseEvent::error);
  }
  parser.reset();
}

template <typename Parser, typename... Rules>
size_t allocations_of_tenth(const std::string& message, const Rules&... rules) {
  Parser parser(HeadLimits{}, rules...);
  for (int i = 0; i < 9; ++i) read_all(parser, message);
  const size_t before = allocations;
  read_all(parser, message);
  return allocations - before;
}

}  // namespace

TEST_CASE("messages after the first are read without allocating") {
  const std::string chunks = "5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n";
  CHECK(allocations_of_tenth<RequestParser>("GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nX: y\r\n\r\n") == 0);
  CHECK(allocations_of_tenth<RequestParser>("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                            chunks) == 0);
  CHECK(allocations_of_tenth<ResponseParser>("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nok") == 0);
}

TEST_CASE("a path costs no allocation, whether it is normal or must be made so") {
  const PathRules rules{PathNormalization::normalize, EncodedSlashes::reject};
  const std::string rest = " HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const std::string long_name(200, 'n');
  for (const std::string& path :
       {"/a/" + long_name + "?q", "/x/..//%61/" + long_name + "/.?q", "http://a.test?q" + long_name}) {
    CAPTURE(path);
    CHECK(allocations_of_tenth<RequestParser>("GET " + path + rest, rules) == 0);
  }
}

TEST_CASE("response headers after the first are written without allocating") {
  std::string out;
  size_t before = 0;
  for (int i = 0; i < 2; ++i) {
    out.clear();
    before = allocations;
    HeadWriter writer(out);
    writer.request_line("GET", "/");
    writer.field("Host", "a.test");
    writer.field("Content-Length", uint64_t{12});
    writer.end();
  }
  CHECK(allocations == before);
}
