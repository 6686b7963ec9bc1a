// bench-store --file PATH --records N [--group N] [--record-bytes N]: the throughput of SQLite alone with group
// commits, the reference for `durable 202s per second`. One table with an index, WAL, synchronous=FULL, checkpoints as
// SQLite makes them by itself. Prints one line of JSON. The file must not exist.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "flags.h"

namespace tidegate::bench {
namespace {

void check(sqlite3* db, int result) {
  if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW) return;
  std::fprintf(stderr, "bench-store: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

void run(sqlite3* db, const char* sql) { check(db, sqlite3_exec(db, sql, nullptr, nullptr, nullptr)); }

// 32 hexadecimal digits, not in order.
std::string id_of(std::uint64_t number) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx",
                static_cast<unsigned long long>((number + 1) * 0x9e3779b97f4a7c15ull),
                static_cast<unsigned long long>((number + 7) * 0xbf58476d1ce4e5b9ull));
  return text;
}

double seconds_for(sqlite3* db, std::uint64_t records, std::uint64_t group, std::uint64_t record_bytes) {
  sqlite3_stmt* insert = nullptr;
  check(db, sqlite3_prepare_v2(db, "INSERT INTO records (id, at, bytes) VALUES (?, ?, ?)", -1, &insert, nullptr));
  const std::string bytes(record_bytes, 'y');
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < records;) {
    run(db, "BEGIN");
    for (const std::uint64_t end = std::min(records, i + group); i < end; ++i) {
      const std::string id = id_of(i);
      sqlite3_bind_text(insert, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
      sqlite3_bind_int64(insert, 2, static_cast<sqlite3_int64>(i));
      sqlite3_bind_blob(insert, 3, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
      check(db, sqlite3_step(insert));
      check(db, sqlite3_reset(insert));
    }
    run(db, "COMMIT");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  sqlite3_finalize(insert);
  return took.count();
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
  using namespace tidegate::bench;
  Flags flags(argc, argv);
  const std::string file(flags.text("file"));
  const std::uint64_t records = flags.number("records", 1, 100'000'000);
  const std::uint64_t group = flags.number("group", 1, 1'000'000, 64);
  const std::uint64_t record_bytes = flags.number("record-bytes", 1, 1'000'000, 1024);
  flags.finish();

  sqlite3* db = nullptr;
  check(db, sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr));
  run(db,
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
      "CREATE TABLE records (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,"
      " bytes BLOB NOT NULL)");
  const double seconds = seconds_for(db, records, group, record_bytes);
  std::printf("{\"records\":%llu,\"group\":%llu,\"seconds\":%.6f,\"per_second\":%.1f}\n",
              static_cast<unsigned long long>(records), static_cast<unsigned long long>(group), seconds,
              static_cast<double>(records) / seconds);
  sqlite3_close(db);
}
