#include "core/routing/tls_watch.h"

#include <algorithm>

#include "base/log.h"

namespace tidegate::core {

void TlsWatch::add(const char* section, const std::string& name, const std::shared_ptr<net::TlsContext>& context) {
  watched_.push_back({section, name, context, {}});
  if (!context->current()) refresh(watched_.back(), *context);  // it cannot be used as it was made: says why
  if (!timer_.active()) timer_.start_after(kInterval);
}

void TlsWatch::refresh(Watched& watched, net::TlsContext& context) {
  std::vector<net::TlsFileProblem> problems;
  const net::TlsContext::Refresh result = context.refresh(problems);
  std::string reason;
  for (const net::TlsFileProblem& problem : problems) reason += (reason.empty() ? "" : "; ") + problem.what;
  if (result == net::TlsContext::Refresh::reloaded) {
    log_info("tls_files_reloaded", {{"section", watched.section}, {"name", watched.name}});
  } else if (result == net::TlsContext::Refresh::refused && reason != watched.refused_for) {
    log_error("tls_files_refused", {{"section", watched.section}, {"name", watched.name}, {"reason", reason}});
  }
  if (result != net::TlsContext::Refresh::unchanged) watched.refused_for = reason;
}

void TlsWatch::look() {
  if (next_ == 0) std::erase_if(watched_, [](const Watched& each) { return each.context.expired(); });
  if (next_ < watched_.size()) {
    Watched& each = watched_[next_++];
    if (const auto context = each.context.lock()) refresh(each, *context);
  }
  if (next_ < watched_.size()) return timer_.start_after(Duration::zero());
  next_ = 0;
  if (!watched_.empty()) timer_.start_after(kInterval);
}

}  // namespace tidegate::core
