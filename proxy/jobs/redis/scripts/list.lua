-- A page of records, oldest first. Looks at 5,000 records at most: a page may be short and yet not the last.
--
-- ARGV: 1 status ('' = any), 2 a part of the error, 3 after (a seq), 4 limit
-- Reply: ok, {{id, fields of the record}, …}, seq of the last record where there are more, else ''
local wanted_status, wanted_error = ARGV[1], ARGV[2]
local after, limit = ARGV[3] == '' and '-inf' or '(' .. ARGV[3], tonumber(ARGV[4])
local chunk = wanted_error == '' and limit + 1 or 5001
local found = {}
for status = 0, 6 do
  if wanted_status == '' or tonumber(wanted_status) == status then
    local ids = call('ZRANGEBYSCORE', P .. 'status:' .. status, after, '+inf', 'WITHSCORES', 'LIMIT', 0, chunk)
    for i = 1, #ids, 2 do found[#found + 1] = {tonumber(ids[i + 1]), ids[i]} end
  end
end
table.sort(found, function(a, b) return a[1] < b[1] end)
local page, last, more = {}, '', #found > 5000
for i = 1, math.min(#found, 5000) do
  local seq, id = found[i][1], found[i][2]
  local job = record(id)
  if job[2] and (wanted_error == '' or string.find(job[9], wanted_error, 1, true)) then
    if #page == limit then
      more = true
      break
    end
    page[#page + 1] = {id, job}
  end
  last = text(seq)
end
return reply('ok', page, more and last or '')
