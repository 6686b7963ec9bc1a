// The beds of every backend: each case of the contract (queue_contract_test.cc, queue_life_test.cc) runs in each of
// them.
#pragma once

// A program of its own may bring its own (tests/CMakeLists.txt).
#ifdef TIDEGATE_QUEUE_BEDS
#include TIDEGATE_QUEUE_BEDS
#else
#include "unit/jobs/queue_beds.h"
#include "unit/jobs/redis_bed.h"
#include "unit/jobs/spooled_bed.h"

#define EVERY_QUEUE SqliteBed, MemoryBed, SpooledBed, RedisBed
// Of them, those that can keep the records of another's work items.
#define EVERY_RECORD_STORE SqliteBed, RedisBed
#endif
