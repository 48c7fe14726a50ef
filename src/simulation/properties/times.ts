/** The clock that orders never goes back: not within a life, nor below what an earlier one said. */

import type { Ballot } from '../../base/ballot.ts'
import type { AcceptMessage, PromiseMessage } from '../../table/messages.ts'
import type { SimulatedNode } from '../node.ts'
import type { Asked, Watch } from './witness.ts'

export class TimesWatch implements Watch {
  readonly #fault: (sentence: string) => void
  /** The highest ballot that each node has answered to. */
  readonly #answered = new Map<SimulatedNode, number>()
  /** What its next time must lie above. */
  readonly #last = new Map<SimulatedNode, number>()

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  began(node: SimulatedNode): void {
    this.#last.set(node, this.#answered.get(node) ?? 0)
  }

  drew(node: SimulatedNode, micros: number): void {
    const last = this.#last.get(node) ?? 0
    if (micros <= last) this.#fault(`time of node ${node.index} went from ${last} to ${micros}`)
    this.#last.set(node, micros)
  }

  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    const ballot = ballotOf(endpoint, envelope.body)
    // A register that runs ahead of the clock does not pull it along.
    if (ballot === undefined || ballot.time > envelope.time) return undefined
    return (answer) => {
      const isGiven = (answer as readonly { readonly kind: string }[]).some(
        ({ kind }) => kind === 'promised' || kind === 'taken',
      )
      if (!isGiven) return
      this.#answered.set(node, Math.max(this.#answered.get(node) ?? 0, ballot.time))
    }
  }

  lost(node: SimulatedNode): void {
    this.#answered.delete(node)
  }
}

function ballotOf(endpoint: string, body: unknown): Ballot | undefined {
  if (endpoint === 'table/promise') return (body as PromiseMessage).ballot
  if (endpoint === 'table/accept') return (body as AcceptMessage).items[0]?.row.ballot
  return undefined
}
