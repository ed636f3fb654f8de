import { FENCED } from './lease.ts';
import type { Script } from './script.ts';

/** Lua: does the log contain the entry with this id and hash? The hash is the last field of an entry's JSON. */
const HELD = `
local function held(audit, id, hash)
  if id == 0 then return true end
  local ending = '"hash":"' .. hash .. '"}'
  return string.sub(redis.call('LINDEX', audit, id - 1) or '', -#ending) == ending
end
`;

/**
 * What was written after an entry of the log, as of one moment.
 * KEYS: head, audit, written, documents. ARGV: id and hash of the entry, then keys that are answered in any case.
 * Answers {'lost'} if the log does not contain the entry, {'all', head} if it is not known what was written since, or
 * {'since', head, then key and document in turn}; a document that is not there is false.
 */
export const SINCE: Script = {
  name: 'fairwaySince',
  lua: `${HELD}
local id = tonumber(ARGV[1])
if not held(KEYS[2], id, ARGV[2]) then return { 'lost' } end
local head = redis.call('GET', KEYS[1]) or ''
local behind = tonumber(string.match(head, '^%d+') or '0') - id
local keys, seen = {}, {}
local function add(key)
  if not seen[key] then keys[#keys + 1] = key end
  seen[key] = true
end
-- A head that is older than an entry of its log: the log was not cut with it.
if behind < 0 then return { 'lost' } end
if behind > 0 then
  local written = redis.call('LRANGE', KEYS[3], -behind, -1)
  if #written ~= behind then return { 'all', head } end
  for i, each in ipairs(written) do
    local isRead, change = pcall(cjson.decode, each)
    -- A server of an earlier release does not say what it wrote.
    if not isRead or change[1] ~= id + i then return { 'all', head } end
    for n = 2, #change do add(change[n]) end
  end
end
for i = 3, #ARGV do add(ARGV[i]) end
local answer = { 'since', head }
for _, key in ipairs(keys) do
  answer[#answer + 1] = key
  answer[#answer + 1] = redis.call('HGET', KEYS[4], key)
end
return answer
`,
};

/**
 * Applies all writes and appends the audit entry, or nothing.
 * KEYS: documents, head, audit, lease, written, turn, then the audit index of each written key.
 * ARGV: head that the entry follows, head that it makes, its id, the entry, channel to announce it on, fence that the
 * lease must have ('' for any), id and hash of an entry that the log must contain (id 0 for none), what to remember in
 * written ('' if that would be too much), how many changes are remembered there, name of the process, milliseconds that
 * it takes the turn for if the head has moved (0: it does not), number of guards; then for each guard: key, revision it
 * must have; then for each write: key, revision it must have, JSON ('' deletes).
 * Answers {'fenced'}, {'lost'}, {'conflict', key}, {'moved', head} if `head` is not the head that the entry follows,
 * {'wait', head} while another process has the turn, or {'committed'}.
 */
export const COMMIT: Script = {
  name: 'fairwayCommit',
  lua: `${FENCED}${HELD}
local documents, head, audit, lease, written, turn = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local follows, becomes, id, entry, changes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if fenced(lease, ARGV[6]) then return { 'fenced' } end
if not held(audit, tonumber(ARGV[7]), ARGV[8]) then return { 'lost' } end
local writes = 14 + 2 * tonumber(ARGV[13])
local function moved(i)
  local stored = redis.call('HGET', documents, ARGV[i])
  return (stored and string.match(stored, '^%d+') or '0') ~= ARGV[i + 1]
end
for i = writes, #ARGV, 3 do
  if moved(i) then return { 'conflict', ARGV[i] } end
end
for i = 14, writes - 1, 2 do
  if moved(i) then return { 'conflict', ARGV[i] } end
end
local current = redis.call('GET', head) or ''
local has = redis.call('GET', turn)
if has and has ~= ARGV[11] then return { 'wait', current } end
if current ~= follows then
  if tonumber(ARGV[12]) > 0 then redis.call('SET', turn, ARGV[11], 'PX', ARGV[12]) end
  return { 'moved', current }
end
if has then redis.call('DEL', turn) end
for i = writes, #ARGV, 3 do
  if ARGV[i + 2] == '' then
    redis.call('HDEL', documents, ARGV[i])
  else
    redis.call('HSET', documents, ARGV[i], id .. ' ' .. ARGV[i + 2])
  end
end
redis.call('RPUSH', audit, entry)
for i = 7, #KEYS do redis.call('ZADD', KEYS[i], id, id) end
if ARGV[9] == '' then
  redis.call('DEL', written)
else
  redis.call('RPUSH', written, ARGV[9])
  redis.call('LTRIM', written, -tonumber(ARGV[10]), -1)
end
redis.call('SET', head, becomes)
redis.call('PUBLISH', changes, id)
return { 'committed' }
`,
};

/**
 * KEYS: audit, head. Appends stand-ins for entries that are missing below the head, at most 1000 at a time. The newest
 * ends with the hash of the head, as the entry did. Answers how many it appended.
 */
export const MEND_LOG: Script = {
  name: 'fairwayMendLog',
  lua: `
local id, hash = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (%x+)$')
if not id then return 0 end
local last = redis.call('LLEN', KEYS[1])
local filled = math.max(0, math.min(tonumber(id) - last, 1000))
for i = last + 1, last + filled do
  redis.call('RPUSH', KEYS[1], '{"missing":true,"hash":"' .. (i == tonumber(id) and hash or '') .. '"}')
end
return filled
`,
};

/** KEYS: head. Writes the head unchanged, so that a wait for the replicas covers everything written before. */
export const TOUCH: Script = {
  name: 'fairwayTouch',
  lua: `
local head = redis.call('GET', KEYS[1])
if head then redis.call('SET', KEYS[1], head) end
`,
};

/** KEYS: head, for its place in a cluster. ARGV: channel on which servers are asked to compare with the store. */
export const ROUSE: Script = {
  name: 'fairwayRouse',
  lua: `redis.call('PUBLISH', ARGV[1], '')`,
};

/** KEYS: announced head. ARGV: the head, milliseconds that it is to last. */
export const ANNOUNCE: Script = {
  name: 'fairwayAnnounce',
  lua: `redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`,
};

/** KEYS: head, documents. Answers both as of one moment. */
export const LOAD: Script = {
  name: 'fairwayLoad',
  lua: `return { redis.call('GET', KEYS[1]), redis.call('HGETALL', KEYS[2]) }`,
};

/** KEYS: audit. ARGV: limit, id to stay below ('' for none). Answers ids and entries in turn, newest first. */
export const AUDIT_PAGE: Script = {
  name: 'fairwayAuditPage',
  lua: `
local last = redis.call('LLEN', KEYS[1])
if ARGV[2] ~= '' then last = math.min(last, tonumber(ARGV[2]) - 1) end
if last < 1 then return {} end
local found = redis.call('LRANGE', KEYS[1], math.max(0, last - tonumber(ARGV[1])), last - 1)
local entries = {}
for i = #found, 1, -1 do
  entries[#entries + 1] = last - #found + i
  entries[#entries + 1] = found[i]
end
return entries
`,
};

/** KEYS: audit, audit index of one key. ARGV and answer as for AUDIT_PAGE. */
export const AUDIT_OF_KEY: Script = {
  name: 'fairwayAuditOfKey',
  lua: `
local below = ARGV[2] == '' and '+inf' or '(' .. ARGV[2]
local ids = redis.call('ZREVRANGEBYSCORE', KEYS[2], below, '-inf', 'LIMIT', 0, ARGV[1])
local entries = {}
for _, id in ipairs(ids) do
  entries[#entries + 1] = tonumber(id)
  entries[#entries + 1] = redis.call('LINDEX', KEYS[1], tonumber(id) - 1) or ''
end
return entries
`,
};

/** KEYS: documents. ARGV: keys. Answers keys and what is stored under them in turn, without those that are not there. */
export const DOCUMENTS_OF: Script = {
  name: 'fairwayDocumentsOf',
  lua: `
local found = {}
for _, key in ipairs(ARGV) do
  local stored = redis.call('HGET', KEYS[1], key)
  if stored then
    found[#found + 1] = key
    found[#found + 1] = stored
  end
end
return found
`,
};

/**
 * KEYS: audit, anchor, then the audit index of each key of the entries. ARGV: the anchor ('' for none), the new one, the
 * id of the first entry, then the hash of each entry. Replaces the entries by their hashes, which end as an entry does,
 * and answers 1; or answers 0 if the anchor is another.
 */
export const ARCHIVE: Script = {
  name: 'fairwayArchive',
  lua: `
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
local first = tonumber(ARGV[3])
for i = 4, #ARGV do redis.call('LSET', KEYS[1], first + i - 5, '{"hash":"' .. ARGV[i] .. '"}') end
redis.call('SET', KEYS[2], ARGV[2])
for i = 3, #KEYS do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', first + #ARGV - 4) end
return 1
`,
};
