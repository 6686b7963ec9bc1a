// A Stream over TLS on another Stream: what the user writes is sent encrypted, what arrives is decrypted, and all that
// stream.h promises holds. An end is the peer's close_notify; where the connection ends without it, bytes may be
// missing: on_stream_error.
//
// Bounded: what has arrived and the user does not read stays in the kernel, but for the rest of one read; what the
// stream below has not taken is write_pending().
#pragma once

#include <memory>

#include "net/runtime.h"
#include "net/tls/tls_engine.h"

namespace tidegate::net {

// The handshake is complete. The runtime outlives the stream.
std::unique_ptr<Stream> make_tls_stream(Runtime& runtime, std::unique_ptr<Stream> below,
                                        std::unique_ptr<TlsEngine> engine);

}  // namespace tidegate::net
