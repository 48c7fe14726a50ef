/** Virtual time, the weather between nodes, and one life of a node, all from one seed. */

import type { Cancel, Clock } from '../base/clock.ts'
import type { NodeId } from '../base/ids.ts'
import { SeededRng } from './seeded-rng.ts'

interface Event {
  readonly at: number
  readonly order: number
  action: (() => void) | undefined
}

/** Fewer cancelled events are not worth a sweep. */
const CANCELLED_MIN = 64

/** How unkind the network and the clocks are; drawn for each seed. */
export interface Weather {
  readonly lossChance: number
  readonly copyChance: number
  readonly slowChance: number
  readonly slowMs: number
  readonly usualMs: number
  /** How often a row that is to be taken is lost on its way, on top: changes stay half done. */
  readonly acceptLossChance?: number
  /** How often a sync of the rows takes long. */
  readonly slowSyncChance?: number
  /** The step in which wall clocks go on; a microsecond when absent. */
  readonly tickMs?: number
}

export class World {
  readonly rng: SeededRng
  readonly weather: Weather
  /** Messages are packed and unpacked on the way: slower, and proves that they are plain data. */
  readonly packsMessages: boolean
  readonly counts = { lost: 0, copied: 0, delivered: 0 }
  /** Pairs "from to" that nothing passes. */
  readonly cuts = new Set<string>()
  /** When the last of them, and of the freezes, will have ended. */
  reachedAt = 0
  /** How many things happened. */
  events = 0
  #now = 0
  #order = 0
  #trace = 0x811c9dc5
  /** Told when a node has sent an answer to another. */
  answered: (node: NodeId, endpoint: string) => void = () => undefined
  #heap: Event[] = []
  /** Events in the heap that will not happen. */
  #cancelled = 0

  constructor(rng: SeededRng, weather: Weather, packsMessages: boolean) {
    this.rng = rng
    this.weather = weather
    this.packsMessages = packsMessages
  }

  /** Microseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** A digest of all that happened so far. */
  get trace(): number {
    return this.#trace >>> 0
  }

  note(what: string): void {
    for (let index = 0; index < what.length; index += 1) {
      this.#trace = Math.imul(this.#trace ^ what.charCodeAt(index), 0x01000193)
    }
    this.#trace = Math.imul(this.#trace ^ this.#now, 0x01000193)
  }

  after(delayMs: number, action: () => void): Cancel {
    this.#order += 1
    const at = this.#now + Math.max(0, Math.round(delayMs * 1000))
    const event: Event = { at, order: this.#order, action }
    push(this.#heap, event)
    return () => {
      if (event.action === undefined) return
      event.action = undefined
      this.#cancelled += 1
      if (this.#cancelled > CANCELLED_MIN && 2 * this.#cancelled > this.#heap.length) this.#sweep()
    }
  }

  /** Most deadlines are never reached: without them the heap is a tenth as high. */
  #sweep(): void {
    const live = this.#heap.filter(({ action }) => action !== undefined)
    // What is in order is a heap.
    this.#heap = live.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  /** Lets time pass until `isOver`, or until nothing is left to happen, or for `ms`. */
  run(ms: number, isOver: () => boolean): Promise<void> {
    const end = this.#now + ms * 1000
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (isOver() || !this.#advance(end)) resolve()
          else process.nextTick(settled)
        } catch (error) {
          reject(error as Error)
        }
      }
      // Every promise that is resolved runs what waits for it: ticks come when none is left. What
      // happens next runs as such a promise too, else those that it resolves would wait for it.
      const settled = (): void => void resolved.then(step)
      step()
    })
  }

  /** The next thing happens. False when there is none before `end`. */
  #advance(end: number): boolean {
    for (;;) {
      if ((this.#heap[0]?.at ?? Infinity) > end) return false
      const event = pop(this.#heap)!
      const { action } = event
      if (action === undefined) {
        this.#cancelled -= 1
        continue
      }
      event.action = undefined
      this.#now = event.at
      this.events += 1
      action()
      return true
    }
  }

  /** Brings something from node to node, perhaps late, never, or twice. */
  carry(from: NodeId, to: NodeId, arrive: () => void): void {
    const { weather, rng, counts } = this
    const isCut = this.cuts.size > 0 && this.cuts.has(`${from} ${to}`)
    if (isCut || rng.chance(weather.lossChance)) {
      counts.lost += 1
      return
    }
    const copies = rng.chance(weather.copyChance) ? 2 : 1
    counts.copied += copies - 1
    for (let copy = 0; copy < copies; copy += 1) {
      const most = rng.chance(weather.slowChance) ? weather.slowMs : weather.usualMs
      this.after(0.1 + rng.unit() * most, () => {
        counts.delivered += 1
        arrive()
      })
    }
  }
}

/** One life of a node in the world: its clock and its network end with it. */
export class Life implements Clock {
  readonly #world: World
  readonly #offsetMicros: number
  #isOver = false
  #frozen: (() => void)[] | undefined
  #frozenAt = 0
  #jumpMicros = 0

  constructor(world: World, offsetMicros: number) {
    this.#world = world
    this.#offsetMicros = offsetMicros
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** How long it has been frozen; 0 while it is not. */
  get frozenMs(): number {
    return this.#frozen === undefined ? 0 : (this.#world.now - this.#frozenAt) / 1000
  }

  end(): void {
    this.#isOver = true
  }

  /** Nothing happens in this life until `thaw`; what was due then happens at once. */
  freeze(): void {
    if (this.#frozen === undefined) this.#frozenAt = this.#world.now
    this.#frozen ??= []
  }

  thaw(): void {
    const due = this.#frozen ?? []
    this.#frozen = undefined
    for (const action of due) this.#world.after(0, () => this.happen(action))
  }

  jump(micros: number): void {
    this.#jumpMicros += micros
  }

  happen(action: () => void): void {
    if (this.#isOver) return
    if (this.#frozen === undefined) action()
    else this.#frozen.push(action)
  }

  wallMicros(): number {
    const micros = 1_790_000_000_000_000 + this.#world.now + this.#offsetMicros + this.#jumpMicros
    const { tickMs = 0 } = this.#world.weather
    return tickMs === 0 ? micros : micros - (micros % (tickMs * 1000))
  }

  monotonicMicros(): number {
    return this.#world.now
  }

  after(delayMs: number, action: () => void): Cancel {
    return this.#world.after(delayMs, () => this.happen(action))
  }

  soon(action: () => void): void {
    this.after(0, action)
  }
}

const resolved = Promise.resolve()

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Event[], event: Event): void {
  let index = heap.push(event) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!isBefore(event, heap[parent]!)) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
  return first
}
