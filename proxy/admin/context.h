// What the handlers of the admin interface work with. Owned by AdminService.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "admin/bulk_replay.h"
#include "admin/reload/reloading.h"
#include "base/time.h"
#include "core/gateway.h"
#include "net/runtime.h"

namespace tidegate::admin {

// Of each response: it is out of date at once.
inline constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

struct Build {
  std::string version;
  std::string revision;
};

// The last bulk replay of each queue, by the queue's name.
using BulkReplays = std::map<std::string, std::unique_ptr<BulkReplay>>;

// How far another process is in taking over.
struct TakeoverView {
  const char* step;
  int process = 0;  // the id of the other one; 0: the step is about none
};

struct Context {
  net::Runtime& runtime;
  core::Gateway& gateway;
  Build build;
  WallTime started;
  Reloading* reloading = nullptr;  // null: this program cannot reload its configuration
  BulkReplays bulk = {};
  std::function<TakeoverView()> takeover = {};  // empty: no other process can take over
};

}  // namespace tidegate::admin
