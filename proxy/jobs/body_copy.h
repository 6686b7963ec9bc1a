// Copies a stored body out of its store: into memory where it is small, else into a temporary file, piece by piece.
#pragma once

#include <functional>
#include <memory>

#include "jobs/job.h"
#include "net/body_reader.h"

namespace tidegate::jobs {

class BodyCopy {
 public:
  static constexpr uint64_t kMemoryMax = 256 * 1024;

  // Begins at once; `done` runs later, once. Destroying the copy guarantees silence. Errors: the reader's, the disk's.
  BodyCopy(net::Runtime& runtime, std::shared_ptr<net::BodyReader> from, std::function<void(Result<BodyContent>)> done);

 private:
  static constexpr size_t kPiece = 256 * 1024;

  void read_on();
  void on_piece(Result<std::string> piece);
  void end(Result<BodyContent> result);

  std::shared_ptr<net::BodyReader> from_;
  std::function<void(Result<BodyContent>)> done_;
  uint64_t at_ = 0;
  std::string memory_;
  std::unique_ptr<net::TempFile> file_;
  std::unique_ptr<net::Operation> reading_;
};

}  // namespace tidegate::jobs
