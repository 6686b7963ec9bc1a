// What a takeover is for those who use a queue.
#include "jobs/handover/handover_queue.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "unit/jobs/handover/fixture.h"

namespace tidegate::jobs {

namespace {

using Outcome = std::optional<Result<Appended>>;

OperationPtr begin_append(HandoverFixture& fixture, Outcome& outcome, const std::string& body = "body") {
  return fixture.queue().append(fixture.home(), make_draft(fixture.home(), body),
                                [&](Result<Appended> appended) { outcome.emplace(std::move(appended)); });
}

std::string all_of(HandoverFixture& fixture, net::BodyReader& body) { return Asker(fixture).body_of(body); }

}  // namespace

TEST_CASE("a call while the queue is held waits, and is done by whoever has the store then") {
  HandoverFixture fixture;
  Asker ask(fixture);
  const std::string before = ask.append_new();
  fixture.hold();
  Outcome appended;
  const auto operation = begin_append(fixture, appended);
  SUBCASE("the store comes back") {
    fixture.close_store();
    CHECK(!appended);
    fixture.reopen();
    fixture.run_until([&] { return appended.has_value(); });
    REQUIRE(appended->ok());
    CHECK(ask.status((*appended)->id) == JobStatus::queued);
    CHECK(ask.claim().id == before);
  }
  SUBCASE("the store was not closed") {
    fixture.handover().take_back();
    fixture.run_until([&] { return appended.has_value(); });
    CHECK(appended->ok());
  }
  SUBCASE("the other process has it") {
    fixture.close_store();
    fixture.give_away();
    fixture.run_until([&] { return appended.has_value(); });
    REQUIRE(appended->ok());
    CHECK(ask.status((*appended)->id) == JobStatus::queued);
    CHECK(fixture.other().view().depth[0] == 2);
  }
}

TEST_CASE("a call that nobody waits for any more is not made after the takeover") {
  HandoverFixture fixture;
  fixture.hold();
  Outcome appended;
  { const auto dropped = begin_append(fixture, appended); }
  auto late = begin_append(fixture, appended);
  fixture.close_store();
  fixture.give_away();
  late.reset();
  fixture.pass(20ms);
  CHECK(!appended);
  CHECK(fixture.other().view().depth[0] == 0);
}

TEST_CASE("the store is idle once the calls before have ended") {
  HandoverFixture fixture;
  Outcome appended;
  const auto operation = begin_append(fixture, appended);
  bool idle = false;
  fixture.handover().hold(fixture.home(), [&] {
    CHECK(appended.has_value());
    idle = true;
  });
  fixture.run_until([&] { return idle; });
  CHECK(appended->ok());
  fixture.handover().take_back();
}

TEST_CASE("the other process appends, finds and cancels as the store would") {
  HandoverFixture fixture;
  Asker ask(fixture);
  const std::string before = ask.append_new();
  fixture.hand_over();
  JobDraft draft = make_draft(fixture.home(), std::string(200'000, 'b'));
  draft.dedupe_key = "a-key";
  draft.not_before = draft.created_at + 5s;
  const JobDraft again = draft;
  const auto appended = ask.append(draft);
  REQUIRE(appended.ok());
  CHECK(appended->id == draft.id);
  CHECK(appended->position == 1);
  JobDraft same = again;
  same.id = make_draft(fixture.home()).id;
  const auto existing = ask.append(std::move(same));
  REQUIRE(existing.ok());
  CHECK(existing->existing);
  CHECK(existing->id == draft.id);
  JobDraft conflict = make_draft(fixture.home(), "another body");
  conflict.dedupe_key = "a-key";
  CHECK(ask.append(std::move(conflict)).error().code == ErrorCode::invalid);

  const auto found = ask.find(draft.id);
  REQUIRE(found.ok());
  CHECK(found->route == draft.route);
  CHECK(found->target == draft.target);
  CHECK(found->body_size == 200'000);
  CHECK(found->expires_at == draft.expires_at);
  CHECK(found->next_attempt_at == draft.not_before);
  CHECK(ask.find("0123456789abcdef0123456789abcdef").error().code == ErrorCode::not_found);
  CHECK(ask.cancel(before).ok());
  CHECK(ask.cancel(before).error().code == ErrorCode::conflict);
}

TEST_CASE("a body in a file goes to the other process as it is") {
  HandoverFixture fixture;
  Asker ask(fixture);
  const std::string body = std::string(700'000, 'f') + "end";
  const auto file = fixture.home().make_temp_file();
  append_to(*file, fixture, body);
  JobDraft draft = make_draft(fixture.home());
  draft.body = {"", file->content()};
  fixture.hand_over();
  REQUIRE(ask.append(std::move(draft)).ok());
  const auto job = ::tidegate::jobs::ask<std::optional<ClaimedJob>>(
      fixture, [&](auto done) { return fixture.other().claim(fixture.home(), 30s, done); });
  REQUIRE(job.ok());
  const auto reader = fixture.other().open_body(fixture.home(), **job);
  CHECK(all_of(fixture, *reader) == body);
}

TEST_CASE("a result that is being read is read on, whoever has the store") {
  HandoverFixture fixture;
  Asker ask(fixture);
  const std::string id = ask.append_new();
  const std::string body(600'000, 'r');
  REQUIRE(ask.succeed(ask.claim(), {200, {{"content-type", "text/plain"}}, {body, {}}}).ok());
  auto before = ask.result(id);
  REQUIRE(before.ok());
  SUBCASE("the store came back") {
    fixture.hold();
    fixture.close_store();
    fixture.reopen();
  }
  SUBCASE("the other process has it") { fixture.hand_over(); }
  CHECK(all_of(fixture, *before->body) == body);
  auto after = ask.result(id);
  REQUIRE(after.ok());
  CHECK(after->status == 200);
  CHECK(after->fields == FieldList{{"content-type", "text/plain"}});
  CHECK(all_of(fixture, *after->body) == body);
}

TEST_CASE("calls fail, and the view says why, once it is not known when the store comes back") {
  HandoverFixture fixture;
  Asker ask(fixture);
  fixture.hold();
  Outcome appended;
  const auto operation = begin_append(fixture, appended);
  fixture.close_store();
  fixture.handover().refuse_calls(fixture.home(), "somebody has the file");
  fixture.run_until([&] { return appended.has_value(); });
  CHECK(appended->error().code == ErrorCode::unavailable);
  CHECK(!fixture.queue().view().available);
  CHECK(fixture.queue().view().why_unavailable == "somebody has the file");
  fixture.reopen();
  CHECK(ask.append(make_draft(fixture.home())).ok());
  CHECK(fixture.queue().view().available);
}

TEST_CASE("only who has the store claims and operates; the view stays") {
  HandoverFixture fixture;
  Asker ask(fixture);
  const std::string id = ask.append_new();
  fixture.hand_over();
  CHECK(ask.try_claim().error().code == ErrorCode::unavailable);
  CHECK(ask.purge(id).error().code == ErrorCode::unavailable);
  CHECK(fixture.queue().view().depth[0] == 1);
  CHECK(fixture.queue().view().available);
}

TEST_CASE("nothing is promised where the other process has ended") {
  HandoverFixture fixture;
  Asker ask(fixture);
  fixture.hand_over();
  fixture.be_deaf();
  Outcome appended;
  const auto operation = begin_append(fixture, appended);
  fixture.pass(10ms);
  CHECK(!appended);
  fixture.end_other();
  fixture.run_until([&] { return appended.has_value(); });
  CHECK(appended->error().code == ErrorCode::unavailable);
  CHECK(ask.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
}

TEST_CASE("a job that was appended there for nobody any more is cancelled") {
  HandoverFixture fixture;
  fixture.hand_over();
  Outcome appended;
  auto operation = begin_append(fixture, appended);
  // The call is on its way: the answer finds nobody.
  bool sent = false;
  fixture.home().post([&] {
    operation.reset();
    sent = true;
  });
  fixture.run_until([&] { return sent; });
  fixture.run_until([&] { return fixture.other().view().depth[static_cast<size_t>(JobStatus::cancelled)] == 1; });
  CHECK(!appended);
}

TEST_CASE("notes are those of the first store, and are written to the one that is there") {
  HandoverFixture fixture;
  NoteStore* const notes = fixture.queue().note_store();
  REQUIRE(notes != nullptr);
  const auto& first = notes->notes();
  fixture.hold();
  notes->write_note("c", "meanwhile");
  fixture.close_store();
  fixture.reopen();
  CHECK(&notes->notes() == &first);
  notes->write_note("a", "b");
  fixture.restart();
  CHECK(fixture.queue().note_store()->notes().at("a") == "b");
  CHECK(fixture.queue().note_store()->notes().at("c") == "meanwhile");
}

TEST_CASE("a message that is not a call or an answer is told apart, at every length") {
  QueueCall call{.id = 7, .kind = CallKind::read, .queue = "jobs", .job_id = "x", .offset = 3, .count = 5};
  const std::string whole = encode(call)->text;
  for (size_t length = 0; length < whole.size(); ++length) CHECK(!decode_call({whole.substr(0, length), {}}));
  const auto read = decode_call({whole, {}});
  REQUIRE(read);
  CHECK(read->offset == 3);
  CHECK(read->count == 5);
  QueueAnswer answer{.id = 7, .piece = "piece"};
  const std::string text = encode(answer).text;
  for (size_t length = 0; length < text.size(); ++length) CHECK(!decode_answer({text.substr(0, length), {}}));
  CHECK(decode_answer({text, {}})->piece == "piece");
  CHECK(!decode_call({"\x07" + std::string(7, '\0') + "\x7f" + std::string(100, '\xff'), {}}));
}

TEST_CASE("limits that change while the store is closed are those of the store that comes back") {
  HandoverFixture fixture;
  Asker ask(fixture);
  fixture.hold();
  fixture.close_store();
  QueueLimits limits;
  limits.max_jobs = 1;
  fixture.queue().set_limits(limits);
  fixture.reopen();
  ask.append_new();
  CHECK(ask.append(make_draft(fixture.home())).error().code == ErrorCode::exhausted);
}

}  // namespace tidegate::jobs
