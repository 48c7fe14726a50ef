/** An access key is let in everywhere once it was made, and nowhere once it was revoked. */

import { createKey, deleteKey, findAccessKey, type AccessKey } from '../../store/access-key.ts'
import type { SimulatedNode } from '../node.ts'
import type { World } from '../world.ts'
import { asked, outcomeOf } from './race.ts'

/** What became of a key; times are those of the world. */
export interface KeyStory {
  readonly id: string
  readonly secret: string
  readonly madeAt: number
  /** When somebody began to revoke it, and was told that it is done. */
  revokingAt: number
  revokedAt: number
  /** Who looked for it. */
  readonly sights: KeySight[]
}

export interface KeySight {
  readonly node: number
  readonly call: number
  readonly end: number
  /** Undefined: not let in. */
  readonly secret: string | undefined
}

const NOTHING: ReadonlySet<string> = new Set(['NoSuchAccessKey'])
const REVOKED_AFTER_MS = 2_500

/** @returns what is wrong, a sentence each */
export function keyFaults(story: KeyStory): string[] {
  const { id, secret, madeAt, revokingAt, revokedAt } = story
  return story.sights.flatMap((sight) => {
    const who = `node ${sight.node}`
    if (sight.secret === undefined) {
      const isWrong = sight.call >= madeAt && sight.end < revokingAt
      return isWrong ? [`key "${id}" was made and ${who} does not let it in`] : []
    }
    if (sight.call >= revokedAt) return [`key "${id}" was revoked and ${who} lets it in`]
    return sight.secret === secret ? [] : [`key "${id}" has another secret on ${who}`]
  })
}

/** Keys that are made at one node, used at all and revoked at another. */
export class KeyRaces {
  readonly #world: World
  readonly #nodes: readonly SimulatedNode[]
  readonly #stories: KeyStory[] = []
  /** Errors without a code, and a key that is not there for who revokes it. */
  readonly #errors: string[] = []

  constructor(world: World, nodes: readonly SimulatedNode[]) {
    this.#world = world
    this.#nodes = nodes
  }

  begin(name: string): void {
    const made = asked(this.#world, this.#nodes, (store) => createKey(store, { name }))
    made?.then(
      (key) => this.#play(key),
      () => undefined,
    )
  }

  #play({ id, secret }: AccessKey): void {
    const times = { madeAt: this.#world.now, revokingAt: Infinity, revokedAt: Infinity }
    const story: KeyStory = { id, secret, ...times, sights: [] }
    this.#stories.push(story)
    this.#lookEverywhere(story)
    this.#world.after(this.#world.rng.unit() * REVOKED_AFTER_MS, () => {
      // Copies that are as young as can be.
      this.#lookEverywhere(story)
      void this.#revoke(story)
    })
  }

  async #revoke(story: KeyStory): Promise<void> {
    const begunAt = this.#world.now
    const working = asked(this.#world, this.#nodes, (store) => deleteKey(store, story.id as never))
    if (working === undefined) return
    story.revokingAt = begunAt
    const done = working.then(() => true)
    const { value, code, error } = await outcomeOf(done, NOTHING)
    if (error !== undefined) this.#errors.push(`key: ${error}`)
    if (code !== undefined) this.#errors.push(`key "${story.id}" is not there to be revoked`)
    if (value === true) story.revokedAt = this.#world.now
    this.#lookEverywhere(story)
  }

  #lookEverywhere(story: KeyStory): void {
    for (const node of this.#nodes) void this.#look(story, node)
  }

  async #look({ id, sights }: KeyStory, node: SimulatedNode): Promise<boolean> {
    const call = this.#world.now
    const working = asked(this.#world, [node], async (store) => {
      const found = await findAccessKey(store, id)
      return { secret: found?.secret }
    })
    if (working === undefined) return false
    const { value, error } = await outcomeOf(working, NOTHING)
    if (error !== undefined) this.#errors.push(`key: ${error}`)
    if (value === undefined) return false
    sights.push({ node: node.index, call, end: this.#world.now, secret: value.secret })
    return true
  }

  /** Once all nodes are up and nothing goes wrong any more. */
  async faults(): Promise<string[]> {
    const faults: string[] = [...this.#errors]
    for (const story of this.#stories) {
      const looks = await Promise.all(this.#nodes.map((node) => this.#look(story, node)))
      if (looks.includes(false)) faults.push(`key "${story.id}" cannot be looked for`)
      const last = story.sights.slice(-this.#nodes.length)
      if (new Set(last.map(({ secret }) => secret)).size > 1) {
        faults.push(`nodes differ on whether key "${story.id}" is let in`)
      }
      faults.push(...keyFaults(story))
    }
    return faults
  }
}
