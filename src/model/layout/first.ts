/**
 * The first layout of nodes that have none: proposed to all that it names, held by each through
 * crashes, and counted when all have taken it. The rule is in `cluster/layout/first.ts`.
 */

import { hexOf } from '../../base/bytes.ts'
import { sleep, type Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Rng } from '../../base/rng.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { isNamed, isSame, type FirstLayout } from '../../cluster/layout/first.ts'
import type { LayoutHistory, Staged } from '../../cluster/layout/history.ts'
import { firstHistory } from '../../cluster/layout/staging.ts'
import { decodeHistory, encodeHistory, type StoredHistory } from '../../cluster/layout/stored.ts'
import type { Members } from '../../cluster/members.ts'
import type { LayoutPeers } from './peers.ts'

const ASK_MS = 2_000
const PAUSE_MS = 250

interface StoredFirst {
  readonly ticket: number
  readonly history: StoredHistory
}

interface Offer extends StoredFirst {
  /** The sender holds it, by its own disk. */
  readonly isHolder: boolean
}

type Answer =
  | { readonly kind: 'taken' }
  /** Another one, for the time being. */
  | { readonly kind: 'holds'; readonly first: StoredFirst }
  /** It has a layout, so it never takes a first one. */
  | { readonly kind: 'member'; readonly history: StoredHistory }
  | { readonly kind: 'refused'; readonly sentence: string }

export interface FirstLayoutsOptions {
  readonly members: Members
  readonly peers: LayoutPeers
  readonly network: Network
  readonly clock: Clock
  readonly rng: Rng
}

/** What one round of offers came to. */
export type Round =
  | { readonly kind: 'counted' }
  /** It can never count: another one does, or a node that it names belongs elsewhere. */
  | { readonly kind: 'dead'; readonly why: string }
  | { readonly kind: 'waiting'; readonly missing: readonly NodeId[]; readonly why: string }

export class FirstLayouts {
  readonly #options: FirstLayoutsOptions
  #wake: () => void = () => undefined

  constructor(options: FirstLayoutsOptions) {
    this.#options = options
    options.network.handle('layout/first', (from, message) => this.#answer(from, message as Offer))
  }

  /** Called when one was taken from another node: then it is to be driven here too. */
  onTaken(wake: () => void): void {
    this.#wake = wake
  }

  /**
   * Makes what is staged the first layout; resolves when it counts.
   *
   * @param options.staged the draft of this node when absent
   * @param options.factor where that names none
   * @param options.deadlineMs after it the nodes that hold it go on by themselves
   * @throws {ClusterError} `NothingStaged`, `CannotAssign`, `FirstLayoutWaits`, `FirstLayoutLost`
   */
  async propose(options: {
    readonly staged?: Staged
    readonly factor: number
    readonly deadlineMs: number
  }): Promise<void> {
    const { members, clock, rng } = this.#options
    const clusterId = hexOf(rng.bytes(16))
    const history = firstHistory(options.staged ?? members.draft(), {
      clusterId,
      factor: options.factor,
    })
    const ticket = Math.max(clock.wallMicros(), (members.floor()?.time ?? 0) + 1)
    const first: FirstLayout = { ticket, history }
    if (!members.mayJoin()) throw waits('this node holds data already', [])
    if (isNamed(first, members.self)) await this.#takeOwn(first)
    const end = clock.monotonicMicros() + options.deadlineMs * 1000
    for (;;) {
      const round = await this.round(first)
      if (round.kind === 'counted') return
      if (round.kind === 'dead') throw lost(round.why)
      if (clock.monotonicMicros() >= end) {
        throw waits(`${round.why}; it counts as soon as all that it names took it`, round.missing)
      }
      await sleep(clock, PAUSE_MS)
    }
  }

  /** Offers what this node holds to all that it names, once. */
  async drive(): Promise<void> {
    const { members } = this.#options
    const held = members.first()
    if (held === undefined) return
    // What is offered as held must be so after a crash too.
    await members.stable()
    await this.round(held)
  }

  async round(first: FirstLayout): Promise<Round> {
    const { members, peers } = this.#options
    if (isSameHistory(members.history(), first)) return { kind: 'counted' }
    const isHolder = isSame(members.first(), first)
    const named = first.history.active[0]!.storage.filter((node) => node !== members.self)
    const missing: NodeId[] = []
    let why = ''
    let death: string | undefined
    await Promise.all(
      named.map(async (node) => {
        const answer = await this.#offer(node, first, isHolder)
        if (answer.kind === 'taken') return
        missing.push(node)
        if (answer.kind === 'refused') why = `node "${node}" has not taken it: ${answer.sentence}`
        else death = (await this.#heardInstead(node, first, answer)) ?? death
      }),
    )
    if (isSameHistory(members.history(), first)) return { kind: 'counted' }
    if (death !== undefined) return { kind: 'dead', why: death }
    const isOwn = !isNamed(first, members.self) || isSame(members.first(), first)
    if (!isOwn) return { kind: 'dead', why: 'another first layout was taken here' }
    if (missing.length > 0) return { kind: 'waiting', missing, why }
    members.learn(first.history)
    await members.stable()
    if (!isSameHistory(members.history(), first)) members.learn(first.history)
    await peers.push(named)
    return { kind: 'counted' }
  }

  async #takeOwn(first: FirstLayout): Promise<void> {
    const { members } = this.#options
    const held = await members.takeFirst(first, undefined)
    // Whoever drives what is held may have been quicker.
    if (isSame(held, first) || isSameHistory(members.history(), first)) return
    if (held === undefined) throw lost('this node has joined a layout that was there already')
    throw waits('another one waits for nodes that it names', held.history.active[0]!.storage)
  }

  async #offer(node: NodeId, first: FirstLayout, isHolder: boolean): Promise<Answer> {
    const { network } = this.#options
    const message: Offer = { ...storedOf(first), isHolder }
    try {
      return (await network.call(node, 'layout/first', message, { deadlineMs: ASK_MS })) as Answer
    } catch (error) {
      return { kind: 'refused', sentence: (error as Error).message }
    }
  }

  /** @returns why `first` can never count, if it is so */
  async #heardInstead(
    node: NodeId,
    first: FirstLayout,
    answer: Extract<Answer, { kind: 'holds' | 'member' }>,
  ): Promise<string | undefined> {
    const { members, peers } = this.#options
    if (answer.kind === 'member') {
      const history = decodeHistory(answer.history)
      if (!isSameHistory(history, first)) members.letGoOfFirst(first)
      peers.learn(node, history)
      return isSameHistory(history, first)
        ? undefined
        : `node "${node}" has a layout already; this node has joined it if it could`
    }
    const other = firstOf(answer.first)
    if (!isHigher(other, first)) return undefined
    if (isNamed(other, members.self)) await members.takeFirst(other, node)
    else members.letGoOfFirst(first)
    return `node "${node}" holds another first layout, which came later`
  }

  async #answer(from: NodeId, offer: Offer): Promise<Answer> {
    const { members } = this.#options
    const first = firstOf(offer)
    const history = members.history()
    if (history !== undefined && !members.mayJoin()) {
      return { kind: 'member', history: encodeHistory(history) }
    }
    if (!isNamed(first, members.self)) {
      return { kind: 'refused', sentence: 'it is not among the nodes that store' }
    }
    const before = members.first()
    const held = await members.takeFirst(first, offer.isHolder ? from : undefined)
    if (isSame(held, first)) {
      if (!isSame(before, first)) this.#wake()
      return { kind: 'taken' }
    }
    // It counted meanwhile.
    const learned = members.history()
    if (learned !== undefined && !members.mayJoin()) {
      return { kind: 'member', history: encodeHistory(learned) }
    }
    if (held !== undefined) return { kind: 'holds', first: storedOf(held) }
    return { kind: 'refused', sentence: 'it holds data, or has held a later one' }
  }
}

function lost(why: string): ClusterError {
  return new ClusterError('FirstLayoutLost', `Cannot apply layout 1: ${why}`)
}

function waits(why: string, missing: readonly NodeId[]): ClusterError {
  return new ClusterError('FirstLayoutWaits', `Cannot apply layout 1: ${why}`, {
    details: { missing },
  })
}

function isSameHistory(history: LayoutHistory | undefined, first: FirstLayout): boolean {
  return history?.clusterId === first.history.clusterId
}

function isHigher(a: FirstLayout, b: FirstLayout): boolean {
  if (a.ticket !== b.ticket) return a.ticket > b.ticket
  return a.history.clusterId > b.history.clusterId
}

function storedOf({ ticket, history }: FirstLayout): StoredFirst {
  return { ticket, history: encodeHistory(history) }
}

/** @throws {ClusterError} `BadHistory` */
function firstOf(stored: StoredFirst | null): FirstLayout {
  const { ticket, history } = stored ?? {}
  if (!Number.isSafeInteger(ticket) || ticket! < 0) {
    throw new ClusterError('BadHistory', 'Cannot read a first layout: it has no ticket')
  }
  return { ticket: ticket!, history: decodeHistory(history) }
}
