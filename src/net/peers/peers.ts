/** The other nodes: who is known, who is linked, and how it comes to that. */

import { withDeadline } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { BEAT_MS, HANDSHAKE_MS_MAX } from '../../base/limits.ts'
import type { Address, Link, Links } from '../../base/links.ts'
import type { Metrics } from '../../base/metrics.ts'
import { announcedAddress, parsePeerAddress, readAddress, textOfAddress } from './address.ts'
import { AddressBook, packKnown, type KnownPeer } from './book.ts'
import { ConfiguredPeers } from './configured.ts'
import { Dialer } from './dialer.ts'
import { NetError } from '../errors.ts'
import { Gossip } from './gossip.ts'
import { Greeter, type GreeterOptions, type Role } from './greeter.ts'
import type { Hello, Refusal } from '../wire/handshake.ts'
import { RefusalLog } from './refusal-log.ts'
import { Session, type SessionSetting } from '../session.ts'
import { TOO_LATE, Tries, type Miss, type Sought } from './tries.ts'

/** A session that lived this long is no failed attempt. */
const STEADY_MICROS = 10_000_000

export interface PeersOptions extends Omit<GreeterOptions, 'address'> {
  readonly links: Links
  readonly metrics: Metrics
  /** Where peers reach this node, `host:port`; without it, at the host that its links come from. */
  readonly publicAddress?: string | undefined
  /** The configured peers, `ID@host:port` or `host:port`. */
  readonly bootstrapPeers: readonly string[]
  /** What `changed` told an earlier life. */
  readonly knownPeers?: readonly KnownPeer[] | undefined
  /** Told at the end of each handshake, before the peer counts as up. */
  readonly onHello?: ((peer: NodeId, hello: Hello) => void) | undefined
  readonly onUp?: ((peer: NodeId) => void) | undefined
  readonly onDown?: ((peer: NodeId) => void) | undefined
  /** The peers that should outlive this process have changed. */
  readonly changed?: ((peers: readonly KnownPeer[]) => void) | undefined
}

/** What is known of a peer. */
export interface PeerInfo {
  readonly node: NodeId
  /** First that which it says of itself, where it names a host. */
  readonly addresses: readonly string[]
  readonly isUp: boolean
  /** An operator gave one of its addresses. */
  readonly isConfigured: boolean
  /** Milliseconds since it was last heard; undefined when it never was. */
  readonly lastSeenMs: number | undefined
  readonly rttMs: number | undefined
  /** What it said in its last handshake: incarnation, epoch, cluster and more. */
  readonly hello: Hello | undefined
  /** Why there is no link, in a sentence; undefined while there is one. */
  readonly why: string | undefined
}

/** What stays of a peer between its links. */
interface Trace {
  lastSeenMicros: number | undefined
  hello: Hello | undefined
  why: string | undefined
}

export class Peers {
  readonly #options: PeersOptions
  readonly #setting: SessionSetting
  readonly #book: AddressBook
  readonly #dialer: Dialer
  readonly #greeter: Greeter
  readonly #gossip: Gossip
  readonly #refusals: RefusalLog
  readonly #tries: Tries
  readonly #sessions = new Map<NodeId, Session>()
  readonly #traces = new Map<NodeId, Trace>()
  readonly #configured: ConfiguredPeers
  /** Links that this node is making, by who answered. */
  readonly #linking = new Map<NodeId, Promise<void>>()
  #listeningPort: number | undefined
  #isStopped = false

  constructor(
    options: PeersOptions,
    setting: Pick<SessionSetting, 'handlers' | 'receivers' | 'failed' | 'broken'>,
  ) {
    const { self, clock, rng, log, metrics } = options
    this.#options = options
    this.#book = new AddressBook(self)
    this.#refusals = new RefusalLog(clock, log, metrics)
    this.#tries = new Tries(clock)
    this.#greeter = new Greeter({ ...options, address: () => this.#ownAddress() })
    this.#dialer = new Dialer({
      clock,
      rng,
      attempt: (address, expected) => this.#attempt(address, expected),
    })
    this.#configured = new ConfiguredPeers({
      self,
      publicAddress: options.publicAddress,
      book: this.#book,
      dialer: this.#dialer,
      isUp: (node) => this.session(node) !== undefined,
      isAnybodyUp: () => this.#upCount() > 0,
      hasSession: (node) => this.#sessions.has(node),
      wasMet: (node) => this.#wasMet(node),
    })
    this.#gossip = new Gossip({
      clock,
      listeners: () => [...this.#sessions.values()].filter((session) => session.isUp),
      known: () => this.#packed(),
      told: (from, list) => void this.told(from, list),
      list: () => this.#book.list(),
      changed: (peers) => options.changed?.(peers),
    })
    this.#setting = {
      ...setting,
      clock,
      isUp: (session) => this.#isUp(session),
      ended: (session, reason) => this.#ended(session, reason),
    }
    metrics.gauge('mesh_peers_up', 'Peers that are linked', () => this.#upCount())
    metrics.gauge('mesh_peers_known', 'Peers that are known', () => this.#book.nodes().length)
  }

  /**
   * Begins to dial and to beat.
   *
   * @throws {NetError} `BadAddress` for a configured address that cannot be read
   */
  open(): void {
    const { publicAddress } = this.#options
    if (publicAddress !== undefined) parsePeerAddress(publicAddress)
    for (const { node, addresses } of this.#options.knownPeers ?? []) {
      for (const text of addresses) this.#book.add(node, readAddress(text), 'told')
    }
    for (const text of this.#options.bootstrapPeers) this.#configured.add(text)
    for (const node of this.#book.nodes()) this.#want(node)
    this.#gossip.open()
    this.#beat()
  }

  /** Peers may dial this node at that port from now on. */
  listeningAt(port: number): void {
    this.#listeningPort = port
  }

  /** The session of a peer that is up. */
  session(node: NodeId): Session | undefined {
    const session = this.#sessions.get(node)
    return session?.isUp === true ? session : undefined
  }

  whyNot(node: NodeId): string {
    if (!this.#book.knows(node)) return 'no such node is known'
    return this.#traces.get(node)?.why ?? 'it is not linked yet'
  }

  nodes(): NodeId[] {
    return this.#book.nodes()
  }

  /** Those of the configured peers that were not met at their address, as they were written. */
  awaited(): string[] {
    return this.#configured.unmet().map(({ name }) => name)
  }

  /**
   * Where others are looked for, and what came of it. While a peer is linked: of those alone that
   * were tried in vain and never met since this node started.
   */
  misses(): Miss[] {
    if (this.#upCount() === 0)
      return this.#tries.misses([...this.#configured.unmet(), ...this.#known()])
    const unmet = this.#configured.unmet().filter(({ wasMet }) => !wasMet())
    const known = this.#known().filter(({ node }) => !this.#wasMet(node!))
    const misses = this.#tries.misses([...unmet, ...known])
    return misses.filter(({ reason, isOnce }) => reason !== undefined && !isOnce)
  }

  info(): PeerInfo[] {
    const now = this.#options.clock.monotonicMicros()
    return this.#book.list().map(({ node, addresses }) => {
      const session = this.session(node)
      const trace = this.#traces.get(node)
      const seen = session?.lastHeardMicros ?? trace?.lastSeenMicros
      return {
        node,
        addresses,
        isUp: session !== undefined,
        isConfigured: this.#book.isConfigured(node),
        lastSeenMs: seen === undefined ? undefined : Math.max(0, Math.round((now - seen) / 1000)),
        rttMs: session?.rttMs,
        hello: trace?.hello,
        why: session === undefined ? this.whyNot(node) : undefined,
      }
    })
  }

  /**
   * Adds a peer by its address and links it.
   *
   * @throws {NetError} `BadAddress`, or `PeerUnreachable` with what to do about it: nothing is noted
   *   of a peer that was not met there, since all others would be told of it
   */
  async connect(text: string): Promise<NodeId> {
    const { node, address } = parsePeerAddress(text)
    this.#tries.asked(address, node)
    const peer = await this.#attempt(address, node)
    this.#tries.met(address)
    this.#note(peer, address, 'configured')
    return peer
  }

  /** A node that is gone for good: no longer known, linked or dialled, until it comes by itself. */
  forget(node: NodeId): void {
    this.#dialer.forget(node)
    if (this.#book.forget(node)) this.#gossip.news()
    this.#sessions.get(node)?.close('it was removed')
    this.#traces.delete(node)
  }

  accept(link: Link): void {
    const leave = this.#isStopped ? undefined : this.#greeter.place(link.remote.host)
    if (leave === undefined) {
      link.close('too many handshakes at once')
      return
    }
    const admit = (hello: Hello): Denial | undefined => this.#admit(link.peer, hello)
    const role = { isDialler: false, link: 'messages', session: '', admit } as const
    this.#greeter
      .greet(link, role, (hello) => this.#opened(link, hello, false))
      .catch((error: NetError) => this.#refusals.note(link.remote.host, error))
      .finally(leave)
  }

  stop(): void {
    this.#isStopped = true
    this.#dialer.stop()
    this.#gossip.stop()
    this.#greeter.stop()
    for (const session of [...this.#sessions.values()]) session.close('that node stops')
  }

  /** Takes in what a peer knows; returns what this node does. */
  told(from: NodeId, list: unknown): unknown {
    const changed = this.#book.merge(list)
    if (changed.length > 0) {
      this.#options.log.debug({ peer: from, nodes: changed }, 'A peer told of addresses')
      for (const node of changed) this.#want(node, true)
      this.#gossip.news()
    }
    return this.#packed()
  }

  #upCount(): number {
    return this.#book.nodes().filter((node) => this.session(node) !== undefined).length
  }

  // Dialling

  #want(node: NodeId, isRenewed = false): void {
    if (!this.#book.knows(node)) return
    const target = {
      expected: node,
      addresses: () => this.#book.addresses(node),
      isSatisfied: () => this.#sessions.has(node),
      answered: () => undefined,
    }
    this.#dialer.want(node, target, isRenewed)
  }

  #note(node: NodeId, address: Address | undefined, source: 'configured' | 'said'): void {
    if (this.#book.add(node, address, source)) this.#gossip.news()
  }

  /** What a peer says of itself comes first where it names a host: it may have moved. */
  #said(peer: NodeId, hello: Hello, { remote }: Link): void {
    const address = announcedAddress(hello.address, remote)
    this.#note(peer, address, 'said')
    if (address === undefined || hello.address.startsWith(':')) return
    if (this.#book.lead(peer, address)) this.#gossip.news()
  }

  /** Links this node to who answers at an address; resolves once both links are there. */
  async #attempt(address: Address, expected: NodeId | undefined, isAgain = false): Promise<NodeId> {
    if (expected !== undefined && this.#sessions.has(expected)) return expected
    try {
      const link = await this.#dial(address, expected)
      const { peer } = link
      if (this.#sessions.has(peer) || this.#linking.has(peer)) {
        link.close('AlreadyLinked')
        await this.#linking.get(peer)
        this.#tries.met(address)
        return peer
      }
      const linking = this.#link(link).finally(() => this.#linking.delete(peer))
      this.#linking.set(peer, linking)
      await linking
      this.#tries.met(address)
      return peer
    } catch (error) {
      const peer = this.#linkedAnyway(error as NetError)
      if (peer !== undefined) {
        this.#tries.met(address)
        return peer
      }
      // A link that the peer dialled meanwhile took the place of this one: then all is well.
      const isCrossed = (error as NetError).details['refusal'] === 'NoSession'
      if (isCrossed && !isAgain) return this.#attempt(address, expected, true)
      throw this.#failure(address, expected, error as NetError)
    }
  }

  async #link(link: Link): Promise<void> {
    const opened = (hello: Hello): Session | undefined => this.#opened(link, hello, true)
    const session = await this.#greeter.greet(link, dialling('messages', ''), opened)
    // Not where the first was looked for: a name that stands for several nodes may lead to another.
    if (session !== undefined) await this.#dialBulk(session, link.reached)
  }

  async #dialBulk(session: Session, address: Address): Promise<void> {
    try {
      const link = await this.#dial(address, session.peer)
      const role = dialling('bulk', session.token)
      await this.#greeter.greet(link, role, (hello) => this.#opened(link, hello, true))
    } catch (error) {
      session.close(`its link for bytes failed: ${(error as Error).message}`)
      throw error
    }
  }

  /** Who it is, where a refusal says that there is a link, or that nobody else is there. */
  #linkedAnyway(error: NetError): NodeId | undefined {
    const { refusal, peer } = error.details
    if (refusal === 'OwnAddress' && peer === this.#options.self) return this.#options.self
    return refusal === 'AlreadyLinked' ? (peer as NodeId) : undefined
  }

  #failure(address: Address, expected: NodeId | undefined, error: NetError): NetError {
    this.#refusals.note(address.host, error)
    this.#tries.failed(address, error)
    if (expected !== undefined) this.#traceOf(expected).why = error.message
    return new NetError('PeerUnreachable', error.message, { details: { ...error.details } })
  }

  /** A link, in time or not at all: one that comes later is closed. */
  #dial(address: Address, expected: NodeId | undefined): Promise<Link> {
    const { links, clock } = this.#options
    let isLate = false
    const dialled = links.dial(address, expected)
    dialled.then(
      (link) => {
        if (isLate || this.#isStopped) link.close('too late')
      },
      () => undefined,
    )
    return withDeadline(clock, dialled, HANDSHAKE_MS_MAX, () => {
      isLate = true
      const text = `Cannot reach ${textOfAddress(address)}: no answer within ${HANDSHAKE_MS_MAX} ms`
      return new NetError('PeerUnreachable', text, { details: { system: TOO_LATE } })
    })
  }

  // Sessions

  #admit(peer: NodeId, hello: Hello): Denial | undefined {
    if (this.#isStopped) return { name: 'Stopped', sentence: 'that node stops' }
    const session = this.#sessions.get(peer)
    if (hello.link === 'bulk') return admitBulk(session, hello)
    if (session !== undefined && session.hello.start !== hello.start) {
      return session.isFresh ? twin : undefined
    }
    const isOurs = session?.isDialler ?? this.#greeter.isDialling(peer)
    if (isOurs && this.#isCanonical(true, peer)) {
      return { name: 'AlreadyLinked', sentence: 'a link the other way is there or being made' }
    }
    if (!this.#book.isFull || this.#book.knows(peer)) return undefined
    return { name: 'TooManyPeers', sentence: 'this node knows as many peers as it can' }
  }

  #opened(link: Link, hello: Hello, isDialler: boolean): Session | undefined {
    const { peer } = link
    const other = this.#sessions.get(peer)
    if (hello.link === 'bulk') {
      if (other === undefined || other.hasBulk) link.close('NoSession')
      else other.attachBulk(link)
      return other
    }
    // Links of two lives do not cross: the older one leads nowhere, whoever dialled it.
    const isSameLife = other?.hello.start === hello.start
    const isCrossing = isSameLife && other.isDialler !== isDialler
    if (this.#isStopped || (isCrossing && !this.#isCanonical(isDialler, peer))) {
      link.close('AlreadyLinked')
      return undefined
    }
    const session = new Session(link, hello, isDialler, this.#setting)
    this.#sessions.set(peer, session)
    other?.close('a newer link took its place')
    this.#traceOf(peer).hello = hello
    this.#said(peer, hello, link)
    this.#options.onHello?.(peer, hello)
    return session
  }

  /** Of two links that cross, the one that the smaller node dialled stays. */
  #isCanonical(isDialler: boolean, peer: NodeId): boolean {
    return isDialler === this.#options.self < peer
  }

  #isUp(session: Session): void {
    const { peer, remote } = session
    this.#traceOf(peer).why = undefined
    this.#options.log.info({ peer, address: textOfAddress(remote) }, 'A peer is up')
    this.#configured.dialAgain()
    this.#want(peer)
    this.#options.onUp?.(peer)
    this.#gossip.tell(session)
  }

  #ended(session: Session, reason: string): void {
    const { peer, lastHeardMicros, sinceMicros } = session
    if (this.#sessions.get(peer) !== session) return
    this.#sessions.delete(peer)
    const trace = this.#traceOf(peer)
    trace.lastSeenMicros = lastHeardMicros
    trace.why = `the link was lost: ${reason}`
    if (this.#isStopped) return
    if (session.hasBulk) {
      this.#options.log.info({ peer, reason }, 'A peer is down')
      this.#options.onDown?.(peer)
    }
    const ageMicros = this.#options.clock.monotonicMicros() - sinceMicros
    this.#dialer.lost(peer, ageMicros > STEADY_MICROS)
  }

  #beat(): void {
    this.#options.clock.after(BEAT_MS, () => {
      if (this.#isStopped) return
      for (const session of [...this.#sessions.values()]) session.beat()
      this.#beat()
    })
  }

  #traceOf(node: NodeId): Trace {
    let trace = this.#traces.get(node)
    if (trace === undefined) {
      trace = { lastSeenMicros: undefined, hello: undefined, why: undefined }
      this.#traces.set(node, trace)
    }
    return trace
  }

  #ownAddress(): string {
    const port = this.#listeningPort
    return this.#options.publicAddress ?? (port === undefined ? '' : `:${port}`)
  }

  /** Every address of those who are known. */
  #known(): Sought[] {
    return this.#book
      .nodes()
      .flatMap((node) => this.#book.addresses(node).map((address) => ({ address, node })))
  }

  #wasMet(node: NodeId): boolean {
    return this.session(node) !== undefined || this.#traces.get(node)?.hello !== undefined
  }

  #packed(): unknown {
    const { self, publicAddress } = this.#options
    const own = publicAddress === undefined ? [] : [{ node: self, addresses: [publicAddress] }]
    return packKnown([...own, ...this.#book.list()])
  }
}

type Denial = Pick<Refusal, 'name' | 'sentence'>

const twin: Denial = {
  name: 'TwinNode',
  sentence:
    'another process shows the same node key: stop one of the two; a node that was started ' +
    'anew is let in as soon as its last life is seen to be over',
}

function dialling(link: 'messages' | 'bulk', session: string): Role {
  return { isDialler: true, link, session, admit: () => undefined }
}

function admitBulk(session: Session | undefined, hello: Hello): Denial | undefined {
  const isDue = session?.token === hello.session && !session.isDialler && !session.hasBulk
  return isDue ? undefined : { name: 'NoSession', sentence: 'its messages link is gone' }
}
