// Every rule the guard can find broken, in one place: the status a client gets, the outcome word, and the sentence for
// problem+json and the log. Rules are compared by address; a broken rule travels as `const ParseError*`, null is
// "fine".
#pragma once

#include "http/parser/parser.h"

namespace tidegate::http {

using Violation = const ParseError*;

namespace rule {

constexpr ParseError bad(const char* detail) { return {400, "bad_request", detail}; }
constexpr ParseError too_large(const char* detail) { return {431, "headers_too_large", detail}; }

// Lines
inline constexpr ParseError kBareCr = bad("a CR is not followed by LF");
inline constexpr ParseError kBareLf = bad("a LF is not preceded by CR");
inline constexpr ParseError kControl = bad("a control character in the request line or a header");
inline constexpr ParseError kEmptyLines = bad("too many empty lines before the message");
inline constexpr ParseError kHeadBytes = too_large("the request line and headers are larger than limits.header_bytes");
inline constexpr ParseError kFieldCount = too_large("more header fields than limits.headers");

// Start line
inline constexpr ParseError kRequestLine = bad("the request line is not 'METHOD TARGET HTTP/1.1'");
inline constexpr ParseError kStatusLine = bad("the status line is not 'HTTP/1.1 CODE REASON'");
inline constexpr ParseError kVersionSyntax = bad("the version is not 'HTTP/' digit '.' digit");
inline constexpr ParseError kVersion = {505, "bad_request", "the version is neither HTTP/1.0 nor HTTP/1.1"};
inline constexpr ParseError kMethodSyntax = bad("the method is not a token");
inline constexpr ParseError kMethodUnknown = {501, "bad_request", "the method is unknown"};
inline constexpr ParseError kConnect = {501, "bad_request", "CONNECT is not supported"};

// Target
inline constexpr ParseError kTargetForm =
    bad("the request target is neither a path, an http:// URI nor '*' of OPTIONS");
inline constexpr ParseError kTargetChar = bad("the request target contains a character that a URI may not contain");
inline constexpr ParseError kTargetPercent = bad("the request target contains a malformed percent escape");
inline constexpr ParseError kPathNotNormal =
    bad("the path has dot segments, repeated slashes or needless escapes (path_normalization: reject)");
inline constexpr ParseError kEncodedSlash = bad("the path contains %2F or %5C (encoded_slashes: reject)");
inline constexpr ParseError kTargetAuthority = bad("the request target's authority is not a host and port");

// Fields
inline constexpr ParseError kFold = bad("a field line is folded");
inline constexpr ParseError kFieldName = bad("a field name is not a token");
inline constexpr ParseError kSpaceBeforeColon = bad("white space between a field name and its colon");
inline constexpr ParseError kNoColon = bad("a field line has no colon");
inline constexpr ParseError kHostMissing = bad("Host is missing");
inline constexpr ParseError kHostRepeated = bad("Host is repeated");
inline constexpr ParseError kHostSyntax = bad("Host is not a host and port");
inline constexpr ParseError kLengthRepeated = bad("Content-Length is repeated");
inline constexpr ParseError kLengthSyntax = bad("Content-Length is not a number");
inline constexpr ParseError kLengthAndCoding = bad("both Transfer-Encoding and Content-Length are present");
inline constexpr ParseError kCodingRepeated = bad("Transfer-Encoding is repeated");
inline constexpr ParseError kCodingVersion = bad("Transfer-Encoding in an HTTP/1.0 message");
inline constexpr ParseError kCoding = {501, "bad_request", "Transfer-Encoding is not 'chunked'"};
inline constexpr ParseError kExpect = {417, "bad_request", "Expect is not '100-continue'"};

// Chunked bodies
inline constexpr ParseError kChunkSize = bad("a chunk size is not a hexadecimal number");
inline constexpr ParseError kChunkSizeRange = bad("a chunk size is too large");
inline constexpr ParseError kChunkExtension = bad("a chunk extension is malformed");
inline constexpr ParseError kChunkExtensionBytes = too_large("the chunk extensions of the body are too long");
inline constexpr ParseError kChunkEnd = bad("a chunk is not ended by CRLF");
inline constexpr ParseError kTrailerRequest = bad("a trailer looks like a request line");

// The second opinion
inline constexpr ParseError kDisagreement = bad("the message can be read in more than one way");
inline constexpr ParseError kTruncated = bad("the connection ended inside the message");

}  // namespace rule

}  // namespace tidegate::http
