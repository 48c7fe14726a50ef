/**
 * Finds out whether this node's folders are an old copy: the other nodes remember how far its
 * database had come. Before they were asked, nothing is answered for what lies here.
 */

import type { Cancel, Clock } from '../../base/clock.ts'
import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import {
  RECALL_PATIENCE_MS,
  SEQUENCE_AHEAD_MAX,
  SEQUENCE_LEAP,
  SEQUENCE_TOLD_EVERY_MS,
} from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { storageOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import { fewestOwners } from '../../cluster/layout/layout.ts'
import { isAlone } from '../../cluster/lone.ts'
import type { Rows } from '../../db/open.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import type { Ground } from '../ground.ts'
import {
  isSequence,
  SEQUENCE_ENDPOINT,
  Sequences,
  type SequenceAnswer,
  type SequenceMessage,
} from './sequences.ts'

const ASK_MS = 1_000
/** At a stop nobody waits longer for others to hear how far this node has come. */
const LAST_WORD_MS = 300

export interface RecallOptions {
  readonly cluster: Pick<Cluster, 'self' | 'history' | 'onChange'>
  readonly network: Network
  readonly clock: Clock
  readonly log: Log
  /** What this node remembers of the others. */
  readonly sequences: Pick<Sequences, 'keep' | 'keepIfDue'>
  /** How far the database has come on stable storage. */
  readonly sequence: () => number
  /** Goes on as a database that lost rows, above that sequence. */
  readonly lose: (missing: string, above: number) => Promise<void>
  /** Told once this node may answer, or is known to be an old copy. */
  readonly settled: () => void
}

/**
 * - `unneeded`: nobody could have let it vote before this life, or nobody else has a copy
 * - `asking`: it owns partitions together with others, and has not asked them yet
 * - `over`: they were asked
 */
type Stage = 'unneeded' | 'asking' | 'over'

/** The worker that tells the others how far this node has come, and heeds what they remember. */
export class Recall implements Worker {
  readonly name = 'recall'
  readonly tranquility = 0
  readonly intervalMs = SEQUENCE_TOLD_EVERY_MS
  readonly #options: RecallOptions
  /** What each was told last, and has answered. */
  readonly #told = new Map<NodeId, number>()
  /** How far the database had come when this life of it began. */
  #since: number
  readonly #underWay = new Set<NodeId>()
  #stage: Stage = 'unneeded'
  /** The register knows a life of it: from then on the others are heeded, and not waited for. */
  #isNamed = false
  /** It told the register of its database itself. */
  #hasReported = false
  /** For others than the first that answered. */
  #isWaiting = false
  #isPatienceOver = false
  #cancel: Cancel = () => undefined
  #losing: Promise<void> | undefined
  #missing: string | undefined
  /** It is known to be an old copy, and could not be counted as one yet. */
  #isBehind = false

  constructor(options: RecallOptions) {
    this.#options = options
    this.#since = options.sequence()
    this.#follow()
    // A file of an earlier life may be older than what the register knows.
    if (this.#others() !== undefined) this.#stage = 'asking'
    options.cluster.onChange(() => this.#follow())
  }

  /** The register is told of this database: what it knows from then on need be of no earlier process. */
  reports(): void {
    this.#hasReported = true
  }

  /** False while it is not known whether the database is an old one. */
  isCurrent(): boolean {
    return this.#stage !== 'asking'
  }

  /** What the others remember and this node lacks; undefined as long as that is nothing. */
  get missing(): string | undefined {
    return this.#missing
  }

  async work(): Promise<WorkState> {
    await this.#options.sequences.keepIfDue()
    this.#look()
    const sequence = this.#options.sequence()
    for (const node of this.#others() ?? []) {
      // Nobody waits for one that is silent.
      if (this.#told.get(node) !== sequence) void this.#tell(node)
    }
    return 'idle'
  }

  /** Right before the network ends: so that a copy of now is known to be old once more was written. */
  async end(): Promise<void> {
    this.#cancel()
    // One that is under way may tell less.
    await Promise.all((this.#others() ?? []).map((node) => this.#say(node, LAST_WORD_MS)))
  }

  /** After the network ended: others may say their last word as long as it is there. */
  keep(): Promise<void> {
    return this.#options.sequences.keep()
  }

  async #tell(node: NodeId): Promise<void> {
    if (this.#underWay.has(node)) return
    this.#underWay.add(node)
    await this.#say(node, ASK_MS)
    this.#underWay.delete(node)
    this.#look()
  }

  async #say(node: NodeId, deadlineMs: number): Promise<void> {
    const { network, log } = this.#options
    const message: SequenceMessage = { sequence: this.#comparedWith(node) }
    try {
      const answer = await network.call(node, SEQUENCE_ENDPOINT, message, { deadlineMs })
      await this.#heed(node, (answer as SequenceAnswer | null)?.remembered)
      this.#told.set(node, message.sequence)
    } catch (error) {
      if (!(error instanceof DomainError)) {
        log.error({ error: String(error) }, 'What others remember of this node cannot be heeded')
      } else if (error.code === 'UnknownEndpoint') {
        // An older version: it has nothing to say.
        this.#told.set(node, message.sequence)
      }
    }
  }

  /**
   * What a node remembers that this life has told nothing yet stems from an earlier one: how far this
   * one has come since then is no proof against it, and is not told before that was heard.
   */
  #comparedWith(node: NodeId): number {
    return this.#told.has(node) ? this.#options.sequence() : this.#since
  }

  async #heed(node: NodeId, remembered: unknown): Promise<void> {
    const { log, sequence } = this.#options
    const own = this.#comparedWith(node)
    if (!isSequence(remembered) || remembered <= own) return
    if (remembered - own > SEQUENCE_AHEAD_MAX) {
      log.warn({ node, remembered, own }, 'What a node remembers of this one makes no sense')
      return
    }
    const missing =
      `writes ${own + 1} to ${remembered} are missing, which node "${node.slice(0, 8)}" ` +
      'remembers: an older copy of the folders was put back'
    this.#losing ??= this.#lose(missing, Math.max(remembered, sequence()) + SEQUENCE_LEAP)
    await this.#losing
  }

  async #lose(missing: string, above: number): Promise<void> {
    this.#missing = missing
    this.#isBehind = true
    // From now on nothing is answered, though others were asked long ago and this one came late.
    this.#stage = 'asking'
    try {
      await this.#options.lose(missing, above)
      this.#isBehind = false
      this.#since = this.#options.sequence()
      this.#settle()
    } finally {
      this.#losing = undefined
    }
  }

  /** Whether enough have answered: all, or after a while those that can be reached. */
  #look(): void {
    if (this.#stage !== 'asking' || this.#isBehind) return
    const others = this.#others() ?? []
    const answered = others.filter((node) => this.#told.has(node)).length
    if (answered === others.length || (answered > 0 && this.#isPatienceOver)) {
      this.#settle()
      return
    }
    // Alone it could make no quorum: so it costs nothing to wait for the first.
    if (answered === 0 || this.#isWaiting) return
    this.#isWaiting = true
    this.#cancel = this.#options.clock.after(RECALL_PATIENCE_MS, () => {
      this.#isPatienceOver = true
      this.#look()
    })
  }

  #settle(): void {
    this.#cancel()
    this.#stage = 'over'
    this.#options.settled()
  }

  /**
   * A layout that has this node store and knows a life of its database, of which this process did not
   * tell, is a reason to ask. A copy may be from a time when it knew of layouts, and had no part in
   * them yet; and learn of them one after the other.
   */
  #follow(): void {
    const { cluster } = this.#options
    const history = cluster.history()
    if (this.#isNamed || history === undefined || isAlone(history)) return
    if (!storageOf(history).has(cluster.self)) return
    if (history.nodes.get(cluster.self)?.incarnation === undefined) return
    this.#isNamed = true
    if (!this.#hasReported && this.#others() !== undefined) this.#stage = 'asking'
  }

  /** Those that store beside this node, where each partition has several copies. */
  #others(): readonly NodeId[] | undefined {
    const { cluster } = this.#options
    const history = cluster.history()
    return history && othersIn(history, cluster.self)
  }
}

export interface RecallParts {
  readonly ground: Pick<Ground, 'clock' | 'disk' | 'log'>
  /** Of the metadata. */
  readonly folder: string
  readonly rows: Rows
  readonly network: Network
  readonly cluster: Cluster
  /** Has the tables count the rows as lost, which go on as that incarnation. */
  readonly suspect: (incarnation: string) => Promise<void>
  readonly settled: () => void
}

/** Answers others, and asks them once it works. */
export async function openRecall(parts: RecallParts): Promise<Recall> {
  const { ground, folder, rows, network, cluster, suspect, settled } = parts
  const { clock, log } = ground
  const sequences = await Sequences.open({ ...ground, folder, network, cluster })
  const lose = async (missing: string, above: number): Promise<void> => {
    await suspect(await rows.renew(missing, above))
  }
  const sequence = (): number => rows.sequence()
  return new Recall({ cluster, network, clock, log, sequences, sequence, lose, settled })
}

function othersIn(history: LayoutHistory, self: NodeId): readonly NodeId[] | undefined {
  if (isAlone(history) || !history.active.every((layout) => fewestOwners(layout) > 1))
    return undefined
  const storage = new Set(storageOf(history))
  if (!storage.delete(self)) return undefined
  return [...storage].filter((node) => history.nodes.get(node)?.isLost !== true)
}
