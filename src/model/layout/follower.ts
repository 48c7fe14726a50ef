/** Follows the layout register: learns what was chosen, and says how far this node has come. */

import type { Clock } from '../../base/clock.ts'
import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Network } from '../../base/network.ts'
import { compareEpochs } from '../../base/ballot.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { epochOf, storageOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import { track, type Readmission, type Report } from '../../cluster/layout/trackers.ts'
import { isAlone, storesAlone } from '../../cluster/lone.ts'
import type { Members } from '../../cluster/members.ts'
import type { Command } from '../../table/schema.ts'
import type { RegisterRef, Tables } from '../../table/table.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { foundLayoutCommand, readmitNodeCommand, trackNodeCommand } from '../commands/layout.ts'
import type { FirstLayouts } from './first.ts'
import type { LayoutPeers } from './peers.ts'
import { LAYOUT_KEY } from '../layout.table.ts'
import type { ModelTables } from '../tables.ts'

/** After an accept here, its coordinator gets this long to say that it was chosen. */
const ACCEPTED_MS = 500
const READMIT_MS = 5_000

export interface LayoutFollowerOptions {
  readonly members: Members
  readonly tables: Tables
  readonly model: Pick<ModelTables, 'layout'>
  readonly peers: LayoutPeers
  readonly firsts: FirstLayouts
  readonly network: Network
  readonly clock: Clock
  readonly log: Log
  /** The life of this node's database, as it is now. */
  readonly incarnation: () => string
  /**
   * Up to which layout this node is complete: every partition that it owns in an active layout,
   * and every block that belongs there. Gathered after `ackedVersion` had reached it.
   */
  readonly syncedTo: () => number
  /** Its database lacks what it once had, so it must be let in again. */
  readonly isRecovering?: () => boolean
  /** Called before the register is told of this node's database. */
  readonly reports?: () => void
}

export class LayoutFollower implements Worker {
  readonly name = 'layout'
  readonly intervalMs = 3_000
  readonly tranquility = 0
  readonly #options: LayoutFollowerOptions
  readonly #ref: RegisterRef<LayoutHistory>
  readonly #behind = new Set<NodeId>()
  #wake: () => void = () => undefined
  #isLookDue = false
  #aside: Promise<unknown> = Promise.resolve()

  constructor(options: LayoutFollowerOptions) {
    const { members, network, firsts } = options
    this.#options = options
    this.#ref = { table: options.model.layout, partitionKey: LAYOUT_KEY, key: LAYOUT_KEY }
    members.onBehind((peer) => {
      this.#behind.add(peer)
      this.#wake()
    })
    members.onChange(() => this.#wake())
    firsts.onTaken(() => this.#wake())
    network.handle('layout/readmit', (from, message) => {
      const wish = readWish(message)
      if (!this.#isDue(from, wish)) return null
      return this.#inTurn(async () => {
        // It may have been let in by another node while others had their turn.
        if (!this.#isDue(from, wish)) return
        // Its old database is gone by its own word, so its old vote is too.
        await this.#changeAside({ nodes: [from] }, readmitNodeCommand(from, wish))
      }).then(() => null)
    })
  }

  /** `wake` ends the pause of whoever runs this. */
  onWake(wake: () => void): void {
    this.#wake = wake
  }

  /** A value of the register was accepted here: look soon, unless its coordinator tells us. */
  touched(): void {
    if (this.#isLookDue) return
    this.#isLookDue = true
    this.#options.clock.after(ACCEPTED_MS, () => {
      this.#isLookDue = false
      this.#wake()
    })
  }

  /** Never fails: what went wrong is tried again after the interval. */
  async work(): Promise<WorkState> {
    const { members, log } = this.#options
    const revision = members.history()?.revision
    try {
      await this.#hear()
      const isRead = await this.#readOrAsk()
      await members.stable()
      await this.#report(isRead)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      log.debug({ error: error.message }, 'The layout could not be followed')
    }
    return members.history()?.revision === revision ? 'idle' : 'busy'
  }

  /**
   * Changes the register, then learns and pushes what it holds.
   *
   * @throws {TableError} as `Tables.change`; `Refused` carries the codes of `ClusterError`
   */
  async change(command: Command): Promise<void> {
    const { members, tables } = this.#options
    const history = members.history()
    if (history !== undefined && (await tables.get(this.#ref)) === undefined) {
      await tables.change(this.#ref, foundLayoutCommand(history))
    }
    await tables.change(this.#ref, command)
    await this.read()
  }

  /** Learns what the register holds; tells the others when that is a new epoch. */
  async read(): Promise<void> {
    const { members, tables, peers } = this.#options
    const chosen = await tables.get(this.#ref)
    if (chosen === undefined) return
    const before = members.epoch()
    if (!members.learn(chosen)) return
    // Nobody waits for those that are down; whoever misses it asks.
    if (compareEpochs(members.epoch(), before) > 0) void peers.push(peers.others())
  }

  /**
   * Changes the register without the votes of nodes whose databases are known to be gone. One such
   * change at a time: two that left out different nodes could both be chosen.
   *
   * @param wants see `Members.setAside`
   */
  changeWithout(nodes: readonly NodeId[], command: Command, wants?: 'all'): Promise<void> {
    return this.#inTurn(() => this.#changeAside({ nodes, wants }, command))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#aside.then(work, work)
    this.#aside = done.catch(() => undefined)
    return done
  }

  async #changeAside(
    { nodes, wants }: { readonly nodes: readonly NodeId[]; readonly wants?: 'all' | undefined },
    command: Command,
  ): Promise<void> {
    const { members } = this.#options
    members.setAside(nodes, wants)
    try {
      await this.change(command)
    } catch (error) {
      // What refuses it may be an earlier change that was cut off, which nobody has learned, and
      // nobody will where those that are left out would have to vote.
      if (isRefusal(error)) await this.read().catch(() => undefined)
      throw error
    } finally {
      members.setAside([])
    }
  }

  /**
   * Whether a wish is still to be met.
   *
   * @throws {ClusterError} `NotFenced` when it was meant for another database than is known here
   */
  #isDue(from: NodeId, wish: Readmission): boolean {
    const known = this.#options.members.history()?.nodes.get(from)
    // A late copy: by now it may vote, so it cannot be left out.
    if (known?.incarnation === wish.incarnation && !known.isLost) return false
    if (known === undefined || known.incarnation === wish.replaces) return true
    // Late too, and a later one was let in; or it is this node that has not learned of that yet.
    this.#behind.add(from)
    this.#wake()
    throw new ClusterError(
      'NotFenced',
      'Cannot let a node in again: its wish was meant for another database than the one that is known here',
    )
  }

  /** What others know, where there is a reason to ask. */
  async #hear(): Promise<void> {
    const { members, peers, firsts } = this.#options
    const behind = [...this.#behind]
    this.#behind.clear()
    await peers.ask(behind)
    await firsts.drive()
    if (members.first() !== undefined || !this.#isOutside()) return
    await peers.ask(peers.others())
  }

  /** Has no layout, or nothing that would keep it from joining one. */
  #isOutside(): boolean {
    const { members } = this.#options
    return members.history() === undefined || members.mayJoin()
  }

  /** @returns whether the register was read */
  async #readOrAsk(): Promise<boolean> {
    const { peers } = this.#options
    if (this.#isOutside()) return false
    try {
      await this.read()
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      // Whoever refuses to answer may know why.
      await peers.ask(peers.others())
      return false
    }
  }

  /** Says which epoch this node refuses to go behind, and what it has gathered. */
  async #report(isRead: boolean): Promise<void> {
    const { members, incarnation, syncedTo } = this.#options
    const history = members.history()
    const known = history?.nodes.get(members.self)
    if (history === undefined || known === undefined) return
    if (this.#isOutside() || isAlone(history)) return
    if (this.#mustBeReadmitted(known)) {
      await this.#askReadmission(history, known.incarnation)
      return
    }
    if (!isRead) return
    const { layout, readmissions } = epochOf(history)
    const report: Report = {
      sync: syncedTo(),
      ...{ node: members.self, incarnation: incarnation(), layout, readmissions },
    }
    if (track(history, report) === history) return
    this.#options.reports?.()
    await this.change(trackNodeCommand(report))
  }

  #mustBeReadmitted(known: { readonly incarnation: string | undefined; isLost: boolean }): boolean {
    const { incarnation, isRecovering } = this.#options
    if (known.incarnation === undefined) return isRecovering?.() ?? false
    return known.isLost || known.incarnation !== incarnation()
  }

  /** The others change the register: an owner that lost its rows has no vote where there are any. */
  async #askReadmission(history: LayoutHistory, replaces: string | undefined): Promise<void> {
    const { members, network, peers } = this.#options
    const incarnation = this.#options.incarnation()
    if (storesAlone(history, members.self)) {
      await this.change(readmitNodeCommand(members.self, { incarnation, replaces }))
      return
    }
    const wish = { incarnation, replaces: replaces ?? null }
    // Of every active layout: in the newest there may be no other.
    for (const node of storageOf(history)) {
      if (node === members.self || history.nodes.get(node)?.isLost === true) continue
      try {
        await network.call(node, 'layout/readmit', wish, { deadlineMs: READMIT_MS })
        await peers.ask([node])
      } catch {
        // Perhaps the next one can.
      }
      if (members.history()?.nodes.get(members.self)?.incarnation === incarnation) return
    }
  }
}

/** @throws {ClusterError} `BadHistory` */
function readWish(message: unknown): Readmission {
  const { incarnation, replaces } = (message ?? {}) as Record<keyof Readmission, unknown>
  if (!isLife(incarnation) || !(replaces === null || isLife(replaces))) {
    throw new ClusterError('BadHistory', 'Cannot let a node in again: it names no incarnation')
  }
  return { incarnation, replaces: replaces ?? undefined }
}

function isLife(text: unknown): text is string {
  return typeof text === 'string' && /^[\w-]{1,64}$/.test(text)
}

function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'Refused'
}
