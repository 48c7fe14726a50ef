/**
 * How far the databases of the other nodes had come, as each told of its own: kept in memory, and at
 * a bounded rate in a file. Whoever finds that others remember more than it has is an old copy.
 */

import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Disk } from '../../base/disk.ts'
import { DomainError } from '../../base/errors.ts'
import { nodeId, type NodeId } from '../../base/ids.ts'
import { PEERS_MAX, SEQUENCES_KEPT_EVERY_MS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { readState, writeState } from '../../db/state-file.ts'
import { NodeError } from '../errors.ts'

/** Name of the file beside the identity. */
const SEQUENCES_FILE = 'sequences'
/** Tells how far the sender's database has come; answers what was remembered of it before. */
export const SEQUENCE_ENDPOINT = 'node/sequence'

export interface SequenceMessage {
  readonly sequence: number
}

export interface SequenceAnswer {
  /** The highest ever told; 0 of a node that is not known. */
  readonly remembered: number
}

export interface SequencesOptions {
  readonly network: Network
  readonly cluster: Pick<Cluster, 'history'>
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  /** Of the metadata. */
  readonly folder: string
}

interface StoredSequences {
  readonly sequences: readonly (readonly [node: string, sequence: number])[]
}

export class Sequences {
  readonly #options: SequencesOptions
  readonly #path: string
  readonly #highest: Map<NodeId, number>
  #isKept = true
  #keptMicros: number
  #keeping: Promise<void> = Promise.resolve()

  private constructor(options: SequencesOptions, highest: Map<NodeId, number>) {
    this.#options = options
    this.#path = join(options.folder, SEQUENCES_FILE)
    this.#highest = highest
    this.#keptMicros = options.clock.monotonicMicros()
    options.network.handle(SEQUENCE_ENDPOINT, (from, message) => this.#told(from, message))
  }

  /** Answers from now on. What an earlier life left counts; a damaged file is as good as none. */
  static async open(options: SequencesOptions): Promise<Sequences> {
    const { disk, folder, log } = options
    try {
      const stored = await readState(disk, join(folder, SEQUENCES_FILE))
      return new Sequences(options, readSequences(stored))
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'CannotOpen') throw error
      log.warn({ error: error.message }, 'What was remembered of other nodes is lost')
      return new Sequences(options, new Map())
    }
  }

  /** Writes down what is new, if that was not done lately. */
  async keepIfDue(): Promise<void> {
    const now = this.#options.clock.monotonicMicros()
    if (now - this.#keptMicros >= SEQUENCES_KEPT_EVERY_MS * 1000) await this.keep()
  }

  /** Writes down what is new. A drive that refuses is the log's: it is tried again. */
  keep(): Promise<void> {
    this.#keeping = this.#keeping.then(() => this.#write())
    return this.#keeping
  }

  async #write(): Promise<void> {
    if (this.#isKept) return
    const { disk, clock, log } = this.#options
    this.#isKept = true
    this.#keptMicros = clock.monotonicMicros()
    try {
      await writeState(disk, this.#path, { sequences: [...this.#highest] } as StoredSequences)
    } catch (error) {
      this.#isKept = false
      log.warn({ error: (error as Error).message }, 'What is remembered of others was not kept')
    }
  }

  #told(from: NodeId, message: unknown): SequenceAnswer {
    const { sequence } = (message ?? {}) as Partial<SequenceMessage>
    if (!isSequence(sequence)) {
      throw new NodeError('BadMessage', 'Cannot remember how far a node has come: it says nothing')
    }
    const nodes = this.#options.cluster.history()?.nodes
    const remembered = this.#highest.get(from) ?? 0
    if (sequence > remembered && nodes?.has(from) === true) {
      this.#makeRoom(nodes)
      this.#highest.set(from, sequence)
      this.#isKept = false
    }
    return { remembered }
  }

  /** One that left may come back as it was before it left: it is remembered while there is room. */
  #makeRoom(nodes: ReadonlyMap<NodeId, unknown>): void {
    if (this.#highest.size < PEERS_MAX) return
    for (const node of this.#highest.keys()) if (!nodes.has(node)) this.#highest.delete(node)
  }
}

function readSequences(stored: unknown): Map<NodeId, number> {
  const { sequences } = (stored ?? {}) as Partial<StoredSequences>
  const highest = new Map<NodeId, number>()
  for (const [node, sequence] of Array.isArray(sequences) ? (sequences as unknown[][]) : []) {
    if (typeof node === 'string' && isSequence(sequence)) highest.set(nodeId(node), sequence)
  }
  return highest
}

export function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
