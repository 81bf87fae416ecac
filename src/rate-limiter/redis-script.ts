import { luaAlgorithms } from './redis-algorithms.js';
import type { RateLimitAlgorithm } from './types.js';

/**
 * The program that Redis runs for every call, as one step: what `memory-counter.ts` does, over one of the algorithms.
 * Nothing that a user wrote is part of it.
 */
export function redisScript(algorithm: RateLimitAlgorithm): string {
  return PROLOGUE + luaAlgorithms[algorithm] + VERDICT;
}

const PROLOGUE = `
-- KEYS[1]: a hash of the counters of every window, and of the end of the block.
-- KEYS[2] and on: for sliding-log, a list of the times of the calls for every window.
-- ARGV: mode, cost, now ('' = by the clock of Redis), blockMs; then limit, windowMs and burst of every window.
local mode, cost, now, blockMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

if mode == 'reset' then return redis.call('DEL', unpack(KEYS)) end

-- Keys expire by the clock of Redis, beside which one of the caller's may be slow.
local spareMs = now and 60000 or 0
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- What only time changes need not be kept. What moves because the clock has gone back must be.
local moved = false

-- Left to itself, Lua writes 1e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- A number of a window in the hash. There can be more than \`most\` of it where the limit was higher before.
local function read(w, name, most)
  return math.min(tonumber(redis.call('HGET', KEYS[1], name .. w.index)) or 0, most or math.huge)
end

local function write(w, ...)
  local fields = {}
  for _, name in ipairs({ ... }) do
    fields[#fields + 1] = name .. w.index
    fields[#fields + 1] = whole(w[name])
  end
  redis.call('HSET', KEYS[1], unpack(fields))
end

-- No key outlives what counts in it.
local function expire(key, ms)
  if ms > 0 then
    redis.call('PEXPIRE', key, whole(ms + spareMs))
  else
    redis.call('DEL', key)
  end
end
`;

const VERDICT = `
local blockedUntil = blockMs > 0 and tonumber(redis.call('HGET', KEYS[1], 'blockedUntil')) or 0
if blockedUntil > now + blockMs then blockedUntil, moved = now + blockMs, true end

local windows = {}
for argument = 5, #ARGV, 3 do
  local limit, windowMs, burst = unpack(ARGV, argument, argument + 2)
  local w = { index = #windows, limit = tonumber(limit), windowMs = tonumber(windowMs), burst = tonumber(burst) }
  load(w)
  advance(w)
  windows[#windows + 1] = w
end

local function keep()
  local longestMs = math.max(0, blockedUntil - now)
  if longestMs > 0 then redis.call('HSET', KEYS[1], 'blockedUntil', whole(blockedUntil)) end
  for _, w in ipairs(windows) do
    save(w)
    longestMs = math.max(longestMs, resetMs(w))
  end
  expire(KEYS[1], longestMs)
end

-- Allowed, window, remaining, resetMs, retryAfterMs; -1 = never.
local function answer(w, left, retryAfterMs)
  return { retryAfterMs == 0 and 1 or 0, w.index, left, resetMs(w), retryAfterMs < math.huge and retryAfterMs or -1 }
end

if moved then keep() end

if mode == 'refund' then
  for _, w in ipairs(windows) do refund(w) end
  return keep()
end

local slowest, longestWaitMs = windows[1], 0
for _, w in ipairs(windows) do
  local ms = cost <= w.burst and waitMs(w) or math.huge
  if ms > longestWaitMs then slowest, longestWaitMs = w, ms end
end

local blockedMs = math.max(0, blockedUntil - now)
if blockedMs == 0 and longestWaitMs > 0 and blockMs > 0 then
  blockedMs, blockedUntil = blockMs, now + blockMs
  if mode == 'consume' then keep() end
end
-- A block stands over all windows: the first speaks for it.
if blockedMs > 0 then return answer(windows[1], 0, math.max(longestWaitMs, blockedMs)) end
if longestWaitMs > 0 then return answer(slowest, remaining(slowest), longestWaitMs) end

local fullest, least = windows[1], math.huge
for _, w in ipairs(windows) do
  if mode == 'consume' then add(w) end
  local left = remaining(w)
  if left < least then fullest, least = w, left end
end
if mode == 'consume' then keep() end
return answer(fullest, least, 0)
`;
