/** Faults under the rows: what an engine says, shows and writes. */

import { parseBallot, ballotText } from '../../base/ballot.ts'
import type { Operation, Stored } from '../../db/engine.ts'
import { splitByTag, withEngine, type Graft, type Plant } from '../plant.ts'

/** Of the references of blocks: their counts, when these became none, what is wanted. */
const COUNT_TAGS = '346'
const MARK = '%mark'
/** More than the mark is ever above the clock. */
const LOWERED_MICROS = 2_500_000
/** How long a drive that lies takes for what it says it has done. */
const LATE_MS = 60

/** Says that a group is on stable storage when it is not yet there. */
function early(): Graft {
  /** What stood where the groups were written that a crash takes back, the newest last. */
  let unsure: (readonly Operation[])[] = []
  return {
    ground: (ground, life) =>
      withEngine(ground, (engine) => {
        const lost = unsure.flat().reverse()
        unsure = []
        const taken = lost.length === 0 ? Promise.resolve() : engine.write(lost)
        return {
          write: async (operations) => {
            await taken
            const before = operations.map(({ key }): Operation => {
              const value = engine.get(key, 'bytes')
              return { type: value === undefined ? 'del' : 'put', key, value }
            })
            unsure.push(before)
            life.after(LATE_MS, () => void (unsure = unsure.filter((group) => group !== before)))
            await engine.write(operations)
          },
        }
      }),
  }
}

/** Shows a group to readers before it is on stable storage. */
function showing(): Graft {
  return {
    ground: (ground) =>
      withEngine(ground, (engine) => {
        const shown = new Map<string, Stored | undefined>()
        return {
          get: (key, form) => (shown.has(key) ? shown.get(key) : engine.get(key, form)),
          write: async (operations) => {
            for (const { key, value } of operations) shown.set(key, value)
            await engine.write(operations)
            shown.clear()
          },
        }
      }),
  }
}

/** Writes a group in two halves. */
function halving(): Graft {
  return {
    ground: (ground) =>
      withEngine(ground, (engine) => ({
        write: async (operations) => {
          const copies = splitByTag(operations, '').others
          const half = Math.ceil(copies.length / 2)
          await engine.write(copies.slice(0, half))
          if (half < copies.length) await engine.write(copies.slice(half))
        },
      })),
  }
}

/** Keeps some rows back until the next group. */
function lagging(tags: string): Graft {
  return {
    ground: (ground) =>
      withEngine(ground, (engine) => {
        const held = new Map<string, Operation>()
        return {
          get: (key, form) => (held.has(key) ? held.get(key)!.value : engine.get(key, form)),
          write: async (operations) => {
            const { tagged, others } = splitByTag(operations, tags)
            const due = [...held.values()]
            held.clear()
            for (const each of tagged) held.set(each.key, each)
            await engine.write([...due.filter(({ key }) => !held.has(key)), ...others])
          },
        }
      }),
  }
}

/** The mark stands below what it should cover. */
function lowering(): Graft {
  const lowered = (operation: Operation): Operation => {
    if (operation.key !== MARK || typeof operation.value !== 'string') return operation
    const mark = parseBallot(operation.value)
    return { ...operation, value: ballotText({ ...mark, time: mark.time - LOWERED_MICROS }) }
  }
  return {
    ground: (ground) =>
      withEngine(ground, (engine) => ({
        write: (operations) => engine.write(operations.map(lowered)),
      })),
  }
}

export const drivePlants: readonly Plant[] = [
  {
    name: 'rows are acknowledged before they are on stable storage',
    ownerCounts: [3],
    forecast: { kinds: ['power', 'blackout'], count: 16, restartMs: 50 },
    graft: early,
  },
  {
    name: 'rows are shown before they are on stable storage',
    ownerCounts: [3],
    forecast: { kinds: ['power', 'blackout'], count: 25, restartMs: 1 },
    weather: { slowSyncChance: 0.5 },
    graft: showing,
  },
  {
    name: 'a batch is written in two halves',
    forecast: { kinds: ['power', 'kill'], count: 25, restartMs: 1 },
    weather: { slowSyncChance: 0.5 },
    graft: halving,
  },
  {
    name: 'what is counted of a row is not in its batch',
    forecast: { kinds: ['power', 'kill'], count: 25, restartMs: 1 },
    sharesBlocks: true,
    graft: () => lagging(COUNT_TAGS),
  },
  {
    name: 'the mark lies below what was promised',
    isRare: true,
    forecast: { kinds: ['split'], count: 25, crashAfterPromiseChance: 0.05 },
    weather: { usualMs: 50, slowChance: 0.05, slowMs: 300, lossChance: 0.01 },
    ownerCounts: [3],
    graft: lowering,
  },
]
