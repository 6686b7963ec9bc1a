// The largest bodies and results, each in a file of its own: their life, and what is left of them when it is over.
#include <sys/stat.h>

#include "unit/jobs/sqlite/body_fixture.h"
#include "unit/jobs/sqlite/killed.h"
#include "unit/jobs/sqlite/nth_fault.h"

namespace tidegate::jobs {

TEST_CASE("a body of 4 MiB has a file of its own, its owner's alone, with its bytes; a smaller one has not") {
  ChunkFixture fixture({}, SqliteOptions{}.body_file_min);
  Asker asker(fixture);
  asker.append_new(large_bytes(4 * kMiB - 1));
  CHECK(body_files_of(fixture.path()).empty());
  const mode_t before = ::umask(0);
  asker.append_new(large_bytes(4 * kMiB));
  ::umask(before);
  const auto files = body_files_of(fixture.path());
  REQUIRE(files.size() == 1);
  const std::string path = fixture.path() + "-bodies/" + *files.begin();
  CHECK(bytes_in(path) == large_bytes(4 * kMiB));
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777u) == 0600);
  REQUIRE(::stat((fixture.path() + "-bodies").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777u) == 0700);
}

TEST_CASE("a body and a result in files come back whole, also after a restart, and leave nothing behind") {
  for (const uint64_t size : {BodyFixture::kFileMin, BodyWrite::kStepBytes, 2 * BodyWrite::kStepBytes + 77}) {
    BodyFixture fixture;
    Asker asker(fixture);
    const JobDraft draft = large_draft(fixture.home(), large_bytes(size));
    REQUIRE(asker.append(draft).ok());
    CHECK(fixture.files().size() == 1);
    CHECK(fixture.bytes() == size);
    fixture.restart();
    CHECK(fixture.bytes() == size);
    const ClaimedJob job = asker.claim();
    CHECK(asker.body_of(job) == large_bytes(size));
    REQUIRE(asker.succeed(job, {200, {}, in_file(large_bytes(size + 1))}).ok());
    fixture.await_bytes_swept(size + 1);
    CHECK(fixture.files().size() == 1);
    fixture.restart();
    CHECK(asker.body_of(*asker.result(draft.id)->body) == large_bytes(size + 1));
    REQUIRE(asker.purge(draft.id).ok());
    fixture.await_no_files();
  }
}

TEST_CASE("the bytes of a body in a file are neither in the WAL nor in the database") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(8 * kMiB));
  CHECK(std::filesystem::file_size(fixture.path() + "-wal") < kMiB);
  fixture.close();
  CHECK(std::filesystem::file_size(fixture.path()) < kMiB);
}

TEST_CASE("every end of a job with a body in a file deletes the file, once") {
  BodyFixture fixture;
  Asker asker(fixture);
  const auto append = [&] { return asker.append_new(large_bytes(kMiB)); };
  REQUIRE(asker.cancel(append()).ok());
  fixture.await_no_files();
  const std::string dead = append();
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  REQUIRE(asker.replay(dead).ok());
  CHECK(asker.body_of(asker.claim()) == large_bytes(kMiB));
  fixture.restart();
  REQUIRE(asker.dead_letter(asker.claim()).ok());
  REQUIRE(asker.purge(dead).ok());
  fixture.await_no_files();
  JobDraft expired = large_draft(fixture.home(), large_bytes(kMiB));
  expired.expires_at = expired.created_at;
  REQUIRE(asker.append(expired).ok());
  CHECK(asker.nothing_to_claim());
  fixture.await_no_files();
}

TEST_CASE("more files than are deleted at once are all deleted") {
  BodyFixture fixture;
  Asker asker(fixture);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(asker.append_new(large_bytes(BodyFixture::kFileMin)));
  for (const std::string& id : ids) REQUIRE(asker.cancel(id).ok());
  fixture.await_no_files();
}

namespace {

// A body whose reading stops until the test lets it go on.
class GatedBody final : public net::FileContent {
 public:
  uint64_t size() const override { return 3 * BodyWrite::kStepBytes; }
  Result<std::string> read_at(uint64_t, size_t count) const override {
    reading = true;
    open.wait(false);
    return std::string(count, 'x');
  }
  std::atomic<bool> open{false};
  mutable std::atomic<bool> reading{false};
};

struct GatedAppend {
  explicit GatedAppend(BodyFixture& fixture) {
    JobDraft draft = make_draft(fixture.home());
    draft.body = {"", body};
    operation = fixture.queue().append(fixture.home(), std::move(draft),
                                       [this](const Result<Appended>& appended) { appended_ok = appended.ok(); });
    while (!body->reading) fixture.let_store_work();
  }
  void let_go() {
    body->open = true;
    body->open.notify_all();
  }
  const std::shared_ptr<GatedBody> body = std::make_shared<GatedBody>();
  OperationPtr operation;
  std::optional<bool> appended_ok;
};

}  // namespace

TEST_CASE("jobs are stored, replayed and ended while the file of a large body is being written") {
  BodyFixture fixture;
  Asker asker(fixture);
  GatedAppend large(fixture);
  asker.append_new();
  REQUIRE(asker.succeed(asker.claim()).ok());
  CHECK(!large.appended_ok);
  large.let_go();
  fixture.run_until([&] { return large.appended_ok.has_value(); });
  CHECK(*large.appended_ok);
  CHECK(asker.body_of(asker.claim()) == std::string(large.body->size(), 'x'));
}

TEST_CASE("a file whose caller has gone while it was being written is deleted, and written no further") {
  BodyFixture fixture;
  GatedAppend large(fixture);
  large.operation.reset();
  large.let_go();
  fixture.await_no_files();
  CHECK(!large.appended_ok);
}

TEST_CASE("a queue that is closed while the file of a large body is being written stores it first") {
  BodyFixture fixture;
  Asker asker(fixture);
  GatedAppend large(fixture);
  bool closed = false;
  fixture.queue().close(fixture.home(), [&] { closed = true; });
  large.let_go();
  fixture.run_until([&] { return closed && large.appended_ok.has_value(); });
  CHECK(*large.appended_ok);
  fixture.restart();
  CHECK(asker.claim().body_size == large.body->size());
}

TEST_CASE("of two large bodies with one key, sent at once, one job is made, and one file is left") {
  BodyFixture fixture;
  std::vector<Result<Appended>> answers;
  std::vector<OperationPtr> operations;
  for (int i = 0; i < 2; ++i) {
    JobDraft draft = large_draft(fixture.home(), large_bytes(BodyWrite::kStepBytes + kMiB));
    draft.dedupe_key = "key";
    operations.push_back(fixture.queue().append(
        fixture.home(), draft, [&](Result<Appended> appended) { answers.push_back(std::move(appended)); }));
  }
  fixture.run_until([&] { return answers.size() == 2; });
  REQUIRE(answers[0].ok());
  REQUIRE(answers[1].ok());
  CHECK(answers[0]->existing != answers[1]->existing);
  fixture.await_bytes_swept(BodyWrite::kStepBytes + kMiB);
  CHECK(fixture.files().size() == 1);
}

TEST_CASE("where the database is a symbolic link, the folder of bodies is beside the file that it leads to") {
  BodyFixture fixture;
  Asker asker(fixture);
  fixture.close();
  const std::string real = fixture.path();
  std::filesystem::create_symlink(real, fixture.file("link.db"));
  fixture.options().path = fixture.file("link.db");
  fixture.open();
  asker.append_new(large_bytes(kMiB));
  CHECK(body_files_of(real).size() == 1);
  CHECK(body_files_of(fixture.file("link.db")).empty());
}

namespace {

size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd"), end;
  return static_cast<size_t>(std::distance(all, end));
}

// A body that meets `fault` is refused alone, and leaves nothing.
void check_refused(const NthFault& fault, ErrorCode code, const std::string& reason) {
  INFO(to_string(fault));
  BodyFixture fixture(NthFaultDisk::the().name());
  Asker asker(fixture);
  asker.append_new();
  const size_t before = open_descriptors();
  NthFaultDisk::the().arm(fault);
  const auto refused = asker.append(large_draft(fixture.home(), large_bytes(BodyWrite::kStepBytes + kMiB)));
  CHECK(NthFaultDisk::the().disarm());
  REQUIRE(!refused);
  CHECK(refused.error().code == code);
  CHECK_MESSAGE(refused.error().message.starts_with(reason), refused.error().message);
  CHECK(fixture.queue().view().available);
  CHECK(open_descriptors() == before);
  fixture.await_bytes_swept(4);  // of the small job
  CHECK(fixture.files().empty());
  asker.append_new(large_bytes(kMiB));
}

}  // namespace

TEST_CASE(
    "a body whose file cannot be written is refused alone, with its reason, and leaves neither file nor descriptor") {
  check_refused({DiskFile::body, DiskStep::write, FaultKind::full, 9}, ErrorCode::exhausted, "disk_full: write ");
  check_refused({DiskFile::body, DiskStep::write, FaultKind::short_write, 9}, ErrorCode::exhausted,
                "disk_full: write ");
  check_refused({DiskFile::body, DiskStep::write, FaultKind::io_error, 9}, ErrorCode::io, "write ");
  check_refused({DiskFile::body, DiskStep::sync, FaultKind::io_error, 1}, ErrorCode::io, "sync ");
  check_refused({DiskFile::body, DiskStep::sync, FaultKind::io_error, 2}, ErrorCode::io, "sync ");
  check_refused({DiskFile::body, DiskStep::open, FaultKind::io_error, 1}, ErrorCode::io, "open ");
}

TEST_CASE("a file that cannot be deleted now is logged once, and deleted later") {
  BodyFixture fixture(NthFaultDisk::the().name());
  Asker asker(fixture);
  const std::string id = asker.append_new(large_bytes(kMiB));
  LogLines log;
  NthFaultDisk::the().arm({.file = DiskFile::body, .step = DiskStep::remove, .lasting = true});
  REQUIRE(asker.cancel(id).ok());
  fixture.run_until([&] {
    fixture.queue().tidy(fixture.home());
    return NthFaultDisk::the().seen() >= 2;
  });
  CHECK(fixture.files().size() == 1);
  CHECK(fixture.bytes() == kMiB);
  CHECK(fixture.rows("unowned") == 1);
  NthFaultDisk::the().disarm();
  fixture.await_no_files();
  CHECK(log.said("body_file_not_deleted") == 1);
}

}  // namespace tidegate::jobs
