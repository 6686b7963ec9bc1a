#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/assert.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

// The descriptor, shared by the file and its readers on other threads.
class UvFileContent final : public FileContent {
 public:
  explicit UvFileContent(int descriptor) : fd(descriptor) {}
  ~UvFileContent() override { ::close(fd); }

  uint64_t size() const override { return bytes; }

  Result<std::string> read_at(uint64_t offset, size_t count) const override {
    std::string text(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t n = ::pread(fd, text.data() + got, count - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return uv_error(uv_translate_sys_error(errno), "read of a temporary file");
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    text.resize(got);
    return text;
  }

  const int fd;
  uint64_t bytes = 0;  // grown by the loop; a reader on another thread begins only when the file is complete
};

// One piece of work on libuv's threads.
struct Work {
  uv_work_t request{};
  std::shared_ptr<UvFileContent> file;
  std::string bytes;  // to append; or what was read
  uint64_t offset = 0;
  size_t count = 0;
  int error = 0;                    // errno
  std::function<void(Work&)> done;  // empty: the owner was destroyed
};

void append_all(Work& work) {
  size_t written = 0;
  while (written < work.bytes.size()) {
    const ssize_t n = ::pwrite(work.file->fd, work.bytes.data() + written, work.bytes.size() - written,
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
  UvTempFile(UvRuntime::Loop& loop, int fd) : loop_(loop), file_(std::make_shared<UvFileContent>(fd)) {}
  ~UvTempFile() override {
    if (work_) work_->done = nullptr;
  }

  void append(std::string bytes, AppendCallback done) override {
    Work* work = begin();
    work->offset = file_->bytes;
    work->bytes = std::move(bytes);
    work->done = [this, done = std::move(done)](Work& w) {
      work_ = nullptr;
      if (w.error != 0) return done(uv_error(uv_translate_sys_error(w.error), "write to a temporary file"), w.bytes);
      file_->bytes += w.bytes.size();
      done(Ok{}, {});
    };
    queue(work, [](uv_work_t* request) { append_all(*static_cast<Work*>(request->data)); });
  }

  void read_at(uint64_t offset, size_t count, ReadCallback done) override {
    Work* work = begin();
    work->offset = offset;
    work->count = static_cast<size_t>(std::min<uint64_t>(count, offset < file_->bytes ? file_->bytes - offset : 0));
    work->done = [this, done = std::move(done)](Work& w) {
      work_ = nullptr;
      if (w.error != 0) return done(uv_error(uv_translate_sys_error(w.error), "read of a temporary file"));
      done(std::move(w.bytes));
    };
    queue(work, [](uv_work_t* request) { read_some(*static_cast<Work*>(request->data)); });
  }

  uint64_t size() const override { return file_->bytes; }
  std::shared_ptr<const FileContent> content() const override { return file_; }

 private:
  Work* begin() {
    TG_ASSERT(!work_);
    work_ = new Work;
    work_->request.data = work_;
    work_->file = file_;
    return work_;
  }

  void queue(Work* work, uv_work_cb run) {
    const int status = uv_queue_work(&loop_.uv, &work->request, run, [](uv_work_t* request, int) {
      const std::unique_ptr<Work> finished(static_cast<Work*>(request->data));
      const auto done = std::move(finished->done);
      if (done) done(*finished);
    });
    TG_ASSERT(status == 0);
  }

  UvRuntime::Loop& loop_;
  std::shared_ptr<UvFileContent> file_;
  Work* work_ = nullptr;  // under way; libuv's until its callback
};

int open_unlinked() {
  const char* set = std::getenv("TMPDIR");
  const std::string folder = set && *set ? set : "/tmp";
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  std::string name = folder + "/tidegate-XXXXXX";  // a file system without O_TMPFILE
  const int made = ::mkostemp(name.data(), O_CLOEXEC);
  if (made >= 0) ::unlink(name.c_str());
  return made;
}

}  // namespace

Result<std::unique_ptr<TempFile>> UvRuntime::open_temp_file() {
  const int fd = open_unlinked();
  if (fd < 0) return uv_error(uv_translate_sys_error(errno), "open of a temporary file");
  return std::unique_ptr<TempFile>(std::make_unique<UvTempFile>(*loop_, fd));
}

}  // namespace tidegate::net
