// What the admin interface needs of a reload of the configuration: to begin one, and how the last one ended. The
// process implements it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/time.h"

namespace tidegate::admin {

// How a reload ended.
struct ReloadReport {
  std::string trigger;  // signal, api, file
  WallTime at{};
  bool applied = false;
  bool was_in_force = false;         // the file had not changed: this is the report of the reload that put it in force
  std::vector<std::string> errors;   // refused: why; the configuration from before is still in force
  std::vector<std::string> changes;  // "upstreams.optimizer.bulkhead.max_concurrent: 8 -> 16"
  std::vector<std::string> needs_restart;  // of the changes, those that have no effect before a restart
  std::vector<std::string> warnings;       // of the configuration that was loaded
};

// {"trigger","at","result","was_in_force","errors","changes","needs_restart","warnings"}
std::string reload_json(const ReloadReport& report);
// Without values of the configuration: {"trigger","at","result"}
std::string reload_result_json(const ReloadReport& report);

class Reloading {
 public:
  using Done = std::function<void(const ReloadReport&)>;

  virtual ~Reloading() = default;
  // `done` runs later, once, on the main loop. Of requests that come while a reload is under way, one more reload
  // follows for all.
  virtual void reload(const std::string& trigger, Done done) = 0;
  // Null: there was none yet.
  virtual const ReloadReport* last() const = 0;
};

}  // namespace tidegate::admin
