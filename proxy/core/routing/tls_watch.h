// Watches the files of every TLS context that is in use, and reads them again when they have changed: connections that
// begin from then on use them. Files that cannot be used are refused in the log, and what was read before stays.
// Belongs to the main loop; the contexts are thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/runtime.h"
#include "net/timer.h"
#include "net/tls/tls_context.h"

namespace tidegate::core {

class TlsWatch {
 public:
  static constexpr Duration kInterval = 5s;  // between two looks at the files, of which two must agree

  // The runtime outlives the watch.
  explicit TlsWatch(net::Runtime& runtime) : timer_(runtime, [this] { look(); }) {}

  // `section`: "upstream", "listener", "queue", "rate_limit_store" or "tls". A context that nobody uses any more is
  // watched no longer.
  void add(const char* section, const std::string& name, const std::shared_ptr<net::TlsContext>& context);

 private:
  struct Watched {
    const char* section;
    std::string name;
    std::weak_ptr<net::TlsContext> context;
    std::string refused_for;  // as the log has it
  };

  void look();
  static void refresh(Watched& watched, net::TlsContext& context);

  std::vector<Watched> watched_;
  size_t next_ = 0;  // to look at: one in each event-loop iteration, since reading takes its time
  net::Timer timer_;
};

}  // namespace tidegate::core
