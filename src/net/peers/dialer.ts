/** Keeps dialling who should be linked and is not: in rounds over the addresses, ever more rarely. */

import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { DIAL_WAIT_MS, DIAL_WAIT_MS_MAX } from '../../base/limits.ts'
import type { Address } from '../../base/links.ts'
import type { Rng } from '../../base/rng.ts'
import { textOfAddress } from './address.ts'

/** Failures beyond these change nothing: the longest wait was reached before. */
const FAILURES_COUNTED_MAX = 16

export interface DialerOptions {
  readonly clock: Clock
  readonly rng: Rng
  /** Links this node to who answers at an address; says who. Why it failed is noted there. */
  readonly attempt: (address: Address, expected: NodeId | undefined) => Promise<NodeId>
}

/** Who should be linked. */
export interface Target {
  /** The key that must answer; undefined for an address that was given without one. */
  readonly expected: NodeId | undefined
  readonly addresses: () => readonly Address[]
  /** Linked already. */
  readonly isSatisfied: () => boolean
  readonly answered: (peer: NodeId) => void
}

interface Dialled {
  readonly target: Target
  /** Rounds that failed since it was last linked for a while. */
  failures: number
  /** Where somebody answered last: each round begins there. */
  good: Address | undefined
  /** The addresses that this round has not tried yet; empty before a new one. */
  round: Address[]
  isDialling: boolean
  /** Ends the wait for the next dial. */
  cancel: (() => void) | undefined
}

export class Dialer {
  readonly #options: DialerOptions
  readonly #dialled = new Map<string, Dialled>()
  #isStopped = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** Dials the target whenever it is not satisfied: at once now, if it is new or was `renewed`. */
  want(name: string, target: Target, isRenewed = false): void {
    if (this.#isStopped) return
    let dialled = this.#dialled.get(name)
    if (dialled !== undefined && !isRenewed) return
    if (dialled === undefined) {
      const fresh = { failures: 0, good: undefined, round: [], isDialling: false }
      dialled = { target, ...fresh, cancel: undefined }
      this.#dialled.set(name, dialled)
    }
    dialled.failures = 0
    dialled.round = []
    dialled.cancel?.()
    dialled.cancel = undefined
    this.#dial(dialled)
  }

  /** A link was lost: whoever is missing now is dialled again after a wait. */
  lost(name: string, wasSteady: boolean): void {
    const lost = this.#dialled.get(name)
    if (lost !== undefined) {
      lost.failures = wasSteady ? 1 : lost.failures + 1
      lost.round = []
    }
    for (const dialled of this.#dialled.values()) this.#wait(dialled)
  }

  forget(name: string): void {
    this.#dialled.get(name)?.cancel?.()
    this.#dialled.delete(name)
  }

  stop(): void {
    this.#isStopped = true
    for (const name of [...this.#dialled.keys()]) this.forget(name)
  }

  #dial(dialled: Dialled): void {
    const { target } = dialled
    if (dialled.isDialling || target.isSatisfied()) return
    if (dialled.round.length === 0) dialled.round = roundOf(target.addresses(), dialled.good)
    const address = dialled.round.shift()
    if (address === undefined) return
    dialled.isDialling = true
    this.#options.attempt(address, target.expected).then(
      (peer) => {
        dialled.isDialling = false
        dialled.good = address
        dialled.round = []
        target.answered(peer)
        // Of no use yet: this node itself has answered, or one whose own dial is still under way.
        if (!target.isSatisfied()) dialled.failures += 1
        this.#wait(dialled)
      },
      () => {
        dialled.isDialling = false
        // One round over all addresses counts as one failure.
        if (dialled.round.length === 0) dialled.failures += 1
        this.#wait(dialled)
      },
    )
  }

  #wait(dialled: Dialled): void {
    const isWaiting = dialled.isDialling || dialled.cancel !== undefined
    const isWanted = !this.#isStopped && [...this.#dialled.values()].includes(dialled)
    if (isWaiting || !isWanted || dialled.target.isSatisfied()) return
    // The long wait stands between rounds: an address that is dead must not hold up the others.
    const failures = dialled.round.length > 0 ? 1 : dialled.failures
    dialled.cancel = this.#options.clock.after(this.#waitMs(failures), () => {
      dialled.cancel = undefined
      this.#dial(dialled)
    })
  }

  /** Twice as long each time; shortened by up to half, so that nodes do not dial in step. */
  #waitMs(failures: number): number {
    const doublings = Math.min(Math.max(0, failures - 1), FAILURES_COUNTED_MAX)
    const full = Math.min(DIAL_WAIT_MS_MAX, DIAL_WAIT_MS * 2 ** doublings)
    const [byte] = this.#options.rng.bytes(1)
    return full * (1 - byte! / 512)
  }
}

function roundOf(addresses: readonly Address[], good: Address | undefined): Address[] {
  const name = good && textOfAddress(good)
  const isGood = (address: Address): boolean => textOfAddress(address) === name
  return [...addresses.filter(isGood), ...addresses.filter((address) => !isGood(address))]
}
