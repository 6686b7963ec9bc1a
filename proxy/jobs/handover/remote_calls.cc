#include "jobs/handover/remote_calls.h"

#include <utility>

namespace tidegate::jobs {

namespace {

class RemoteResult final : public net::BodyReader {
 public:
  RemoteResult(std::shared_ptr<RemoteCalls> calls, net::Runtime& home, std::string queue, std::string id, uint64_t size)
      : calls_(std::move(calls)), home_(home), queue_(std::move(queue)), id_(std::move(id)), size_(size) {}

  uint64_t size() const override { return size_; }
  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    return calls_->read(home_, queue_, id_, offset, count, std::move(done));
  }

 private:
  const std::shared_ptr<RemoteCalls> calls_;
  net::Runtime& home_;
  const std::string queue_;
  const std::string id_;
  const uint64_t size_;
};

}  // namespace

template <typename T>
OperationPtr RemoteCalls::submit(std::shared_ptr<PendingCall<T>> pending, QueueCall call,
                                 std::function<T(QueueAnswer&)> pick) {
  const auto finish = [pending, pick = std::move(pick)](QueueAnswer answer) {
    if (answer.error) pending->fail(std::move(*answer.error));
    else pending->set(pick(answer));
    StoreCall::complete(pending);
  };
  main_.post([self = shared_from_this(), call = std::move(call), finish]() mutable {
    self->send_call(std::move(call), finish);
  });
  return std::make_unique<StoreCallHandle>(std::move(pending));
}

// A job that nobody waits for any more was promised to nobody.
OperationPtr RemoteCalls::append(net::Runtime& home, const std::string& queue, JobDraft draft,
                                 Callback<Appended> done) {
  auto pending = std::make_shared<PendingCall<Appended>>(&home, std::move(done));
  pending->on_abandoned = [self = weak_from_this(), queue](Appended& appended) {
    const auto calls = self.lock();
    if (!calls || appended.existing) return;
    QueueCall call{.kind = CallKind::cancel, .queue = queue, .job_id = appended.id};
    calls->main_.post([calls, call = std::move(call)] { calls->send_call(call, [](QueueAnswer) {}); });
  };
  return submit<Appended>(std::move(pending), {.kind = CallKind::append, .queue = queue, .draft = std::move(draft)},
                          [](QueueAnswer& answer) { return std::move(answer.appended); });
}

OperationPtr RemoteCalls::find(net::Runtime& home, const std::string& queue, const std::string& id,
                               Callback<JobRecord> done) {
  return submit<JobRecord>(std::make_shared<PendingCall<JobRecord>>(&home, std::move(done)),
                           {.kind = CallKind::find, .queue = queue, .job_id = id},
                           [](QueueAnswer& answer) { return std::move(answer.record); });
}

OperationPtr RemoteCalls::cancel(net::Runtime& home, const std::string& queue, const std::string& id,
                                 Callback<Ok> done) {
  return submit<Ok>(std::make_shared<PendingCall<Ok>>(&home, std::move(done)),
                    {.kind = CallKind::cancel, .queue = queue, .job_id = id}, [](QueueAnswer&) { return Ok{}; });
}

OperationPtr RemoteCalls::result(net::Runtime& home, const std::string& queue, const std::string& id,
                                 Callback<ResultReader> done) {
  const auto make = [self = shared_from_this(), &home, queue, id](QueueAnswer& answer) {
    auto body = std::make_shared<RemoteResult>(self, home, queue, id, answer.result_size);
    return ResultReader{answer.result_status, std::move(answer.result_fields), std::move(body)};
  };
  return submit<ResultReader>(std::make_shared<PendingCall<ResultReader>>(&home, std::move(done)),
                              {.kind = CallKind::result, .queue = queue, .job_id = id}, make);
}

OperationPtr RemoteCalls::read(net::Runtime& home, const std::string& queue, const std::string& id, uint64_t offset,
                               size_t count, Callback<std::string> done) {
  return submit<std::string>(std::make_shared<PendingCall<std::string>>(&home, std::move(done)),
                             {.kind = CallKind::read, .queue = queue, .job_id = id, .offset = offset, .count = count},
                             [](QueueAnswer& answer) { return std::move(answer.piece); });
}

void RemoteCalls::send_call(QueueCall call, Finish finish) {
  call.id = next_id_++;
  if (!ended_.empty()) return finish({.id = call.id, .error = Error{ErrorCode::unavailable, ended_}});
  auto message = encode(call);
  if (!message) return finish({.id = call.id, .error = Error{ErrorCode::unavailable, message.error().message}});
  under_way_[call.id] = std::move(finish);
  send_(std::move(*message));
}

bool RemoteCalls::on_answer(const net::Message& message) {
  auto answer = decode_answer(message);
  if (!answer) return false;
  const auto call = under_way_.extract(answer->id);
  if (!call) return false;
  call.mapped()(std::move(*answer));
  return true;
}

void RemoteCalls::end(const std::string& reason) {
  ended_ = reason;
  send_ = nullptr;
  for (auto& [id, finish] : std::exchange(under_way_, {})) {
    finish({.id = id, .error = Error{ErrorCode::unavailable, reason}});
  }
}

}  // namespace tidegate::jobs
