#include <fmt/format.h>

#include "sim/invariants.h"

namespace tidegate::sim {

namespace {

// What one end of a tunnel has seen of the other: a beginning of what that sent, and an end only after all of it.
void check_direction(Findings& findings, const std::string& what, const TunnelLog& to, const TunnelLog& from) {
  if (!to.in_order || to.received > from.sent) {
    findings.add(fmt::format("{}: other bytes than those that were sent ({} of {})", what, to.received, from.sent));
  }
  if (to.got_end && !(from.ended && to.received == from.sent)) {
    findings.add(fmt::format("{}: an end after {} of {} bytes", what, to.received, from.sent));
  }
}

// At all endpoints: a call that a kept connection did not take goes to another one.
std::vector<const TunnelLog*> logs_of(const std::string& id, const Upstreams& upstreams) {
  std::vector<const TunnelLog*> logs;
  for (const auto& upstream : upstreams) {
    for (const auto& log : upstream->tunnels_of(id)) logs.push_back(log.get());
  }
  return logs;
}

}  // namespace

void check_tunnels(Findings& findings, const Tunnels& tunnels, const Upstreams& upstreams, bool undisturbed) {
  for (const auto& client : tunnels) {
    const auto logs = logs_of(client->id(), upstreams);
    if (client->opened() && logs.empty()) findings.add(fmt::format("{}: a 101 that nobody gave", client->id()));
    if (client->opened() && !client->log().over) findings.add(fmt::format("{}: never ended", client->id()));
    for (const TunnelLog* log : logs) {
      if (!log->over) findings.add(fmt::format("{}: never ended at the upstream", client->id()));
      if (log->hung || client->log().hung) findings.add(fmt::format("{}: silent, and never cut", client->id()));
      if (!log->in_order) findings.add(fmt::format("{}: other bytes than its own", client->id()));
    }
    if (!client->opened() || logs.empty()) continue;
    const bool by_a_peer = client->log().broke || logs.back()->broke;
    if (undisturbed && !by_a_peer && !(client->log().got_end && logs.back()->got_end)) {
      findings.add(fmt::format("{}: a reset that nobody began", client->id()));
    }
    check_direction(findings, client->id() + " to the upstream", *logs.back(), client->log());
    check_direction(findings, client->id() + " to the client", client->log(), *logs.back());
  }
}

}  // namespace tidegate::sim
