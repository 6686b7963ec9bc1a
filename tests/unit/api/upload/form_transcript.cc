#include "unit/api/upload/form_transcript.h"

#include <algorithm>

#include "api/upload/upload_form.h"
#include "base/assert.h"

namespace tidegate::api::test {

namespace {

class Transcript final : public PartSink {
 public:
  Complaint on_part(const PartHeaders& head) override {
    TG_ASSERT(!is_open_);
    is_open_ = true;
    ++parts;
    text += "part " + head.name + "|" + head.filename.value_or("-") + "|" + head.content_type + "\n";
    TG_ASSERT(!head.name.empty());
    return std::nullopt;
  }
  Complaint on_part_data(std::string_view piece) override {
    TG_ASSERT(is_open_ && !piece.empty());
    data_ += piece;
    return std::nullopt;
  }
  Complaint on_part_end() override {
    TG_ASSERT(is_open_);
    is_open_ = false;
    text += data_ + "\n";
    data_.clear();
    return std::nullopt;
  }

  std::string text;
  size_t parts = 0;

 private:
  std::string data_;  // not shown for an unfinished part: how many of its bytes were delivered depends on the split
  bool is_open_ = false;
};

}  // namespace

size_t whole(std::string_view rest) { return rest.size(); }
size_t single(std::string_view) { return 1; }

Cut uneven(uint32_t seed, size_t most) {
  return [state = seed, most](std::string_view rest) mutable {
    state = state * 1664525 + 1013904223;
    return std::min<size_t>(rest.size(), 1 + (state >> 8) % most);
  };
}

std::string read_parts(std::string_view body, const Cut& cut, const MultipartLimits& limits) {
  Transcript sink;
  MultipartParser parser("b", limits, sink);
  Complaint complaint;
  while (!body.empty() && !complaint) {
    const size_t length = cut(body);
    complaint = parser.feed(body.substr(0, length));
    body.remove_prefix(length);
  }
  if (!complaint) complaint = parser.finish();
  TG_ASSERT(sink.parts <= limits.parts);
  return sink.text + complaint.value_or("whole");
}

std::string read_form(std::string_view body, const Cut& cut) {
  constexpr uint64_t kImageBytesMax = 4096;
  MemoryBudget budget(kImageBytesMax);
  std::string out;
  {
    UploadForm form("b", kImageBytesMax, budget);
    std::optional<Reply> refusal;
    while (!body.empty() && !refusal) {
      const size_t length = cut(body);
      refusal = form.feed(body.substr(0, length));
      body.remove_prefix(length);
    }
    if (!refusal) refusal = form.finish();
    if (refusal) {
      TG_ASSERT(refusal->status >= 400 && refusal->status < 500 && !refusal->body.empty());
      out = refusal->body;
    } else {
      const MemoryReservation room = form.take_reservation();
      const auto image = form.take_image();
      TG_ASSERT(image->bytes.size() == budget.used());
      TG_ASSERT(key_of(image->bytes, form.text(), form.position()) == form.key());
      TG_ASSERT(!image->content_type.empty());
      out = form.key() + " " + form.text() + " " + form.position();
    }
  }
  TG_ASSERT(budget.used() == 0);
  return out;
}

}  // namespace tidegate::api::test
