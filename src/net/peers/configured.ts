/** The peers of the settings, as they were written, and whether somebody was met there. */

import type { NodeId } from '../../base/ids.ts'
import type { Address } from '../../base/links.ts'
import { parsePeerAddress, textOfAddress } from './address.ts'
import type { AddressBook } from './book.ts'
import type { Dialer } from './dialer.ts'

export interface ConfiguredOptions {
  readonly self: NodeId
  /** Where others reach this node; nobody is looked for there. */
  readonly publicAddress: string | undefined
  readonly book: AddressBook
  readonly dialer: Dialer
  readonly isUp: (node: NodeId) => boolean
  readonly isAnybodyUp: () => boolean
  /** A session with it is there, or being opened. */
  readonly hasSession: (node: NodeId) => boolean
  /** It was linked at some time since this node started. */
  readonly wasMet: (node: NodeId) => boolean
}

export interface Configured {
  readonly name: string
  readonly address: Address
  /** Who must answer there. */
  readonly node: NodeId | undefined
  /** Who is there is linked, or is this node. */
  readonly isMet: () => boolean
  /** Who is there was linked at some time since this node started. */
  readonly wasMet: () => boolean
  readonly dialAgain: () => void
}

export class ConfiguredPeers {
  readonly #options: ConfiguredOptions
  readonly #all: Configured[] = []

  constructor(options: ConfiguredOptions) {
    this.#options = options
  }

  /** @throws {NetError} `BadAddress` */
  add(text: string): void {
    const { book, isUp, wasMet } = this.#options
    const { node, address } = parsePeerAddress(text)
    if (node === undefined) {
      this.#all.push(this.#anybody(text, address))
      return
    }
    book.add(node, address, 'configured')
    const met = { isMet: () => isUp(node), wasMet: () => wasMet(node) }
    this.#all.push({ name: text, address, node, ...met, dialAgain: () => undefined })
  }

  /** Where nobody is linked now, but for this node's own address. */
  unmet(): Configured[] {
    const { publicAddress } = this.#options
    return this.#all.filter(({ name, isMet }) => name !== publicAddress && !isMet())
  }

  /** Dials whoever is not met: perhaps it is who has just come. */
  dialAgain(): void {
    for (const { isMet, dialAgain } of this.#all) if (!isMet()) dialAgain()
  }

  #anybody(name: string, address: Address): Configured {
    const { self, publicAddress, dialer, hasSession, isAnybodyUp } = this.#options
    let last: NodeId | undefined
    const isMet = (): boolean => last !== undefined && (last === self || hasSession(last))
    // A name may stand for other nodes beside this one: whoever is alone looks again.
    const isSatisfied = (): boolean =>
      last === self ? name === publicAddress || isAnybodyUp() : isMet()
    const target = {
      expected: undefined,
      addresses: () => [address],
      isSatisfied,
      answered: (peer: NodeId) => {
        last = peer
      },
    }
    const dialAgain = (): void => dialer.want(textOfAddress(address), target, true)
    const wasMet = (): boolean => last !== undefined
    dialAgain()
    return { name, address, node: undefined, isMet, wasMet, dialAgain }
  }
}
