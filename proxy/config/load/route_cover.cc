#include "config/load/route_cover.h"

#include <algorithm>

namespace tidegate::config {

namespace {

bool covers_path(const Match& wide, const Match& narrow) {
  if (wide.path.empty() || narrow.path.empty()) return false;
  if (wide.prefix) return narrow.path.starts_with(wide.path);
  return !narrow.prefix && wide.path == narrow.path;
}

bool covers_methods(const Match& wide, const Match& narrow) {
  if (wide.methods.empty()) {  // every method but TRACE
    return std::find(narrow.methods.begin(), narrow.methods.end(), "TRACE") == narrow.methods.end();
  }
  return !narrow.methods.empty() && std::all_of(narrow.methods.begin(), narrow.methods.end(), [&](const auto& method) {
    return std::find(wide.methods.begin(), wide.methods.end(), method) != wide.methods.end();
  });
}

}  // namespace

bool covers(const Match& wide, const Match& narrow) {
  return covers_path(wide, narrow) && covers_methods(wide, narrow) && (wide.host.empty() || wide.host == narrow.host);
}

}  // namespace tidegate::config
