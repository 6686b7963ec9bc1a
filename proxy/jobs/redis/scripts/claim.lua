-- Hands out the job that is due and has waited longest.
--
-- ARGV: 1 consumer, 2 connection, 3 lease (us), 4 results_ttl (us)
-- Reply: job, id, fields of the claim | none | stale
local consumer, lease = ARGV[1], math.min(tonumber(ARGV[3]), IDLE_AT_END * 1000)
if is_stale(consumer, ARGV[2]) then return reply('stale', STALE) end
sweep(20, tonumber(ARGV[4]))
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'delayed', '-inf', text(now), 'LIMIT', 0, 100)) do
  call('ZREM', P .. 'delayed', id)
  enqueue(id)
end

-- First the entries whose lease is over, then new ones.
local cursor = '0-0'
local function next_entry()
  for _ = 1, 200 do  -- each call looks at up to ten that run
    if not cursor then break end
    local found = call('XAUTOCLAIM', P .. 'work', GROUP, consumer, IDLE_AT_END, cursor, 'COUNT', 1)
    cursor = found[1] ~= '0-0' and found[1] or nil
    if found[2][1] then return found[2][1] end
  end
  local read = call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', 1, 'STREAMS', P .. 'work', '>')
  return read and read[1][2][1]
end

for _ = 1, 100 do
  local entry = next_entry()
  if not entry then return reply('none') end
  local id = entry[2] and entry[2][2] or ''
  local job = get(id, 'status', 'seq', 'entry', 'expires')
  local status = tonumber(job[1] or EXPIRED)
  if status > RETRYING or job[3] ~= entry[1] then
    call('XACK', P .. 'work', GROUP, entry[1])
    call('XDEL', P .. 'work', entry[1])
  elseif us(job[4]) <= now then
    expire(id)
  else
    set_idle(consumer, entry[1], IDLE_AT_END - math.ceil(lease / 1000))
    return hand_out(id, job[2], status, lease)
  end
end
return reply('none')  -- the rest with the next claim
