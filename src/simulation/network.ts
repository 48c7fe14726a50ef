/** The network of a simulation: it delays, loses, doubles and reorders. */

import type { Cancel } from '../base/clock.ts'
import { pack, unpack } from '../base/codec.ts'
import { DomainError } from '../base/errors.ts'
import type { NodeId } from '../base/ids.ts'
import { MESSAGE_BYTES_MAX } from '../base/limits.ts'
import type {
  CallOptions,
  Delivered,
  MessageHandler,
  Network,
  Parcel,
  ParcelHandler,
  Peer,
  TransferOptions,
} from '../base/network.ts'
import { Endpoints } from '../net/endpoints.ts'
import type { Life, World } from './world.ts'

/** As an error of another node arrives: its code, its message, its details. */
class CallFailed extends DomainError {}

/** The lives that nodes live now; undefined for a node that is down. */
export interface Directory {
  find(node: NodeId): SimulatedNetwork | undefined
  all(): readonly NodeId[]
}

/** About as long as the pings of a mesh take to notice it. */
const DOWN_AFTER_MS = 5_000

/** A question on its way: `perform` runs where it arrives. */
interface Question {
  readonly to: NodeId
  readonly endpoint: string
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  readonly perform: (there: SimulatedNetwork) => unknown
  /** Told of the node that has sent its answer. */
  readonly answered: ((node: NodeId) => void) | undefined
}

function isStopping(to: string): CallFailed {
  return new CallFailed('PeerUnreachable', `Cannot reach node "${to}": this node stops`)
}

/** Who waits for an answer: until it comes, the deadline passes or the signal ends it. */
class Reply {
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (error: Error) => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: (() => void) | undefined
  readonly #cancel: Cancel
  readonly #to: NodeId
  readonly #open: Set<Reply>

  /** @param open those that are waited for: it is one of them until it ends */
  constructor(
    question: Question,
    { life, open }: { readonly life: Life; readonly open: Set<Reply> },
    outcome: { resolve: (answer: unknown) => void; reject: (error: Error) => void },
  ) {
    this.#open = open.add(this)
    this.#resolve = outcome.resolve
    this.#reject = outcome.reject
    const { to, deadlineMs, endpoint, signal } = question
    this.#to = to
    this.#signal = signal
    this.#onAbort = signal && (() => this.reject(signal.reason as Error))
    if (this.#onAbort) signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#cancel = life.after(deadlineMs, () =>
      this.reject(new CallFailed('CallTimeout', `No answer to "${endpoint}"`)),
    )
  }

  resolve(answer: unknown): void {
    this.#end()
    this.#resolve(answer)
  }

  reject(error: Error): void {
    this.#end()
    this.#reject(error)
  }

  unreachable(): void {
    this.reject(isStopping(this.#to))
  }

  #end(): void {
    this.#cancel()
    this.#open.delete(this)
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}

export class SimulatedNetwork implements Network {
  readonly self: NodeId
  readonly #world: World
  readonly #life: Life
  readonly #directory: Directory
  readonly #endpoints = new Endpoints()
  /** Calls to others under way. */
  readonly #replies = new Set<Reply>()
  #isClosed = false

  constructor(parts: { world: World; life: Life; self: NodeId; directory: Directory }) {
    this.self = parts.self
    this.#world = parts.world
    this.#life = parts.life
    this.#directory = parts.directory
  }

  /** Whether others take it for up: one that does not answer is down after a while. */
  get isUp(): boolean {
    return !this.#isClosed && this.#life.frozenMs < DOWN_AFTER_MS
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#endpoints.handle(endpoint, handler)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#endpoints.receive(endpoint, handler)
  }

  peers(): readonly Peer[] {
    return this.#directory
      .all()
      .filter((node) => node !== this.self)
      .map((node) => ({
        node,
        isUp: !this.#isClosed && this.#directory.find(node)?.isUp === true,
      }))
  }

  call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to === this.self) return this.#endpoints.answer(to, endpoint, message)
    let sent: unknown
    try {
      sent = this.#copy(message)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    const { deadlineMs } = options
    return this.#ask({
      to,
      endpoint,
      deadlineMs,
      signal: undefined,
      perform: (there) => there.#answer(this.self, endpoint, sent),
      answered: (node) => this.#world.answered(node, endpoint),
    })
  }

  async transfer(
    to: NodeId,
    endpoint: string,
    parcel: Parcel,
    options: TransferOptions,
  ): Promise<Delivered> {
    const { deadlineMs, signal, into } = options
    if (to === this.self) return this.#endpoints.deliver(this.self, endpoint, parcel, into)
    const bytes = parcel.bytes?.slice()
    const sent: Parcel = { message: this.#copy(parcel.message), bytes }
    const answer = (await this.#ask({
      to,
      endpoint,
      deadlineMs,
      signal,
      perform: async (there) => {
        const landing = new Uint8Array(into?.length ?? 0)
        const delivered = await there.#endpoints.deliver(this.self, endpoint, sent, landing)
        return { landing, ...delivered }
      },
      answered: undefined,
    })) as Delivered & { readonly landing: Uint8Array }
    into?.set(answer.landing.subarray(0, answer.length))
    return { message: this.#copy(answer.message), length: answer.length }
  }

  /** Reaches nobody any more, and is reached by nobody: so a mesh ends, long before its process. */
  close(): Promise<void> {
    this.#isClosed = true
    for (const reply of [...this.#replies]) reply.unreachable()
    return Promise.resolve()
  }

  #answer(from: NodeId, endpoint: string, message: unknown): unknown {
    const answer = this.#endpoints.answer(from, endpoint, message)
    if (answer instanceof Promise) return answer.then((value: unknown) => this.#copy(value))
    return this.#copy(answer)
  }

  #ask(question: Question): Promise<unknown> {
    const { to, endpoint, signal } = question
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      if (this.#isClosed) {
        reject(isStopping(to))
        return
      }
      const asker = { life: this.#life, open: this.#replies }
      const reply = new Reply(question, asker, { resolve, reject })
      this.#world.note(`${this.self.slice(0, 2)}${to.slice(0, 2)}${endpoint}`)
      const { acceptLossChance } = this.#world.weather
      const isAtRisk = acceptLossChance !== undefined && endpoint === 'table/accept'
      if (isAtRisk && this.#world.rng.chance(acceptLossChance)) return
      this.#world.carry(this.self, to, () =>
        this.#directory.find(to)?.arrive(this, question, reply),
      )
    })
  }

  arrive(from: SimulatedNetwork, question: Question, reply: Reply): void {
    this.#life.happen(() => {
      // A frozen node may have been stopped before what came meanwhile is looked at.
      if (this.#isClosed) return
      try {
        const value = question.perform(this)
        if (!(value instanceof Promise)) this.#send(from, question, () => reply.resolve(value))
        else {
          value.then(
            (late) => this.#send(from, question, () => reply.resolve(late)),
            (error: unknown) => this.#refuse(from, reply, error),
          )
        }
      } catch (error) {
        this.#refuse(from, reply, error)
      }
    })
  }

  #send(to: SimulatedNetwork, question: Question, give: () => void): void {
    if (this.#isClosed) return
    this.#world.carry(this.self, to.self, () => to.#life.happen(give))
    question.answered?.(this.self)
  }

  #refuse(to: SimulatedNetwork, reply: Reply, error: unknown): void {
    if (this.#isClosed) return
    const { code, message, details } = error as DomainError
    const sent = new CallFailed(code, message, { details: { ...details } })
    this.#world.carry(this.self, to.self, () => to.#life.happen(() => reply.reject(sent)))
  }

  /** @throws {CallFailed} `TooLarge`, where messages are packed */
  #copy(value: unknown): unknown {
    if (!this.#world.packsMessages) return value
    const packed = pack(value)
    if (packed.length <= MESSAGE_BYTES_MAX) return unpack(packed)
    throw new CallFailed('TooLarge', `The message has ${packed.length} bytes`)
  }
}
