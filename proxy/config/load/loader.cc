#include "config/load/loader.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>

#include "config/load/cross_checks.h"
#include "config/load/location.h"
#include "config/load/warnings.h"
#include "config/sections/sections.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/document.h"
#include "config/yaml/prepare.h"
#include "net/local/message_socket.h"

namespace tidegate::config {

namespace {

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void read_document(Node& root, Config& config, const Environment& environment, Diagnostics& errors,
                   TypedValues& typed) {
  prepare(root, "", environment ? environment : process_environment, errors);
  if (root.kind != Node::Kind::map) {
    if (root.kind != Node::Kind::broken) {
      errors.add(root.at, "", std::string("expected a section at the top level, not ") + describe(root.kind));
    }
    return;
  }
  Section section(errors, root, "", &typed);
  read_config(section, config);
  section.finish();
  check_config(config, root, errors);
}

LoadResult cannot_read(const std::string& name) {
  const std::string reason = std::strerror(errno != 0 ? errno : EIO);
  return {nullptr, {Diagnostic{name, {}, "", "cannot read the file: " + reason}}, {}, {}};
}

Status check_takeover(const Config& config, const std::string& known) {
  const std::string& socket = config.takeover_socket;
  return socket.empty() || socket == known ? Ok{} : net::MessageSocket::check_place(socket);
}

LoadResult load_stream(std::istream& stream, const std::string& name, const Environment& environment,
                       const std::string& takeover_socket) {
  errno = 0;
  std::string yaml(kFileBytesMax + 1, '\0');
  stream.read(yaml.data(), static_cast<std::streamsize>(yaml.size()));
  if (stream.bad()) return cannot_read(name);
  yaml.resize(static_cast<size_t>(stream.gcount()));
  return load_text(yaml, name, environment, takeover_socket);
}

}  // namespace

LoadResult load_text(std::string_view yaml, const std::string& file_name, const Environment& environment,
                     const std::string& takeover_socket) {
  Diagnostics errors(file_name);
  auto config = std::make_shared<Config>();
  config->file = file_name;
  Node root;
  TypedValues typed;
  if (parse_document(yaml, root, errors)) read_document(root, *config, environment, errors, typed);
  const Status place = check_takeover(*config, takeover_socket);
  const bool missing = !place && place.error().code == ErrorCode::not_found;
  const auto report = [&](Diagnostics& to) { Location(root)["takeover"]["socket"].report(to, place.error().message); };
  if (!place && !missing) report(errors);
  if (!errors.empty()) return {nullptr, errors.take(), {}, {}};
  Diagnostics warnings(file_name, Severity::warning);
  if (missing) report(warnings);
  find_warnings(*config, root, warnings);
  return {std::move(config), {}, warnings.take(), effective_values(root, typed)};
}

LoadResult load_file(const std::string& path, const Environment& environment, const std::string& takeover_socket) {
  if (path == kStandardInput) return load_stream(std::cin, "stdin", environment, takeover_socket);
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream.is_open()) return cannot_read(path);
  return load_stream(stream, path, environment, takeover_socket);
}

}  // namespace tidegate::config
