// The fixtures of every backend: each case of the contract (this folder) runs with each of them.
#pragma once

// A program of its own may bring its own (tests/CMakeLists.txt).
#ifdef TIDEGATE_QUEUE_FIXTURES
#include TIDEGATE_QUEUE_FIXTURES
#else
#include "unit/jobs/handover/fixture.h"
#include "unit/jobs/redis/fixture.h"
#include "unit/jobs/sim/fixture.h"
#include "unit/jobs/spool/fixture.h"
#include "unit/jobs/sqlite/fixture.h"

#define EVERY_QUEUE SqliteFixture, HandoverFixture, SimFixture, SpooledFixture, RedisFixture
// Of them, those that can keep records for a broker.
#define EVERY_RECORD_STORE SqliteFixture, RedisFixture, SecureRedisFixture
#endif
