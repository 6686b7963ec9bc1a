// The examples in the documentation of AWS, with the keys, times and signatures published there:
// "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using Query Parameters".
#include "api/store/s3/s3_sign.h"

#include <doctest/doctest.h>

namespace tidegate::api::test {

namespace {

const S3Keys kKeys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
const WallTime kNow{std::chrono::seconds(1369353600)};  // 2013-05-24T00:00:00Z
const std::string kHost = "examplebucket.s3.amazonaws.com";

std::string authorization(const S3Target& target, const std::string& payload,
                          std::map<std::string, std::string> more = {}) {
  return s3_signed_fields(kKeys, target, sha256_hex(payload), std::move(more), kNow).back();
}

std::string expected(const std::string& names, const std::string& signature) {
  return "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=" +
         names + ",Signature=" + signature;
}

}  // namespace

TEST_CASE("the signature of a GET equals the published example") {
  CHECK(authorization({"GET", kHost, "/test.txt", ""}, "", {{"range", "bytes=0-9"}}) ==
        expected("host;range;x-amz-content-sha256;x-amz-date",
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST_CASE("the signature of a PUT equals the published example") {
  CHECK(authorization({"PUT", kHost, "/test%24file.text", ""}, "Welcome to Amazon S3.",
                      {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}) ==
        expected("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_CASE("the signatures of requests with a query equal the published examples") {
  const std::string names = "host;x-amz-content-sha256;x-amz-date";
  CHECK(authorization({"GET", kHost, "/", "lifecycle="}, "") ==
        expected(names, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
  CHECK(authorization({"GET", kHost, "/", "max-keys=2&prefix=J"}, "") ==
        expected(names, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_CASE("the headers contain what was signed, and never the secret") {
  const auto fields = s3_signed_fields(kKeys, {"GET", kHost, "/", ""}, sha256_hex(""), {{"range", "bytes=0-9"}}, kNow);
  REQUIRE(fields.size() == 4);
  CHECK(fields[0] == "range: bytes=0-9");
  CHECK(fields[1] == "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(fields[2] == "x-amz-date: 20130524T000000Z");
  for (const std::string& field : fields) CHECK(field.find(kKeys.secret_key) == std::string::npos);
}

TEST_CASE("a presigned GET equals the published example") {
  CHECK(s3_presigned_query(kKeys, {"GET", kHost, "/test.txt", ""}, 24h, kNow) ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

}  // namespace tidegate::api::test
