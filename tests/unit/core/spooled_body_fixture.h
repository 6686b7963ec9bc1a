// A body kept in the simulated world.
#pragma once

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "core/spooled_body.h"
#include "net/sim/sim_runtime.h"

namespace tidegate::core {

inline constexpr size_t kBodyMiB = 1 << 20;

// Different at every position, so that a piece from the wrong position is noticed.
inline std::string body_pattern(size_t size, size_t from = 0) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((from + i) * 2654435761u >> 13);
  return bytes;
}

struct KeptBodyFixture {
  explicit KeptBodyFixture(uint64_t keep_max) : body(runtime, budget, {keep_max}, [this] { ++changes; }) {}

  void settle() { runtime.run_for(1s); }

  void append_all(size_t size, size_t piece = 50'000) {
    for (size_t at = body.received(); size > 0;) {
      const size_t now = std::min(size, piece);
      body.append(body_pattern(now, at));
      at += now;
      size -= now;
    }
  }

  std::string read_from(uint64_t position) {
    std::string all;
    while (position < body.received()) {
      std::string piece(body.peek(position));
      if (piece.empty()) {
        REQUIRE(body.in_file(position));
        body.read_file(position, [&](Result<std::string> bytes) {
          REQUIRE(bytes.ok());
          piece = *bytes;
        });
        CHECK(piece.empty());  // later, never inside the call
        settle();
      }
      REQUIRE_FALSE(piece.empty());
      all += piece;
      position += piece.size();
    }
    return all;
  }

  net::SimRuntime runtime{3};
  BufferBudget budget{64 * kBodyMiB};
  int changes = 0;
  SpooledBody body;
};

std::string content_of(const jobs::BodyContent& content) {
  if (!content.file) return content.memory;
  auto bytes = content.file->read_at(0, content.file->size());
  REQUIRE(bytes.ok());
  return *bytes;
}

}  // namespace tidegate::core
