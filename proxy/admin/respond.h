// The responses of the admin interface. Each ends with a newline, so that a shell's prompt is not on its line.
#pragma once

#include <string>

#include "admin/context.h"
#include "http/server/server.h"

namespace tidegate::admin {

inline void respond_json(http::Responder& responder, uint16_t status, const std::string& json) {
  responder.respond(status, "application/json", json + "\n", kNoStore);
}

}  // namespace tidegate::admin
