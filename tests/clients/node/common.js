// What the programs share: the records that they send and expect back, and how they end. Each is started as
// `PROGRAM.js HOST:PORT SCENARIO [idempotent]`, prints one line and exits with 0, or tells what is wrong.
import { isDeepStrictEqual, inspect } from 'node:util'

// No scenario may take longer, whatever a client waits for.
const LIMIT_MS = 50_000
const START_MS = 1_767_225_600_000

// Records of every kind, then more of them than one batch of a small client holds.
export function records (count, { nullHeaders = true } = {}) {
  const bytes = text => Buffer.from(text)
  const headers = [['b', bytes('1')], ['a', bytes('')], ['b', bytes('2')], ['b', bytes('1')],
    ['c', nullHeaders ? null : Buffer.from([0, 255])]]
  const odd = [
    [bytes('key'), bytes('value'), headers],
    [null, bytes('no key'), []],
    [bytes('tombstone'), null, []],
    [bytes(''), bytes(''), []],
    [bytes('schlüssel'), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), []],
    [bytes('large'), Buffer.alloc(320_000, '0123456789abcdef'), []]
  ]
  const made = odd.map(([key, value, headers], at) => ({ key, value, headers, timestampMs: START_MS + at }))
  for (let at = made.length; at < count; at++) {
    made.push({
      key: bytes(`key ${at % 7}`),
      value: bytes(`line ${at} of a long log, ${at * 31 % 977} bytes after the last one`),
      headers: [['at', bytes(String(at))]],
      timestampMs: START_MS + at
    })
  }
  return made
}

// Compares lists, and shows where they part.
export function same (found, expected, what) {
  found.forEach((one, at) => {
    if (!isDeepStrictEqual(one, expected[at])) {
      throw new Error(`${what}: number ${at} is ${inspect(one)}, not ${inspect(expected[at])}`)
    }
  })
  equal(found.length, expected.length, `count, ${what}`)
}

export function equal (found, expected, what) {
  if (found !== expected) {
    throw new Error(`${what}: ${inspect(found)}, not ${inspect(expected)}`)
  }
}

// Waits until `attempt` returns something true.
export async function until (what, attempt, limitMs = 30_000) {
  const deadline = Date.now() + limitMs
  while (!attempt()) {
    if (Date.now() > deadline) {
      throw new Error(`no ${what} within ${limitMs} ms`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export async function main (scenarios) {
  const [address, name, ...rest] = process.argv.slice(2)
  setTimeout(() => {
    console.error(`${name}: did not end within ${LIMIT_MS} ms`)
    process.exit(1)
  }, LIMIT_MS).unref()
  try {
    console.log(`${name}: ${await scenarios[name](address, rest[0] === 'idempotent')}`)
    process.exit(0)
  } catch (error) {
    console.error(inspect(error, { depth: 8 }))
    process.exit(1)
  }
}
