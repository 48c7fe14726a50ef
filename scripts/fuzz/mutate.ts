/** Makes new inputs of known ones: a few changes each, drawn from a seed. */

import type { Seeded } from '../../test/support/seeded.ts'

const CHANGES_MAX = 6
const RUN_BYTES_MAX = 40
const INPUT_BYTES_MAX = 100_000
/** Numbers that parsers are known to trip over. */
const NUMBERS = ['0', '-1', '1e3', '0x10', '4294967296', '9007199254740993', '99999999999999999999']

type Change = (input: Buffer, rng: Seeded, words: readonly string[]) => Buffer

function spliced(input: Buffer, at: number, removed: number, put: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, at), put, input.subarray(at + removed)])
}

const flip: Change = (input, rng) => {
  const copy = Buffer.from(input)
  if (copy.length > 0) copy[rng.below(copy.length)]! ^= 1 << rng.below(8)
  return copy
}
const overwrite: Change = (input, rng) => {
  const byte = Buffer.of(rng.below(256))
  return spliced(input, rng.below(input.length + 1), 1, byte)
}
const remove: Change = (input, rng) =>
  spliced(input, rng.below(input.length + 1), rng.below(RUN_BYTES_MAX), Buffer.alloc(0))
const repeat: Change = (input, rng) => {
  const at = rng.below(input.length + 1)
  const run = input.subarray(at, at + rng.below(RUN_BYTES_MAX))
  const times = rng.percent(5) ? 500 : 1 + rng.below(4)
  return spliced(input, at, 0, Buffer.concat(Array.from({ length: times }, () => run)))
}
const insertWord: Change = (input, rng, words) =>
  spliced(input, rng.below(input.length + 1), 0, Buffer.from(rng.pick(words), 'latin1'))
const replaceNumber: Change = (input, rng) => {
  const text = input.toString('latin1')
  const found = [...text.matchAll(/\d+/g)]
  if (found.length === 0) return input
  const one = rng.pick(found)
  return spliced(input, one.index, one[0].length, Buffer.from(rng.pick(NUMBERS)))
}
const cut: Change = (input, rng) => input.subarray(0, rng.below(input.length + 1))

const changes: readonly Change[] = [
  ...[flip, flip, overwrite, remove, repeat],
  ...[insertWord, insertWord, insertWord, replaceNumber, cut],
]

/** @param words pieces that the format is made of, latin1 */
export function mutated(input: Buffer, rng: Seeded, words: readonly string[]): Buffer {
  let out = input
  for (let left = 1 + rng.below(CHANGES_MAX); left > 0; left -= 1) {
    out = rng.pick(changes)(out, rng, words)
  }
  return out.subarray(0, INPUT_BYTES_MAX)
}

/** The input in pieces of any size. */
export function pieces(input: Buffer, rng: Seeded): Buffer[] {
  const out: Buffer[] = []
  const largest = rng.pick([1, 3, 50, 5_000])
  for (let at = 0; at < input.length;) {
    const size = 1 + rng.below(largest)
    out.push(Buffer.from(input.subarray(at, at + size)))
    at += size
  }
  return out
}
