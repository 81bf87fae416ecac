/**
 * `algorithms/` in Lua, line by line. `w` is a window with what counts in it; `now`, `cost` and the helpers are those of
 * `redis-script.ts`. The numbers of Lua are the doubles of JavaScript, so both give the same answers.
 */
import type { RateLimitAlgorithm } from './types.js';

const FIXED_WINDOW = `
local function load(w)
  w.start, w.count = read(w, 'start'), read(w, 'count', w.limit)
end

local function save(w)
  write(w, 'start', 'count')
end

local function advance(w)
  if w.start > now then w.start, moved = now, true end
  if now - w.start >= w.windowMs then w.count = 0 end
  if w.count == 0 then w.start = now end
end

local function resetMs(w)
  return w.count == 0 and 0 or w.start + w.windowMs - now
end

local function waitMs(w)
  return w.count + cost <= w.limit and 0 or resetMs(w)
end

local function add(w)
  w.count = w.count + cost
end

local function refund(w)
  w.count = math.max(0, w.count - cost)
end

local function remaining(w)
  return w.limit - w.count
end
`;

const SLIDING_WINDOW = `
local function load(w)
  w.start, w.current, w.last = read(w, 'start'), read(w, 'current', w.limit), read(w, 'last')
  w.previous, w.previousLast = read(w, 'previous', w.limit), read(w, 'previousLast')
end

local function save(w)
  write(w, 'start', 'current', 'last', 'previous', 'previousLast')
end

local function advance(w)
  if w.start > now then w.start, moved = now, true end
  if w.last > now then w.last, moved = now, true end
  if w.previousLast > now then w.previousLast, moved = now, true end
  if now - w.start >= w.windowMs then
    w.previous, w.previousLast = w.current, w.last
    w.current = 0
    w.start = w.start + w.windowMs
  end
  if now - w.previousLast >= w.windowMs then w.previous = 0 end
  if w.current == 0 and w.previous == 0 then w.start = now end
end

-- How far into a window it is until the share of the one before, whose last call came at \`last\`, is at most \`room\`.
local function fadingMs(w, previous, last, room)
  if previous <= room then return 0 end
  local fadedMs = w.windowMs - math.floor(room * w.windowMs / previous)
  return math.min(fadedMs, last + w.windowMs - w.start)
end

local function waitMs(w)
  local elapsed = now - w.start
  local room = w.limit - cost - w.current
  if room >= 0 then return math.max(0, fadingMs(w, w.previous, w.previousLast, room) - elapsed) end
  -- It fits into the next window at the earliest, where what is current now is previous.
  local next = fadingMs(w, w.current, w.last - w.windowMs, w.limit - cost)
  return w.windowMs - elapsed + next
end

local function add(w)
  w.current, w.last = w.current + cost, now
end

local function refund(w)
  local fromCurrent = math.min(cost, w.current)
  w.current = w.current - fromCurrent
  w.previous = math.max(0, w.previous - (cost - fromCurrent))
end

local function remaining(w)
  local left = w.limit - w.current
  if w.previous == 0 then return left end
  local share = w.previous * (w.windowMs - (now - w.start)) / w.windowMs
  return math.max(0, left - math.ceil(share))
end

local function resetMs(w)
  if w.current > 0 then return w.last + w.windowMs - now end
  return w.previous > 0 and w.previousLast + w.windowMs - now or 0
end
`;

const TOKEN_BUCKET = `
local function load(w)
  w.capacity = w.burst * w.windowMs
  w.at, w.level = read(w, 'at'), read(w, 'level', w.capacity)
end

local function save(w)
  write(w, 'at', 'level')
end

local function advance(w)
  if w.at > now then moved = true end
  if w.at < now then w.level = math.max(0, w.level - (now - w.at) * w.limit) end
  w.at = now
end

local function waitMs(w)
  local excess = w.level - (w.capacity - cost * w.windowMs)
  return excess <= 0 and 0 or math.ceil(excess / w.limit)
end

local function add(w)
  w.level = w.level + cost * w.windowMs
end

local function refund(w)
  w.level = math.max(0, w.level - cost * w.windowMs)
end

local function remaining(w)
  return math.floor((w.capacity - w.level) / w.windowMs)
end

local function resetMs(w)
  return math.ceil(w.level / w.limit)
end
`;

const SLIDING_LOG = `
local function timeAt(w, index)
  return tonumber(redis.call('LINDEX', w.list, index))
end

-- How many times of the list are at most \`latest\`: they are in order, so each look leaves out half of them.
local function timesUntil(w, latest)
  local low, high = 0, w.length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if timeAt(w, middle) > latest then high = middle else low = middle + 1 end
  end
  return low
end

local function load(w)
  w.list = KEYS[w.index + 2]
  w.length = redis.call('LLEN', w.list)
  w.newest = w.length > 0 and timeAt(w, -1) or 0
  w.added = 0
end

-- Where the limit was higher before, the oldest of the list are too many.
local function advance(w)
  if w.newest > now then
    for index = timesUntil(w, now), w.length - 1 do redis.call('LSET', w.list, index, whole(now)) end
    w.newest, moved = now, true
  end
  w.oldest = math.max(timesUntil(w, now - w.windowMs), w.length - w.limit)
  w.count = w.length - w.oldest
end

local function waitMs(w)
  local excess = w.count + cost - w.limit
  return excess <= 0 and 0 or timeAt(w, w.oldest + excess - 1) + w.windowMs - now
end

local function add(w)
  w.count, w.newest, w.added = w.count + cost, now, cost
end

local function refund(w)
  local taken = math.min(cost, w.count)
  redis.call('LTRIM', w.list, 0, -1 - taken)
  w.count = w.count - taken
  w.newest = w.count > 0 and timeAt(w, -1) or 0
end

local function remaining(w)
  return w.limit - w.count
end

local function resetMs(w)
  return w.count == 0 and 0 or w.newest + w.windowMs - now
end

-- What counts no more is cut off by the next call that counts, so a refused one has nothing to write.
local function save(w)
  if w.added > 0 then redis.call('LTRIM', w.list, w.oldest, -1) end
  for _ = 1, w.added do redis.call('RPUSH', w.list, whole(now)) end
  expire(w.list, resetMs(w))
end
`;

/** Each defines `load`, `advance`, `waitMs`, `add`, `refund`, `remaining`, `resetMs` and `save`. */
export const luaAlgorithms: Readonly<Record<RateLimitAlgorithm, string>> = {
  'sliding-window': SLIDING_WINDOW,
  'sliding-log': SLIDING_LOG,
  'fixed-window': FIXED_WINDOW,
  'token-bucket': TOKEN_BUCKET,
};
