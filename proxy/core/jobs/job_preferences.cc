#include "core/jobs/job_preferences.h"

#include "core/jobs/body_reference.h"
#include "core/jobs/idempotency_key.h"
#include "http/message/prefer.h"

namespace tidegate::core {

Result<std::unique_ptr<JobPreferences>> job_preferences(const http::Fields& fields,
                                                        const config::FallbackEnqueue& enqueue) {
  auto key = idempotency_key(fields);
  if (!key) return key.error();
  auto reference = enqueue.by_reference ? body_reference(fields, enqueue.reference_hosts)
                                        : Result<std::optional<std::string>>(std::nullopt);
  if (!reference) return reference.error();
  const http::Preferences prefer = http::preferences_of(fields);
  if (key->empty() && !*reference && !prefer.respond_async) return std::unique_ptr<JobPreferences>();
  auto preferences = std::make_unique<JobPreferences>();
  preferences->idempotency_key = std::move(*key);
  preferences->body_ref = std::move(*reference);
  preferences->respond_async = prefer.respond_async;
  if (prefer.respond_async && prefer.wait_s) preferences->wait = std::chrono::seconds(*prefer.wait_s);
  return preferences;
}

}  // namespace tidegate::core
