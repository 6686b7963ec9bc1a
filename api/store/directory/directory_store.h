// An object store in a directory, with two threads for disk I/O.
//
//   ROOT/originals/KEY    ROOT/results/KEY    ROOT/jobs/KEY    ROOT/temp/…  (emptied at start)
#pragma once

#include <filesystem>

#include "api/store/object_store.h"
#include "optimizer/work/work_pool.h"

namespace tidegate::api {

class DirectoryStore final : public ObjectStore {
 public:
  // Creates missing folders. Errors: io. The runtime must outlive the store. An operation may outlive the store; its
  // callback then never runs.
  static Result<std::unique_ptr<DirectoryStore>> open(net::Runtime& runtime, const std::filesystem::path& root);

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string&, Duration) override { return std::nullopt; }
  std::unique_ptr<net::Operation> check(PutCallback done) override;

 private:
  DirectoryStore(net::Runtime& runtime, std::filesystem::path root);

  template <typename T>
  std::unique_ptr<net::Operation> submit(std::function<Result<T>()> work, std::function<void(Result<T>)> done);
  std::filesystem::path path_of(const std::string& name) const;
  std::filesystem::path next_temp();

  net::Runtime& runtime_;
  const std::filesystem::path root_;
  uint64_t temps_ = 0;
  optimizer::WorkPool pool_;
};

}  // namespace tidegate::api
