#include "jobs/redis/scripts.h"

#include <string>

#include "base/embedded_file.h"

namespace tidegate::jobs {

std::span<const EmbeddedFile> redis_script_files();  // jobs/redis/scripts, embedded by CMake

namespace {

// What a script may do. Without a flag the server refuses it whole, before its first write, where it is out of memory,
// read-only, or cannot write its own log.
enum class Kind {
  look,     // writes nothing: a read-only server runs it too
  freeing,  // frees more than it takes: a server out of memory runs it
  taking,
};

const char* flags_of(Kind kind) {
  switch (kind) {
    case Kind::look: return "no-writes";
    case Kind::freeing: return "allow-oom";
    case Kind::taking: return "";
  }
  return "";
}

redis::Script script(Kind kind, const std::string& name) {
  std::string source = "#!lua flags=";
  source.append(flags_of(kind)).append("\n");
  source.append(embedded_file(redis_script_files(), "preamble.lua"));
  source.append(embedded_file(redis_script_files(), name + ".lua"));
  return redis::Script(std::move(source));
}

}  // namespace

RedisScripts::RedisScripts()
    : append(script(Kind::taking, "append")),
      admit(script(Kind::taking, "admit")),
      claim(script(Kind::freeing, "claim")),
      claim_id(script(Kind::freeing, "claim_id")),
      renew(script(Kind::freeing, "renew")),
      succeed(script(Kind::freeing, "succeed")),
      retry(script(Kind::freeing, "retry")),
      defer(script(Kind::freeing, "defer")),
      dead_letter(script(Kind::freeing, "dead_letter")),
      release(script(Kind::freeing, "release")),
      damaged(script(Kind::freeing, "damaged")),
      find(script(Kind::look, "find")),
      list(script(Kind::look, "list")),
      result(script(Kind::look, "result")),
      cancel(script(Kind::freeing, "cancel")),
      replay(script(Kind::taking, "replay")),
      purge(script(Kind::freeing, "purge")),
      prepare(script(Kind::freeing, "prepare")),
      leave(script(Kind::freeing, "leave")),
      view(script(Kind::look, "view")),
      tidy(script(Kind::freeing, "tidy")) {}

}  // namespace tidegate::jobs
