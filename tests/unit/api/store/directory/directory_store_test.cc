#include "api/store/directory/directory_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "net/uv/uv_runtime.h"
#include "unit/api/scratch_folder.h"

namespace tidegate::api::test {

namespace fs = std::filesystem;

namespace {

const std::string kName = "results/abc";

ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

class Fixture {
 public:
  explicit Fixture(fs::path root) : root_(std::move(root)) { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = DirectoryStore::open(runtime_, root_);
    REQUIRE(opened.ok());
    store_ = std::move(*opened);
  }
  DirectoryStore& store() { return *store_; }
  net::UvRuntime& runtime() { return runtime_; }

  Status put(const std::string& name, ObjectPtr what) {
    return await<Status>([&](auto done) { return store_->put(name, std::move(what), done); });
  }
  Result<ObjectPtr> get(const std::string& name) {
    return await<Result<ObjectPtr>>([&](auto done) { return store_->get(name, done); });
  }
  Result<bool> exists(const std::string& name) {
    return await<Result<bool>>([&](auto done) { return store_->exists(name, done); });
  }
  Status remove(const std::string& name) {
    return await<Status>([&](auto done) { return store_->remove(name, done); });
  }
  Status check() {
    return await<Status>([&](auto done) { return store_->check(done); });
  }

 private:
  template <typename T, typename Begin>
  T await(Begin begin) {
    std::optional<T> result;
    const auto operation = begin([&](T outcome) { result.emplace(std::move(outcome)); });
    CHECK_FALSE(result.has_value());
    while (!result) runtime_.run_once();
    return std::move(*result);
  }

  net::UvRuntime runtime_;
  const fs::path root_;
  std::unique_ptr<DirectoryStore> store_;
};

bool has_nothing(const fs::path& folder) { return fs::directory_iterator(folder) == fs::directory_iterator(); }

// Limits the size of every file of this process: writing then fails as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tight{bytes, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

}  // namespace

TEST_CASE("a get returns the object that was put, with its type") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path() / "made/for/it");
  std::string bytes(1 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  CHECK_FALSE(*fixture.exists(kName));
  CHECK(fixture.put(kName, object(bytes, "image/webp")).ok());
  CHECK(*fixture.exists(kName));
  const auto found = fixture.get(kName);
  REQUIRE(found.ok());
  CHECK((*found)->bytes == bytes);
  CHECK((*found)->content_type == "image/webp");
  CHECK(fixture.put("originals/abc", object("")).ok());
  CHECK((*fixture.get("originals/abc"))->bytes.empty());
}

TEST_CASE("a second put replaces the object, and removing a missing object succeeds") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path());
  CHECK(fixture.put(kName, object("one")).ok());
  CHECK(fixture.put(kName, object("two")).ok());
  CHECK((*fixture.get(kName))->bytes == "two");
  CHECK(fixture.remove(kName).ok());
  CHECK(fixture.remove(kName).ok());
  CHECK(fixture.get(kName).error().code == ErrorCode::not_found);
}

TEST_CASE("a restart finds every object and removes unfinished files") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path());
  CHECK(fixture.put(kName, object("kept")).ok());
  std::ofstream(scratch.path() / "temp/77") << "half";
  fixture.reopen();
  CHECK((*fixture.get(kName))->bytes == "kept");
  CHECK(has_nothing(scratch.path() / "temp"));
}

TEST_CASE("originals and results are their owner's alone, and folders that others could read are closed to them") {
  const ScratchFolder scratch;
  const mode_t umask_before = ::umask(0);
  fs::create_directory(scratch.path() / "results");
  Fixture fixture(scratch.path());
  CHECK(fixture.put(kName, object("secret")).ok());
  ::umask(umask_before);
  for (const char* folder : {"originals", "results", "jobs", "temp"}) {
    CHECK(fs::status(scratch.path() / folder).permissions() == fs::perms(0700));
  }
  CHECK(fs::status(scratch.path() / kName).permissions() == fs::perms(0600));
}

TEST_CASE("a damaged file is distinguished from a missing one") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path());
  const fs::path file = scratch.path() / kName;
  REQUIRE(fixture.put(kName, object("0123456789")).ok());
  fs::resize_file(file, fs::file_size(file) - 1);
  CHECK(fixture.get(kName).error().code == ErrorCode::invalid);
  for (const char* content :
       {"", "\n", "hello", "tidegate-object 1 \n", "tidegate-object 1 0\n", "tidegate-object 1 -1 a\n",
        "tidegate-object 1 5 a\nhello!", "tidegate-object 2 5 a\nhello"}) {
    CAPTURE(content);
    std::ofstream(file, std::ios::trunc) << content;
    CHECK(fixture.get(kName).error().code == ErrorCode::invalid);
  }
}

TEST_CASE("a directory that cannot be created is an error on opening") {
  const ScratchFolder scratch;
  std::ofstream(scratch.path() / "file") << "in the way";
  net::UvRuntime runtime;
  const auto opened = DirectoryStore::open(runtime, scratch.path() / "file/state");
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::io);
}

TEST_CASE("the check of a deleted store fails") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path() / "state");
  CHECK(fixture.check().ok());
  CHECK(has_nothing(scratch.path() / "state/temp"));
  fs::remove_all(scratch.path() / "state");
  std::ofstream(scratch.path() / "state") << "a file now";
  CHECK_FALSE(fixture.check().ok());
  CHECK_FALSE(fixture.put(kName, object("x")).ok());
  CHECK(fixture.exists(kName).ok() == false);
}

TEST_CASE("a full disk is an error and leaves no unfinished file") {
  const ScratchFolder scratch;
  Fixture fixture(scratch.path());
  REQUIRE(fixture.put(kName, object("before")).ok());
  {
    const FullDisk full(4096);
    const auto status = fixture.put(kName, object(std::string(100'000, 'x')));
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::exhausted);
  }
  CHECK((*fixture.get(kName))->bytes == "before");
  CHECK(has_nothing(scratch.path() / "temp"));
}

TEST_CASE("operations above the limit are refused, and destroyed ones do not call back") {
  constexpr int kThreads = 2;
  constexpr int kQueueMax = 1000;
  const ScratchFolder scratch;
  Fixture fixture(scratch.path());
  const fs::path gate = scratch.path() / "results/gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);  // reading it blocks until there is a writer
  REQUIRE(fixture.put(kName, object("x")).ok());

  std::map<ErrorCode, int> errors;
  int found = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  const auto begin = [&](const std::string& name) {
    operations.push_back(fixture.store().get(
        name, [&](const Result<ObjectPtr>& result) { result ? ++found : ++errors[result.error().code]; }));
  };
  for (int i = 0; i < kThreads; ++i) begin("results/gate");
  for (int i = 1; i < kQueueMax; ++i) begin(kName);
  auto gone = fixture.store().put("results/other", object("x"), [&](const Status&) { FAIL("called back"); });
  begin(kName);
  while (errors[ErrorCode::exhausted] == 0) fixture.runtime().run_once();
  gone.reset();
  begin(kName);  // uses the free slot
  const int writer = ::open(gate.c_str(), O_RDWR | O_CLOEXEC);
  while (found < kQueueMax || errors[ErrorCode::invalid] < kThreads) fixture.runtime().run_once();
  ::close(writer);
  CHECK(found == kQueueMax);
  CHECK(errors[ErrorCode::exhausted] == 1);
  CHECK_FALSE(*fixture.exists("results/other"));
}

}  // namespace tidegate::api::test
