import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { limitText } from '../../services/limits.js';
import type { ShareAnswer, SharePool, ShareReport } from '../../services/shared-limits.js';
import { connectRedis } from './redis.js';

/** A share is the caller's for this time after each report, ms. */
const keepsMs = 4000;
/**
 * Redis takes a share back after this time, ms: requests of agents whose caller has ended are on their way
 * until then, and the clock of Redis may be a little fast.
 */
const expiresMs = 6000;

/**
 * Callers with equal limits share them. Each limit has a hash, `forkwise:{limits}:600/m`. A field per caller
 * has its units, what it needs, and when it expires; a field `cool:…` has units of a caller that has ended,
 * and when they are free. The clock is that of Redis. Needs are met from the smallest one on: no caller gets
 * more than an equal part of what is left. Of callers with equal needs, another one is the first every few
 * windows, so that a limit of fewer units than callers goes round.
 */
const script = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, expires, leaves = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local closed = math.max(now + tonumber(ARGV[4]), tonumber(redis.call('GET', KEYS[1]) or '0'))
if closed > now then redis.call('SET', KEYS[1], string.format('%.0f', closed), 'PX', closed - now) end
local answer = { math.max(0, closed - now) }
for k = 2, #KEYS do
  local key, at = KEYS[k], 4 * (k - 1)
  local max, per = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local units, need = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local rows, callers, taken, own = redis.call('HGETALL', key), {}, 0, 0
  local function cool(name, count, free)
    if count <= 0 or free <= now then return end
    taken = taken + count
    redis.call('HSET', key, 'cool:' .. name .. ':' .. now, string.format('%d %.0f', count, free))
  end
  for i = 1, #rows, 2 do
    local a, b, c = string.match(rows[i + 1], '^(%d+) (%d+) ?(%d*)$')
    a, b, c = tonumber(a), tonumber(b), tonumber(c)
    if string.sub(rows[i], 1, 5) == 'cool:' then
      if b <= now then redis.call('HDEL', key, rows[i]) else taken = taken + a end
    elseif rows[i] == id then own = a
    elseif c <= now then
      redis.call('HDEL', key, rows[i])
      cool(rows[i], a, c + per)
    else callers[#callers + 1] = { id = rows[i], units = a, need = b }
    end
  end
  if leaves then
    redis.call('HDEL', key, id)
    cool(id, math.min(units, own), now + per)
  else
    local mine = { id = id, units = math.min(units, own), need = need }
    callers[#callers + 1] = mine
    table.sort(callers, function(a, b) return a.id < b.id end)
    local turn = math.floor(now / math.max(1000, 4 * per))
    for i, caller in ipairs(callers) do
      caller.order = (i + turn) % #callers
      taken = taken + caller.units
    end
    table.sort(callers, function(a, b)
      if a.need ~= b.need then return a.need < b.need end
      return a.order < b.order
    end)
    local left, missing = max, 0
    for i, caller in ipairs(callers) do
      caller.part = math.min(caller.need, math.floor(left / (#callers - i + 1)))
      left = left - caller.part
      if caller ~= mine then missing = missing + math.max(0, caller.part - caller.units) end
    end
    local free = math.max(0, max - taken)
    local keep = mine.units
    if mine.part > mine.units then
      mine.units = mine.units + math.min(free, mine.part - mine.units)
      keep = mine.units
    elseif missing > free then keep = mine.part
    end
    redis.call('HSET', key, id, string.format('%d %d %.0f', mine.units, need, now + expires))
    answer[#answer + 1] = mine.units
    answer[#answer + 1] = keep
    answer[#answer + 1] = mine.part
  end
  redis.call('PEXPIRE', key, 2 * (per + expires))
end
return answer
`;

/** The shares of all callers of a broker that have the same limits. */
export class LimitShares implements SharePool {
  readonly keepsMs = keepsMs;
  readonly #client: Redis;
  readonly #id = randomUUID();
  readonly #sha = createHash('sha1').update(script).digest('hex');
  #last: ShareReport['limits'] = [];
  #leaving: Promise<void> = Promise.resolve();

  private constructor(client: Redis) {
    this.#client = client;
  }

  static async connect(url: string): Promise<LimitShares> {
    return new LimitShares(await connectRedis(url));
  }

  async sync({ limits, closedMs }: ShareReport): Promise<ShareAnswer> {
    this.#last = limits;
    const [left = 0, ...figures] = await this.#call('0', closedMs, limits);
    return {
      closedMs: left,
      shares: limits.map((_, i) => ({
        units: figures[3 * i] as number,
        keep: figures[3 * i + 1] as number,
        part: figures[3 * i + 2] as number,
      })),
    };
  }

  leave(taken: readonly number[]): Promise<void> {
    const limits = this.#last.map((limit, i) => ({ ...limit, units: taken[i] as number, need: 0 }));
    this.#leaving = limits.length === 0 ? this.#leaving : this.#call('1', 0, limits).then(() => {});
    return this.#leaving.catch(() => {}); // the share expires
  }

  /** Ends the connection, after the caller has left. */
  async close(): Promise<void> {
    await Promise.race([
      this.#leaving.catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, 1000).unref()),
    ]);
    this.#client.disconnect();
  }

  async #call(leaves: '0' | '1', closedMs: number, limits: ShareReport['limits']): Promise<number[]> {
    const texts = limits.map(limitText);
    const keys = [`${texts.join(',')}:closed`, ...texts].map((name) => `forkwise:{limits}:${name}`);
    const closed = Number.isFinite(closedMs) ? Math.ceil(Math.max(0, closedMs)) : 0;
    const figures = limits.flatMap(({ max, perMs, units, need }) => [max, perMs, units, need]);
    const words = [...keys, this.#id, expiresMs, leaves, closed, ...figures].map(String);
    try {
      return (await this.#client.evalsha(this.#sha, keys.length, ...words)) as number[];
    } catch (cause) {
      if (!(cause instanceof Error && cause.message.startsWith('NOSCRIPT'))) throw cause;
      return (await this.#client.eval(script, keys.length, ...words)) as number[];
    }
  }
}
