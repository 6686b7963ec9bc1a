-- The job has succeeded; its result is stored.
--
-- ARGV: 1 id, 2 claim, 3 at, 4 took, 5 error of the attempt, 6 status, 7 fields, 8 crc, 9 size of the response,
--       10 uploaded body ('' = it is 12), 11 its pieces, 12 the only piece
-- Reply: ok | not_found | conflict | unavailable
local id, job, lost = ARGV[1], held()
if lost then return lost end
local _, _, at, took, failure, status, fields, crc, size, upload, pieces, only_piece = unpack(ARGV)
if upload ~= '' then
  if call('HLEN', P .. upload) ~= tonumber(pieces) then return reply('unavailable', 'the result did not arrive whole') end
  call('RENAME', P .. upload, P .. 'result:' .. id)
  call('PERSIST', P .. 'result:' .. id)
elseif size ~= '0' then
  call('HSET', P .. 'result:' .. id, '0', only_piece)
end
add_attempt(id, at, took, failure)
drop_body(id, job.size)
finish(id, SUCCEEDED)
set(id, 'error', '', 'result_status', status, 'result_fields', fields, 'result_crc', crc, 'result_size', size)
call('ZADD', P .. 'results', text(now), id)
call('HINCRBY', P .. 'meta', 'bytes', size)
return reply('ok')
