// The thread that talks to RabbitMQ: the only one that touches librabbitmq. It connects, and again with back-off when
// the connection is lost; publishes and waits for confirms (many at once); puts deliveries on the shelf; looks for dead
// letters. Owned by the queue (rabbit_queue.h); the shelf outlives it.
//
//   away ──connected, declared, consuming──▶ here ◀──unblocked / blocked──▶ blocked (the broker's alarm)
//    ▲                                         │ error, silence, no confirm in time
//    └──────────── back-off ◀──────────────────┘
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "jobs/rabbit/connection.h"
#include "jobs/rabbit/shelf.h"
#include "net/doorbell.h"

namespace tidegate::jobs {

struct RabbitThreadOptions {
  config::AmqpUrl url;
  std::string name;
  uint16_t prefetch = 32;
  Duration answer_max = 2s;    // of the broker to a publish, and of each step of connecting (half as long again)
  size_t pending_max = 4096;   // publishes waiting for the thread or for confirms
  Duration letters_ttl = 48h;  // of a dead letter
  // How long a queue that was declared just now is not relied on: RabbitMQ confirms messages to it at once, but writes
  // down that it exists half a second later, and forgets it, messages and all, when it is killed before.
  Duration settle = 2s;
  std::function<void(Duration)> on_confirm = {};  // how long a publish took; broker's thread
};

// A dead letter in hand: kept or dropped by settle_letter.
struct RabbitLetter {
  uint64_t tag = 0;
  uint64_t connection = 0;
  RabbitMessage message;
};

class RabbitThread final : public RabbitEvents {
 public:
  RabbitThread(RabbitThreadOptions options, RabbitShelf& shelf);
  ~RabbitThread() override;

  // "": the broker is here and takes publishes. Any thread, as all that follows.
  std::string why_away() const;

  // To the work queue, or where wait >= kRungMin to its way there. Answered by the confirm.
  void publish(RabbitMessage message, Duration wait, std::shared_ptr<PendingCall<Ok>> answer);
  // How long that may take.
  Duration publish_max(uint64_t body_size) const;

  // A delivery is done with; or published again elsewhere first: to be delivered after `wait`, or to the dead letters.
  // It is acked when the broker has confirmed that; where that fails it stays where it is.
  void ack(DeliveryPtr delivery);
  void delay(DeliveryPtr delivery, WallTime until);
  void to_dead(DeliveryPtr delivery, std::string reason, std::string history);

  // Error: not_found, exhausted (too many letters before it).
  void seek(const std::string& id, std::shared_ptr<PendingCall<RabbitLetter>> answer);
  void settle_letter(const RabbitLetter& letter, bool drop);

  // Somebody claims: deliveries are wanted (they stop where none are for a while).
  void want_deliveries();

  // Sends and confirms what was taken, ends. `done` runs on `home`.
  void close(net::Runtime& home, std::function<void()> done);

 private:
  struct Unconfirmed {
    std::string queue;
    std::string id;
    Time since;
    Duration bound;
    bool returned = false;
    std::shared_ptr<PendingCall<Ok>> answer;  // either: somebody waits
    DeliveryPtr moved;                        // or: this is acked
  };
  struct Seek {
    std::string id;
    std::shared_ptr<PendingCall<RabbitLetter>> answer;
    std::vector<uint64_t> passed;
  };
  using Task = std::function<void()>;

  void run();
  bool try_connect();
  void declare_queues(RabbitConnection& connection);
  bool rung_is_there(int64_t rung);
  void work_on();
  void run_tasks();
  bool submit(Task task);  // false: the thread has ended
  void send(Unconfirmed what, const RabbitMessage& message);
  void send_on(const DeliveryPtr& delivery, Duration wait);
  void move(DeliveryPtr delivery, const std::string& queue, const RabbitMessage& message);
  void settle(Unconfirmed& what, bool taken, const std::string& why);
  bool confirms_are_late() const;
  void begin_seek();
  void end_seek(Result<RabbitLetter> found);
  void share_deliveries();
  void lose(std::string why);  // a copy: the connection goes, and its own words with it
  void set_away(std::string why);
  void finish();
  bool here() const { return connection_ && !connection_->lost(); }
  bool closing() const;

  void on_delivery(RabbitArrival arrival) override;
  void on_got(std::optional<RabbitArrival> letter) override;
  void on_confirm(uint64_t number, bool multiple, bool taken) override;
  void on_returned(const std::string& queue, const std::string& id) override;
  void on_blocked(const std::string& reason) override;
  void on_unblocked() override;

  const RabbitThreadOptions options_;
  const std::string work_, dead_;
  RabbitShelf& shelf_;

  // The thread's own.
  std::unique_ptr<RabbitConnection> connection_;
  std::map<uint64_t, Unconfirmed> unconfirmed_;  // by number
  std::map<int64_t, Time> rungs_;                // declared on this connection; relied on from then on
  std::optional<Time> settled_at_;               // the work queue is new: not here before
  std::deque<Seek> seeks_;                       // the first is under way where `seeking_`
  bool seeking_ = false;
  bool blocked_ = false;
  bool consuming_ = false;
  bool queue_missing_ = false;
  Time retry_at_{};
  Duration retry_wait_{};

  net::Doorbell doorbell_;
  std::atomic<Time::rep> wanted_at_{0};
  mutable std::mutex mutex_;
  std::deque<Task> tasks_;
  size_t publishing_ = 0;
  std::string why_away_ = "rabbitmq: not connected yet";
  bool closing_ = false;
  bool ended_ = false;
  Time close_by_{};
  std::vector<std::pair<net::Runtime*, std::function<void()>>> closers_;
  std::thread thread_;  // last: starts when all else stands
};

}  // namespace tidegate::jobs
