// fuzz_seeds FOLDER requests|responses|forms|pictures|tunnels: writes one file per case, small ones only.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "unit/api/picture/sample_pictures.h"
#include "unit/http/parser/cases.h"

namespace {

namespace api = tidegate::api::test;

constexpr size_t kSeedBytesMax = 4096;

void write_seed(const std::filesystem::path& folder, const std::string& id, const std::string& bytes) {
  if (bytes.size() > kSeedBytesMax) return;
  std::ofstream(folder / id, std::ios::binary) << bytes;
}

void write_forms(const std::filesystem::path& folder) {
  const std::string head = "--b\r\nContent-Disposition: form-data; name=";
  const std::string text = head + "\"wm_text\"\r\n\r\n\xC2\xA9 NWS\r\n";
  const std::string position = head + "wm_position\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntiled\r\n";
  size_t number = 0;
  for (const std::string& picture : {api::png(), api::jpeg(), api::webp_file(api::webp_lossy_frame(20, 10))}) {
    const std::string image =
        head + "\"image\"; filename=\"a\\\"b%22.png\"\r\nContent-Type: image/png\r\n\r\n" + picture + "\r\n";
    write_seed(folder, "form" + std::to_string(++number), image + text + position + "--b--\r\n");
    write_seed(folder, "form" + std::to_string(++number), text + image + "--b--");
    const std::string net =
        "--b \t\r\nContent-Disposition: form-data; name=image; filename=\"=?utf-8?B?w6k=?=\"; "
        "filename*=utf-8''caf%C3%A9.png\r\n\r\n" +
        picture + "\r\n";
    write_seed(folder, "form" + std::to_string(++number), "preamble\r\n" + net + text + "--b-- \r\nepilogue");
  }
  write_seed(folder, "type", "multipart/form-data; boundary=\"a b\"; charset=utf-8");
  write_seed(folder, "net_type", "multipart/form-data; boundary=\"5ef4a5a8-8a2a-4f3c-9e3a-2f1f0c1c7f2b\"");
}

void write_pictures(const std::filesystem::path& folder) {
  const std::string extended =
      api::webp_canvas(20, 10) + api::webp_chunk("ICCP", "odd") + api::webp_lossless_frame(20, 10);
  const std::string animated = api::webp_canvas(9, 9) + api::webp_chunk("ANIM", "loops") + api::webp_chunk("ANMF", "f");
  const std::string without_end = api::jpeg().substr(0, api::jpeg().size() - 2);
  size_t number = 0;
  for (const std::string& picture :
       {api::png(), api::png({50000, 50000}), api::jpeg(), api::jpeg(640, 480, 0xC2), api::jpeg() + api::jpeg(),
        api::jpeg() + api::movie() + std::string(9, '\0'), api::jpeg() + api::samsung_block("Image_UTC_Data"),
        without_end + api::samsung_block("Panorama_Shot_Info"), api::png() + api::png_chunk("IEND", ""),
        api::webp_file(api::webp_lossy_frame(20, 10)), api::webp_file(extended), api::webp_file(animated)}) {
    write_seed(folder, "picture" + std::to_string(++number), picture);
  }
}

// How (a byte), then two halves of one length: what the client sends, and what the upstream does.
void write_tunnels(const std::filesystem::path& folder) {
  const std::string switches = "HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhello";
  const std::string asks = "Connection: Upgrade\r\nUpgrade: websocket";
  const struct {
    char how;
    std::string client, upstream;
  } seeds[] = {{'\xfc', "early up", "early down"},
               {'\xfd', asks, "down"},
               {'\xfd', asks + "\r\nContent-Length: 5", "down"},
               {'\xfe', "GET /next HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\n" + switches},
               {'\xfe', "GET /next HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 Ok\r\nContent-Length: 2\r\n\r\nok"},
               {'\xff', asks + "\r\nUpgrade: h2c", switches}};
  size_t number = 0;
  for (const auto& seed : seeds) {
    std::string client = seed.client, upstream = seed.upstream;
    const size_t size = std::max(client.size(), upstream.size());
    client.resize(size, 'x');
    upstream.resize(size, 'y');
    write_seed(folder, "tunnel" + std::to_string(++number), seed.how + client + upstream);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER requests|responses|forms|pictures|tunnels\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::string kind = argv[2];
  std::filesystem::create_directories(folder);
  if (kind == "requests") {
    for (const auto& one : tidegate::test::load_request_cases()) write_seed(folder, one.id, one.raw);
  } else if (kind == "forms") {
    write_forms(folder);
  } else if (kind == "pictures") {
    write_pictures(folder);
  } else if (kind == "tunnels") {
    write_tunnels(folder);
  } else {
    // The first byte of a response seed: whether it is to HEAD, and whether the peer closes.
    for (const auto& one : tidegate::test::load_response_cases()) {
      write_seed(folder, one.id, static_cast<char>('0' + (one.to_head ? 1 : 0) + (one.ends ? 2 : 0)) + one.raw);
    }
  }
  return 0;
}
