// A kill at any moment of a body's life loses nothing and leaves no file, and no file is made or deleted for what is
// not committed.
#include <thread>

#include "unit/jobs/sqlite/bare_store.h"
#include "unit/jobs/sqlite/body_fixture.h"
#include "unit/jobs/sqlite/killed.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kLifeBytes = BodyWrite::kStepBytes + kMiB + 5;  // synced twice

// Deletes all that is nobody's.
void sweep_all(SqliteStore& store, WallTime now) {
  do {
    store.begin();
    sweep_late(store, now);
    store.commit();
    if (store.body_files().take_news()) store.sweep_state().more = true;
    if (!store.sweep_state().more)
      store.sweep_state().more = store.db().value_of("SELECT count(*) FROM unowned") != "0";
  } while (store.sweep_state().more);
}

// A store's life, whose process is killed again and again: its files are copied as each kill would leave them.
class KilledLife : public BareStore {
 public:
  KilledLife() : BareStore(BodyFixture::kFileMin) {}

  // What the next process finds, in a copy: the job, if it was promised, with its body; and no file but that one's.
  void kill_here() {
    const std::string copy = copies_.file(std::to_string(++kills));
    std::filesystem::create_directory(copy);
    for (const char* end : {"", "-wal", ".mark"}) std::filesystem::copy_file(path() + end, copy + "/jobs.db" + end);
    for (const std::string& name : body_files_of(path())) {
      std::filesystem::create_directory(copy + "/jobs.db-bodies");
      std::error_code deleted_meanwhile;
      std::filesystem::copy_file(path() + "-bodies/" + name, copy + "/jobs.db-bodies/" + name, deleted_meanwhile);
    }
    inspect(copy + "/jobs.db");
    std::filesystem::remove_all(copy);
  }
  // One transaction, before whose commit the process may be killed.
  template <typename Change>
  auto change_killed(Change change) {
    store().begin();
    auto result = change(store());
    kill_here();
    store().commit();
    return result;
  }

  int kills = 0;
  bool promised = false;

 private:
  void inspect(const std::string& database) {
    SqliteFindings findings;
    auto opened = SqliteStore::open({.path = database, .body_file_min = BodyFixture::kFileMin}, true, findings);
    REQUIRE(opened.ok());
    SqliteStore& next = **opened;
    CHECK(findings.missing.reason == "");
    CHECK(findings.bodies == BodyFileFindings{});
    next.begin();
    const auto job = claim_job(next, kLease, noon());
    REQUIRE(job.ok());
    CHECK(job->has_value() == promised);
    if (*job) CHECK(body_of(next, **job) == large_bytes(kLifeBytes));
    next.commit();
    sweep_all(next, noon());
    CHECK(body_files_of(database).size() == (promised ? 1 : 0));
    CHECK(next.counters().bytes == (promised ? kLifeBytes : 0));
  }
  std::string body_of(SqliteStore& next, const ClaimedJob& job) {
    std::string bytes;
    for (uint64_t n = 0; n * kChunkBytes < job.body_size; ++n) {
      const auto piece = read_body(next, job, n, noon());
      REQUIRE(piece.ok());
      bytes += *piece;
    }
    return bytes;
  }

  TestFolder copies_;
};

std::shared_ptr<const JobDraft> life_draft(BareStore& store) {
  JobDraft draft = large_draft(store.home(), large_bytes(kLifeBytes));
  draft.created_at = store.noon();
  draft.expires_at = store.noon() + 24h;
  return std::make_shared<const JobDraft>(std::move(draft));
}

std::string append_whole(BareStore& store) {
  const auto draft = life_draft(store);
  LargeAppend append(draft, store.noon());
  for (;;) {
    const auto ended = store.change([&](SqliteStore& s) { return append.step(s); });
    if (!ended) continue;
    REQUIRE(ended->ok());
    return draft->id;
  }
}

}  // namespace

TEST_CASE("a kill at any moment of a body's life loses no promised byte, and leaves no file that nobody deletes") {
  KilledLife life;
  const auto draft = life_draft(life);
  {
    LargeAppend append(draft, life.noon());
    std::optional<Result<Appended>> ended;
    while (!ended) {
      ended = life.change_killed([&](SqliteStore& s) { return append.step(s); });
      life.promised = ended.has_value();
      life.kill_here();
    }
    REQUIRE(ended->ok());
  }
  REQUIRE(life.change_killed([&](SqliteStore& s) { return cancel_job(s, draft->id, life.noon()); }).ok());
  life.promised = false;
  life.kill_here();
  life.change_killed([&](SqliteStore& s) {
    sweep_late(s, life.noon());
    return 0;
  });
  while (!life.store().body_files().has_news()) life.kill_here();
  life.kill_here();
  sweep_all(life.store(), life.noon());
  life.kill_here();
  CHECK(body_files_of(life.path()).empty());
  CHECK(life.kills > 8);
}

TEST_CASE("a transaction that is rolled back, and a change that is undone, delete no file") {
  BareStore store(BodyFixture::kFileMin);
  const std::string id = append_whole(store);
  const auto cancel_and_sweep = [&] {
    REQUIRE(cancel_job(store.store(), id, store.noon()).ok());
    CHECK(!delete_unowned(store.store()));  // its deletion would begin with the commit
  };
  store.store().begin();
  cancel_and_sweep();
  store.store().rollback();
  store.store().begin();
  store.store().begin_change();
  cancel_and_sweep();
  store.store().undo_change();
  store.store().commit();
  // What was deleted would be before another file that is deleted later.
  const std::string other = append_whole(store);
  REQUIRE(store.change([&](SqliteStore& s) { return cancel_job(s, other, store.noon()); }).ok());
  sweep_all(store.store(), store.noon());
  const auto files = body_files_of(store.path());
  REQUIRE(files.size() == 1);
  CHECK(bytes_in(store.path() + "-bodies/" + *files.begin()) == large_bytes(kLifeBytes));
  store.change([&](SqliteStore&) {
    cancel_and_sweep();
    return 0;
  });
  sweep_all(store.store(), store.noon());
  CHECK(body_files_of(store.path()).empty());
}

TEST_CASE("a file whose row is not committed yet is not made") {
  BareStore store(BodyFixture::kFileMin);
  LargeAppend append(life_draft(store), store.noon());
  store.store().begin();
  for (int i = 0; i < 3; ++i) CHECK(!append.step(store.store()));
  CHECK(append.waits());
  CHECK(!std::filesystem::exists(store.path() + "-bodies"));
  store.store().commit();
  while (append.waits()) std::this_thread::yield();
  CHECK(body_files_of(store.path()).size() == 1);
}

TEST_CASE("of many files that are to be deleted, a few are begun at once, and one sweep does not look at the others") {
  BareStore store(BodyFixture::kFileMin);
  store.change([&](SqliteStore& s) {
    for (int i = 0; i < 2000; ++i) {
      const std::string name = std::string(28, 'a') + std::to_string(1000 + i);
      Query(s.db(), "INSERT INTO body_files VALUES (?, ?, x'00')", 1000 + i, name).run();
      Query(s.db(), "INSERT INTO unowned VALUES (?, 1)", 1000 + i).run();
      s.counters().bytes += 1;
    }
    return 0;
  });
  store.store().begin();
  CHECK(!delete_unowned(store.store()));
  CHECK(store.store().body_files().remove("one more") == BodyFiles::Removal::refused);
  store.store().commit();
  while (!store.store().body_files().has_news()) std::this_thread::yield();
  sweep_all(store.store(), store.noon());
  CHECK(store.store().counters().bytes == 0);
}

TEST_CASE("the disk space of files that are not written yet is not promised twice") {
  BareStore store(BodyFixture::kFileMin);
  store.store().begin();
  REQUIRE(store.store().check_limits(kLifeBytes).ok());
  LargeAppend append(life_draft(store), store.noon());
  CHECK(!append.step(store.store()));
  CHECK(store.store().body_files().unwritten_bytes() == kLifeBytes);
  store.store().commit();
  while (append.waits()) std::this_thread::yield();
  CHECK(store.store().body_files().unwritten_bytes() == 0);
  store.store().begin();
  {
    LargeAppend other(life_draft(store), store.noon());
    CHECK(!other.step(store.store()));
  }
  store.store().rollback();
  CHECK(store.store().body_files().unwritten_bytes() == 0);
}

}  // namespace tidegate::jobs
