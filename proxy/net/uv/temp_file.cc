#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/assert.h"
#include "net/uv/loop.h"
#include "net/uv/passed_file.h"

namespace tidegate::net {

namespace {

// The descriptor, shared by the file and its readers on other threads. Closing it gives the blocks of an unlinked file
// back, which a busy disk can make wait: libuv's threads and the stores' do it.
class UvFileContent final : public FileContent {
 public:
  uint64_t size() const override { return bytes; }

  Result<std::string> read_at(uint64_t offset, size_t count) const override {
    if (!descriptor) return std::string();  // nothing has been appended
    std::string text(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t n = ::pread(descriptor.number(), text.data() + got, count - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return uv_error(uv_translate_sys_error(errno), "read of a temporary file");
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    text.resize(got);
    return text;
  }

  Descriptor descriptor;  // opened by the first append
  uint64_t bytes = 0;     // grown by the loop; a reader on another thread begins only when the file is complete
};

// One piece of work on libuv's threads.
struct Work {
  uv_work_t request{};
  std::shared_ptr<UvFileContent> file;
  std::string bytes;  // to append; or what was read
  uint64_t offset = 0;
  size_t count = 0;
  int error = 0;  // errno
  const char* failed = "write to";
  std::function<void(Work&)> done;  // empty: the owner was destroyed
};

Descriptor open_unlinked() {
  const char* set = std::getenv("TMPDIR");
  const std::string folder = set && *set ? set : "/tmp";
  if (Descriptor made(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); made) return made;
  std::string name = folder + "/tidegate-XXXXXX";  // a file system without O_TMPFILE
  Descriptor made(::mkostemp(name.data(), O_CLOEXEC));
  if (made) ::unlink(name.c_str());
  return made;
}

void append_all(Work& work) {
  Descriptor& descriptor = work.file->descriptor;
  if (!descriptor && !(descriptor = open_unlinked())) {
    work.error = errno;
    work.failed = "open of";
    return;
  }
  size_t written = 0;
  while (written < work.bytes.size()) {
    const ssize_t n = ::pwrite(descriptor.number(), work.bytes.data() + written, work.bytes.size() - written,
                               static_cast<off_t>(work.offset + written));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      work.error = errno;
      return;
    }
    written += static_cast<size_t>(n);
  }
}

void read_some(Work& work) {
  auto text = work.file->read_at(work.offset, work.count);
  if (text) {
    work.bytes = std::move(*text);
  } else {
    work.error = EIO;
  }
}

class UvTempFile final : public TempFile {
 public:
  explicit UvTempFile(UvRuntime::Loop& loop) : loop_(loop) {}
  ~UvTempFile() override {
    if (work_) {
      work_->done = nullptr;
    } else {
      release(loop_, std::move(file_));
    }
  }

  void append(std::string bytes, AppendCallback done) override {
    Work* work = begin();
    work->offset = file_->bytes;
    work->bytes = std::move(bytes);
    work->done = [this, done = std::move(done)](Work& w) {
      work_ = nullptr;
      if (w.error != 0) return done(error_of(w), w.bytes);
      file_->bytes += w.bytes.size();
      done(Ok{}, {});
    };
    queue(loop_, work, [](uv_work_t* request) { append_all(*static_cast<Work*>(request->data)); });
  }

  void read_at(uint64_t offset, size_t count, ReadCallback done) override {
    Work* work = begin();
    work->failed = "read of";
    work->offset = offset;
    work->count = static_cast<size_t>(std::min<uint64_t>(count, offset < file_->bytes ? file_->bytes - offset : 0));
    work->done = [this, done = std::move(done)](Work& w) {
      work_ = nullptr;
      if (w.error != 0) return done(error_of(w));
      done(std::move(w.bytes));
    };
    queue(loop_, work, [](uv_work_t* request) { read_some(*static_cast<Work*>(request->data)); });
  }

  uint64_t size() const override { return file_->bytes; }
  std::shared_ptr<const FileContent> content() const override { return file_; }

 private:
  Work* begin() {
    TG_ASSERT(!work_);
    work_ = new Work;
    work_->file = file_;
    return work_;
  }

  static Error error_of(const Work& work) {
    return uv_error(uv_translate_sys_error(work.error), work.failed + std::string(" a temporary file"));
  }

  static void queue(UvRuntime::Loop& loop, Work* work, uv_work_cb run) {
    work->request.data = work;
    const int status = uv_queue_work(&loop.uv, &work->request, run, [](uv_work_t* request, int) {
      const std::unique_ptr<Work> finished(static_cast<Work*>(request->data));
      const auto done = std::move(finished->done);
      if (done) return done(*finished);
      auto* loop_of_work = static_cast<UvRuntime::Loop*>(request->loop->data);
      if (finished->file) release(*loop_of_work, std::move(finished->file));
    });
    TG_ASSERT(status == 0);
  }

  // The last use of the file on this loop.
  static void release(UvRuntime::Loop& loop, std::shared_ptr<UvFileContent> file) {
    if (!file->descriptor) return;
    auto* work = new Work;
    work->file = std::move(file);
    queue(loop, work, [](uv_work_t* request) { static_cast<Work*>(request->data)->file.reset(); });
  }

  UvRuntime::Loop& loop_;
  std::shared_ptr<UvFileContent> file_ = std::make_shared<UvFileContent>();
  Work* work_ = nullptr;  // under way; libuv's until its callback
};

}  // namespace

std::unique_ptr<TempFile> UvRuntime::make_temp_file() { return std::make_unique<UvTempFile>(*loop_); }

std::shared_ptr<const FileContent> content_of(Descriptor file, uint64_t size) {
  auto content = std::make_shared<UvFileContent>();
  content->descriptor = std::move(file);
  content->bytes = size;
  return content;
}

Result<Descriptor> descriptor_of(const FileContent& content) {
  const auto* file = dynamic_cast<const UvFileContent*>(&content);
  TG_ASSERT(file);
  Descriptor other = file->descriptor.duplicate();
  if (!other) return uv_error(uv_translate_sys_error(errno), "duplicate of a temporary file");
  return other;
}

}  // namespace tidegate::net
