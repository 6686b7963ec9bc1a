// A file that goes on after its picture, through the whole service.
#include <fstream>
#include <iterator>

#include "api/upload/key.h"
#include "unit/api/fixture.h"
#include "unit/api/picture/sample_pictures.h"

namespace tidegate::api::test {

TEST_CASE("what follows a picture is neither stored nor sent, and does not change the key") {
  const std::string lossy = webp_file(webp_lossy_frame(20, 10));
  const std::string open_jpeg = jpeg().substr(0, jpeg().size() - 2);
  const std::pair<std::string, std::string> uploads[] = {{a_png(), a_png() + "\n"},
                                                         {a_png(), a_png() + a_png(500)},
                                                         {lossy, lossy + "PK"},
                                                         {jpeg(), jpeg() + jpeg(9, 9) + movie()},
                                                         {jpeg(), open_jpeg + samsung_block("Panorama_Shot_Info")}};
  for (const auto& [picture, file] : uploads) {
    Fixture fixture;
    respond_to_all(fixture, marked());
    const auto response = fixture.upload({{"image", file}, {"wm_text", "NWS"}});
    CHECK(response.status == 200);
    const std::string key = key_of(picture, "NWS", "bottom-right");
    CHECK(response.field("X-Image-Key") == key);
    REQUIRE(fixture.tidegate->seen.size() == 1);
    CHECK(fixture.tidegate->seen[0].body == picture);
    std::ifstream stored(fixture.state() / "originals" / key, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stored), {});
    CHECK(bytes.substr(bytes.find('\n') + 1) == picture);  // after the store's own header
    CHECK(fixture.service().budget().used() == 0);
  }
}

}  // namespace tidegate::api::test
