/** The network of a simulation: it delays, loses, doubles and reorders. */

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
import { deliverInPlace } from '../net/deliver.ts'
import type { Life, World } from './world.ts'

/** As an error of another node arrives: its code, its message, its details. */
class CallFailed extends DomainError {}

/** The lives that nodes live now; undefined for a node that is down. */
export interface Directory {
  find(node: NodeId): SimulatedNetwork | undefined
  all(): readonly NodeId[]
}

interface Reply {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A question on its way: `perform` runs where it arrives. */
interface Question {
  readonly to: NodeId
  readonly endpoint: string
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly perform: (there: SimulatedNetwork) => unknown
  /** Told of the node that has sent its answer. */
  readonly answered?: (node: NodeId) => void
}

export class SimulatedNetwork implements Network {
  readonly self: NodeId
  readonly #world: World
  readonly #life: Life
  readonly #directory: Directory
  readonly #handlers = new Map<string, MessageHandler>()
  readonly #receivers = new Map<string, ParcelHandler>()

  constructor(parts: { world: World; life: Life; self: NodeId; directory: Directory }) {
    this.self = parts.self
    this.#world = parts.world
    this.#life = parts.life
    this.#directory = parts.directory
  }

  handle(endpoint: string, handler: MessageHandler): void {
    this.#handlers.set(endpoint, handler)
  }

  receive(endpoint: string, handler: ParcelHandler): void {
    this.#receivers.set(endpoint, handler)
  }

  peers(): readonly Peer[] {
    return this.#directory
      .all()
      .filter((node) => node !== this.self)
      .map((node) => ({ node, isUp: this.#directory.find(node) !== undefined }))
  }

  call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to === this.self) return this.#handlers.get(endpoint)!(to, message)
    let sent: unknown
    try {
      sent = this.#copy(message)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    const { deadlineMs } = options
    return this.#ask({
      ...{ to, endpoint, deadlineMs },
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
    const receiver = (there: SimulatedNetwork): ParcelHandler => {
      const found = there.#receivers.get(endpoint)
      if (found === undefined) throw new CallFailed('UnknownEndpoint', `No "${endpoint}"`)
      return found
    }
    const { deadlineMs, signal, into } = options
    if (to === this.self) return deliverInPlace(this.self, receiver(this), parcel, into)
    const bytes = parcel.bytes?.slice()
    const sent: Parcel = { message: this.#copy(parcel.message), bytes }
    const answer = (await this.#ask({
      ...{ to, endpoint, deadlineMs, signal },
      perform: async (there) => {
        const landing = new Uint8Array(into?.length ?? 0)
        const delivered = await deliverInPlace(this.self, receiver(there), sent, landing)
        return { ...delivered, landing }
      },
    })) as Delivered & { readonly landing: Uint8Array }
    into?.set(answer.landing.subarray(0, answer.length))
    return { message: this.#copy(answer.message), length: answer.length }
  }

  #answer(from: NodeId, endpoint: string, message: unknown): unknown {
    const handler = this.#handlers.get(endpoint)
    if (handler === undefined) throw new CallFailed('UnknownEndpoint', `No "${endpoint}"`)
    const answer = handler(from, message)
    if (answer instanceof Promise) return answer.then((value: unknown) => this.#copy(value))
    return this.#copy(answer)
  }

  #ask(question: Question): Promise<unknown> {
    const { to, endpoint, deadlineMs, signal } = question
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      const onAbort = (): void => reply.reject(signal?.reason)
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const reply: Reply = {
        resolve: (answer) => {
          end()
          resolve(answer)
        },
        reject: (error) => {
          end()
          reject(error as Error)
        },
      }
      const cancel = this.#life.after(deadlineMs, () =>
        reply.reject(new CallFailed('RpcTimeout', `No answer to "${endpoint}"`)),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#world.note(`${this.self.slice(0, 2)}${to.slice(0, 2)}${endpoint}`)
      this.#world.carry(this.self, to, () =>
        this.#directory.find(to)?.arrive(this, question, reply),
      )
    })
  }

  arrive(from: SimulatedNetwork, question: Question, reply: Reply): void {
    this.#life.happen(() => {
      const answer = (give: () => void): void => {
        this.#world.carry(this.self, from.self, () => from.#life.happen(give))
      }
      const refuse = (error: unknown): void => {
        const { code, message: text, details } = error as DomainError
        const sent = new CallFailed(code, text, { details: { ...details } })
        answer(() => reply.reject(sent))
      }
      try {
        Promise.resolve(question.perform(this)).then((value) => {
          answer(() => reply.resolve(value))
          question.answered?.(this.self)
        }, refuse)
      } catch (error) {
        refuse(error)
      }
    })
  }

  /** @throws {CallFailed} `TooLarge`, where messages are packed */
  #copy(value: unknown): unknown {
    if (!this.#world.packsMessages) return value
    const packed = pack(value)
    if (packed.length <= MESSAGE_BYTES_MAX) return unpack(packed)
    throw new CallFailed('TooLarge', `The message has ${packed.length} bytes`)
  }
}
