#include "api/store/directory/directory_store.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "api/store/directory/object_file.h"
#include "api/store/object_name.h"
#include "base/assert.h"
#include "base/private_files.h"

namespace tidegate::api {

namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 2;
constexpr size_t kQueueMax = 1000;

// Work on the pool. If the pool is full, the error comes on the next event-loop iteration.
class PoolOperation final : public net::Operation {
 public:
  explicit PoolOperation(net::Runtime& runtime) : refusal_(runtime, [this] { refuse(); }) {}

  void hold(std::unique_ptr<optimizer::WorkPool::Ticket> ticket, std::function<void()> on_refused) {
    ticket_ = std::move(ticket);
    on_refused_ = std::move(on_refused);
    if (!ticket_) refusal_.start_after(Duration::zero());
  }

 private:
  void refuse() {
    const auto refused = std::move(on_refused_);  // may destroy this
    refused();
  }

  std::unique_ptr<optimizer::WorkPool::Ticket> ticket_;
  std::function<void()> on_refused_;
  net::Timer refusal_;
};

}  // namespace

Result<std::unique_ptr<DirectoryStore>> DirectoryStore::open(net::Runtime& runtime, const fs::path& root) {
  std::error_code error;
  fs::remove_all(root / "temp", error);  // files left unfinished by a crash
  if (error) return Error{ErrorCode::io, "remove " + (root / "temp").string() + ": " + error.message()};
  for (const char* folder : {"originals", "results", "jobs", "temp"}) {
    if (const Status made = make_private_folders(root / folder); !made) return made.error();
    keep_private(root / folder);  // which closes it for what older versions have left in it
  }
  return std::unique_ptr<DirectoryStore>(new DirectoryStore(runtime, root));
}

DirectoryStore::DirectoryStore(net::Runtime& runtime, fs::path root)
    : runtime_(runtime),
      root_(std::move(root)),
      pool_(kThreads, kQueueMax, [&runtime](std::function<void()> task) { runtime.post(std::move(task)); }) {}

fs::path DirectoryStore::path_of(const std::string& name) const {
  TG_ASSERT(is_object_name(name));
  return root_ / name;
}

fs::path DirectoryStore::next_temp() { return root_ / "temp" / std::to_string(++temps_); }

template <typename T>
std::unique_ptr<net::Operation> DirectoryStore::submit(std::function<Result<T>()> work,
                                                       std::function<void(Result<T>)> done) {
  auto operation = std::make_unique<PoolOperation>(runtime_);
  const auto result = std::make_shared<std::optional<Result<T>>>();
  auto on_refused = [done] { done(Error{ErrorCode::exhausted, "too many operations at once"}); };
  auto ticket = pool_.submit(
      [work = std::move(work), result] {
        try {
          result->emplace(work());
        } catch (const std::exception& error) {  // most likely out of memory
          result->emplace(Error{ErrorCode::exhausted, error.what()});
        }
      },
      [done = std::move(done), result] { done(std::move(**result)); });
  operation->hold(std::move(ticket), std::move(on_refused));
  return operation;
}

std::unique_ptr<net::Operation> DirectoryStore::put(std::string name, ObjectPtr object, PutCallback done) {
  return submit<Ok>([path = path_of(name), temp = next_temp(),
                     object = std::move(object)] { return write_object(path, temp, *object); },
                    std::move(done));
}

std::unique_ptr<net::Operation> DirectoryStore::get(std::string name, GetCallback done) {
  return submit<ObjectPtr>([path = path_of(name)] { return read_object(path); }, std::move(done));
}

std::unique_ptr<net::Operation> DirectoryStore::exists(std::string name, ExistsCallback done) {
  return submit<bool>(
      [path = path_of(name)]() -> Result<bool> {
        std::error_code error;
        const bool is_there = fs::is_regular_file(path, error);
        if (error && error != std::errc::no_such_file_or_directory) {
          return Error{ErrorCode::io, "stat " + path.string() + ": " + error.message()};
        }
        return is_there;
      },
      std::move(done));
}

std::unique_ptr<net::Operation> DirectoryStore::remove(std::string name, PutCallback done) {
  return submit<Ok>(
      [path = path_of(name)]() -> Status {
        std::error_code error;
        fs::remove(path, error);
        if (error) return Error{ErrorCode::io, "remove " + path.string() + ": " + error.message()};
        return Ok{};
      },
      std::move(done));
}

std::unique_ptr<net::Operation> DirectoryStore::check(PutCallback done) {
  return submit<Ok>(
      [path = next_temp(), temp = next_temp()]() -> Status {
        auto status = write_object(path, temp, {"text/plain", "ready?"});
        if (status) ::unlink(path.c_str());
        return status;
      },
      std::move(done));
}

}  // namespace tidegate::api
