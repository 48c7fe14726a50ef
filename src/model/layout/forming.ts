/** Makes the first layout of nodes whose settings wish for one, without a command. */

import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Network } from '../../base/network.ts'
import { judge, type Stance, type Wish } from '../../cluster/layout/forming.ts'
import { newestLayout, nothingStaged, type LayoutHistory } from '../../cluster/layout/history.ts'
import type { Role } from '../../cluster/layout/layout.ts'
import { standsAlone } from '../../cluster/lone.ts'
import type { Members } from '../../cluster/members.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { FirstLayouts } from './first.ts'

const ENDPOINT = 'layout/wish'
const ASK_MS = 2_000
const PROPOSE_MS = 8_000
/** Between two looks, while there is no layout, and afterwards. */
const LOOK_MS = 1_000
const REST_MS = 60_000

interface WishAnswer {
  readonly wish: Wish | null
  readonly isFree: boolean
}

export interface FormingOptions {
  readonly members: Members
  readonly network: Network
  readonly firsts: Pick<FirstLayouts, 'propose'>
  readonly log: Log
  /** What the settings say; undefined: they wish for no first layout. */
  readonly wish: () => Promise<Wish> | undefined
  /** Addresses of the settings at which nobody was met yet. */
  readonly awaited: () => readonly string[]
  /** Called before this node proposes one. */
  readonly proposing: () => Promise<void>
  /** Called while there is a layout, until it ends well. */
  readonly formed: () => Promise<void>
}

export class Forming implements Worker {
  readonly name = 'forming'
  readonly tranquility = 0
  readonly #options: FormingOptions
  #why: string | undefined
  #isOver = false

  constructor(options: FormingOptions) {
    this.#options = options
    options.network.handle(ENDPOINT, async (): Promise<WishAnswer> => {
      return { wish: (await options.wish()) ?? null, isFree: this.#isFree() }
    })
  }

  get intervalMs(): number {
    return this.#isOver ? REST_MS : LOOK_MS
  }

  /** What the first layout waits for; undefined when there is nothing to wait for. */
  get why(): string | undefined {
    return this.#why
  }

  async work(): Promise<WorkState> {
    if (this.#isOver) return 'idle'
    try {
      const history = this.#options.members.history()
      if (history === undefined) this.#tell(await this.#look())
      else await this.#end(history)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#tell(error.message)
    }
    return 'idle'
  }

  /** There is a layout, so none is made here any more. */
  async #end(history: LayoutHistory): Promise<void> {
    const { members, formed, log, wish } = this.#options
    this.#why = undefined
    await formed()
    this.#isOver = true
    const { version, roles } = newestLayout(history)
    if (wish() === undefined || roles.has(members.self)) return
    const sentence = standsAlone(members)
      ? 'This node holds data, so it makes no first layout: `hangar join` on the others adds them'
      : `This node has no role in layout ${version}: \`hangar join\` gives it one`
    log.warn({}, sentence)
  }

  /** Takes the step that is due; returns what is waited for. */
  async #look(): Promise<string | undefined> {
    const { members, network, wish, awaited } = this.#options
    const own = await wish()
    if (own === undefined) return undefined
    const held = members.first()
    if (held !== undefined) {
      const up = new Set(network.peers().flatMap(({ node, isUp }) => (isUp ? [node] : [])))
      const { storage } = held.history.active[0]!
      const missing = storage.filter((node) => node !== members.self && !up.has(node))
      const ids = missing.map((node) => node.slice(0, 16)).join(', ')
      return `it is agreed, and all that it names must take it${ids && `; down: ${ids}`}`
    }
    if (!this.#isFree()) return 'this node holds data, or roles that are staged by hand'
    const verdict = judge({
      ...{ self: members.self, wish: own, awaited: awaited() },
      others: await this.#stances(),
    })
    if (verdict.kind === 'wait') return verdict.why
    await this.#propose(own, verdict.roles)
    return undefined
  }

  async #propose({ factor }: Wish, roles: ReadonlyMap<NodeId, Role>): Promise<void> {
    const { firsts, log, proposing } = this.#options
    await proposing()
    const staged = { ...nothingStaged, roles }
    await firsts.propose({ staged, factor, deadlineMs: PROPOSE_MS })
    log.info({ nodes: [...roles.keys()] }, 'These nodes are a cluster now')
  }

  async #stances(): Promise<ReadonlyMap<NodeId, Stance>> {
    const { network } = this.#options
    const up = network.peers().filter(({ isUp }) => isUp)
    return new Map(
      await Promise.all(up.map(async ({ node }) => [node, await this.#stanceOf(node)] as const)),
    )
  }

  async #stanceOf(node: NodeId): Promise<Stance> {
    try {
      const asked = this.#options.network.call(node, ENDPOINT, null, { deadlineMs: ASK_MS })
      const { wish, isFree } = (await asked) as WishAnswer
      if (!isFree) return { kind: 'taken' }
      return wish === null ? { kind: 'wishless' } : { kind: 'wishes', wish }
    } catch {
      return { kind: 'silent' }
    }
  }

  /** May take a first layout, and nobody has another one in mind. */
  #isFree(): boolean {
    const { members } = this.#options
    const { roles, factor, zoneSpread } = members.draft()
    const isDrafted = roles.size > 0 || factor !== undefined || zoneSpread !== undefined
    return members.mayJoin() && members.first() === undefined && !isDrafted
  }

  #tell(why: string | undefined): void {
    if (why === this.#why) return
    this.#why = why
    if (why !== undefined) this.#options.log.info({}, `The first layout waits: ${why}`)
  }
}
