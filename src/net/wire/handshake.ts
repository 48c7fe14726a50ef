/**
 * The first words on a link: both ends prove that they hold the cluster's secret, on this very
 * channel, and say who they are.
 *
 * The dialling end says hello, the listening end answers with its own, the dialling end says ready.
 * Whoever refuses says why, by name and in a sentence, and closes.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Epoch } from '../../base/ballot.ts'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { pack } from '../../base/codec.ts'
import type { NodeId } from '../../base/ids.ts'
import { HANDSHAKE_MS_MAX, SECRETS_MAX } from '../../base/limits.ts'
import type { Link } from '../../base/links.ts'
import { decodeFrames, encodeFrame, openMessage, type Frame } from './frame.ts'

/** Versions of the protocol that this program speaks. */
export const PROTOCOL_MIN = 1
export const PROTOCOL_MAX = 1

const MAGIC = 'hangar mesh'
const PROOF_LABEL = 'hangar mesh proof 1'
const CLOCK_APART_MICROS_MAX = 60_000_000
const SENTENCE_LENGTH_MAX = 400
const ADDRESS_LENGTH_MAX = 300

export type LinkKind = 'messages' | 'bulk'

/** What a node says of itself; nothing here is believed before the proof. */
export interface Hello {
  readonly link: LinkKind
  /** One life of the process, drawn at its start. */
  readonly start: string
  /** Of a bulk link: the token of the messages link that it goes with. */
  readonly session: string
  readonly clusterId: string | undefined
  readonly incarnation: string
  readonly epoch: Epoch
  /** `host:port`, or `:port` at the host that the link comes from, or nothing. */
  readonly address: string
  /** Copies that this node's configuration or layout asks for. */
  readonly replicationFactor: number
  readonly wallMicros: number
}

export type RefusalName =
  | 'BadHello'
  | 'UnknownVersion'
  | 'WrongSecret'
  | 'OwnKey'
  /** The dialled address leads back to this very process. */
  | 'OwnAddress'
  | 'OtherCluster'
  /** Another process shows this node's key while the first is there. */
  | 'TwinNode'
  /** A link to this node is there or being made. */
  | 'AlreadyLinked'
  | 'NoSession'
  | 'TooManyPeers'
  | 'Stopped'
  | 'TooSlow'
  | 'Lost'

export interface Refusal {
  readonly name: RefusalName
  /** What to do about it, for operators. */
  readonly sentence: string
  readonly by: 'us' | 'peer'
}

export interface Greeting {
  readonly link: Link
  readonly isDialler: boolean
  readonly self: NodeId
  readonly secrets: readonly Uint8Array[]
  readonly clock: Clock
  readonly own: Hello
  /** The listening end's last word on a peer that proved the secret. */
  readonly admit: (hello: Hello) => Pick<Refusal, 'name' | 'sentence'> | undefined
  /** Told in the same turn as the last message, so that what follows it is not missed. */
  readonly opened: (hello: Hello, clockApartMicros: number) => void
  readonly failed: (refusal: Refusal) => void
}

/** Runs the handshake; the returned function gives it up. */
export function greet(greeting: Greeting): (refusal: Refusal) => void {
  const handshake = new Handshake(greeting)
  handshake.start()
  return (refusal) => handshake.fail(refusal)
}

class Handshake {
  readonly #greeting: Greeting
  readonly #cancel: () => void
  #isOver = false
  #peer: Hello | undefined

  constructor(greeting: Greeting) {
    this.#greeting = greeting
    const late = "the handshake took too long: is the network slow, or is this no node's address?"
    this.#cancel = greeting.clock.after(HANDSHAKE_MS_MAX, () => this.#refuse('TooSlow', late))
  }

  start(): void {
    const { link, isDialler } = this.#greeting
    if (isDialler) this.#sayHello()
    link.listen({
      message: (bytes) => this.#take(bytes),
      drained: () => undefined,
      closed: (reason) => {
        const name = isRefusalName(reason) ? reason : 'Lost'
        this.fail({ name, sentence: `the connection ended: ${reason}`, by: 'peer' })
      },
    })
  }

  fail(refusal: Refusal): void {
    if (this.#isOver) return
    this.#end()
    this.#greeting.link.close(refusal.name)
    this.#greeting.failed(refusal)
  }

  #end(): void {
    this.#isOver = true
    this.#cancel()
  }

  #sayHello(): void {
    // The listening end says again what the link is for.
    const { link, session } = this.#peer ?? this.#greeting.own
    const payload = packHello(this.#greeting, { ...this.#greeting.own, link, session })
    this.#greeting.link.send(encodeFrame({ kind: 'hello', payload }))
  }

  #take(bytes: Uint8Array): void {
    if (this.#isOver) return
    let frames: Frame[]
    try {
      frames = [...decodeFrames(bytes)]
    } catch (error) {
      this.#refuse('BadHello', (error as Error).message)
      return
    }
    const [frame] = frames
    if (frames.length !== 1 || frame === undefined) this.#refuse('BadHello', 'one frame is due')
    else if (frame.kind === 'refused') this.#refused(frame)
    else if (frame.kind === 'hello' && this.#peer === undefined) this.#greeted(frame.payload)
    else if (frame.kind === 'ready' && this.#peer !== undefined) this.#open(this.#peer)
    else this.#refuse('BadHello', `a frame "${frame.kind}" before the handshake is over`)
  }

  #refused(frame: { readonly name: string; readonly sentence: string }): void {
    const name = (isRefusalName(frame.name) ? frame.name : 'BadHello') satisfies RefusalName
    const sentence = clean(frame.sentence.slice(0, SENTENCE_LENGTH_MAX))
    this.fail({ name, sentence: `the peer refuses: ${sentence}`, by: 'peer' })
  }

  #greeted(payload: Uint8Array): void {
    const { link, isDialler, clock } = this.#greeting
    const checked = checkHello(this.#greeting, payload)
    if ('name' in checked) {
      this.#refuse(checked.name, checked.sentence)
      return
    }
    this.#peer = checked
    if (!isDialler) {
      this.#sayHello()
      return
    }
    link.send(encodeFrame({ kind: 'ready' }))
    this.#open(checked, clock.wallMicros())
  }

  #open(hello: Hello, wallMicros = this.#greeting.clock.wallMicros()): void {
    this.#end()
    const apart = hello.wallMicros - wallMicros
    this.#greeting.opened(hello, Math.abs(apart) > CLOCK_APART_MICROS_MAX ? apart : 0)
  }

  #refuse(name: RefusalName, sentence: string): void {
    if (this.#isOver) return
    this.#greeting.link.send(
      encodeFrame({ kind: 'refused', name, sentence: sentence.slice(0, 400) }),
    )
    this.fail({ name, sentence, by: 'us' })
  }
}

function packHello(greeting: Greeting, own: Hello): Uint8Array {
  const { secrets } = greeting
  const role = greeting.isDialler ? 'dialler' : 'listener'
  return pack([
    MAGIC,
    PROTOCOL_MIN,
    PROTOCOL_MAX,
    secrets.slice(0, SECRETS_MAX).map((secret) => proofOf(secret, role, greeting)),
    own.link,
    own.start,
    own.session,
    own.clusterId ?? '',
    own.incarnation,
    own.epoch.layout,
    own.epoch.readmissions,
    own.address,
    own.replicationFactor,
    own.wallMicros,
  ])
}

type Denial = Pick<Refusal, 'name' | 'sentence'>

/** The peer's hello, or why it is refused: version first, then the secret, then all else. */
function checkHello(greeting: Greeting, payload: Uint8Array): Hello | Denial {
  let parts: unknown
  try {
    parts = openMessage(payload)
  } catch (error) {
    return { name: 'BadHello', sentence: (error as Error).message }
  }
  if (!Array.isArray(parts) || parts[0] !== MAGIC) {
    return { name: 'BadHello', sentence: 'this is the port of a Hangar mesh: check the address' }
  }
  const [, least, most, proofs, ...rest] = parts as readonly unknown[]
  if (!isCount(least) || !isCount(most) || least > PROTOCOL_MAX || most < PROTOCOL_MIN) {
    const known = `${PROTOCOL_MIN} to ${PROTOCOL_MAX}`
    const sentence = `versions ${known} of the protocol are spoken here: update the older node`
    return { name: 'UnknownVersion', sentence }
  }
  if (!isProven(greeting, proofs)) {
    const sentence = 'the cluster secret differs: give both nodes the same rpc_secret'
    return { name: 'WrongSecret', sentence }
  }
  const hello = readHello(rest)
  const { own, isDialler } = greeting
  const isOfLink = hello?.link === own.link && hello.session === own.session
  if (hello === undefined || (isDialler && !isOfLink)) {
    return { name: 'BadHello', sentence: 'a field of the hello is missing' }
  }
  return denialOf(greeting, hello) ?? hello
}

function denialOf(greeting: Greeting, hello: Hello): Denial | undefined {
  const { own, self, link } = greeting
  if (link.peer === self && hello.start === own.start) {
    return { name: 'OwnAddress', sentence: 'this is an address of this very node' }
  }
  if (link.peer === self) {
    const sentence =
      'two nodes run with one key: one of them is a copy of the other; give it an own identity ' +
      '(an empty metadata_dir)'
    return { name: 'OwnKey', sentence }
  }
  const [ours, theirs] = [own.clusterId, hello.clusterId]
  if (ours !== undefined && theirs !== undefined && ours !== theirs) {
    const sentence =
      `cluster "${short(ours)}" and cluster "${short(theirs)}" both have data and cannot become ` +
      'one: start the node that shall join with empty directories'
    return { name: 'OtherCluster', sentence }
  }
  return greeting.admit(hello)
}

/** Bound to the channel and to both ends: of no use on another connection or the way back. */
function proofOf(
  secret: Uint8Array,
  role: 'dialler' | 'listener',
  greeting: Pick<Greeting, 'link' | 'self' | 'isDialler'>,
): Uint8Array {
  const { link, self, isDialler } = greeting
  const [dialler, listener] = isDialler ? [self, link.peer] : [link.peer, self]
  const text = utf8([PROOF_LABEL, role, dialler, listener, ''].join('\n'))
  return createHmac('sha256', secret).update(concatBytes(text, link.channel)).digest()
}

function isProven(greeting: Greeting, proofs: unknown): boolean {
  if (!Array.isArray(proofs) || proofs.length > SECRETS_MAX) return false
  const role = greeting.isDialler ? 'listener' : 'dialler'
  return greeting.secrets.some((secret) => {
    const wanted = proofOf(secret, role, greeting)
    return proofs.some(
      (proof: unknown) =>
        proof instanceof Uint8Array &&
        proof.length === wanted.length &&
        timingSafeEqual(proof, wanted),
    )
  })
}

function readHello(fields: readonly unknown[]): Hello | undefined {
  const [link, start, session, clusterId, incarnation, layout, readmissions] = fields
  const [address, replicationFactor, wallMicros] = fields.slice(7)
  if (link !== 'messages' && link !== 'bulk') return undefined
  if (!isHex(start) || !isHex(session) || !isHex(clusterId) || !isHex(incarnation)) return undefined
  if (!isCount(layout) || !isCount(readmissions) || !isCount(replicationFactor)) return undefined
  if (typeof address !== 'string' || address.length > ADDRESS_LENGTH_MAX) return undefined
  if (!Number.isSafeInteger(wallMicros)) return undefined
  return {
    link,
    start,
    session,
    clusterId: clusterId === '' ? undefined : clusterId,
    incarnation,
    epoch: { layout, readmissions },
    address,
    replicationFactor,
    wallMicros: wallMicros as number,
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{0,64}$/.test(value)
}

function short(id: string): string {
  return id.slice(0, 8)
}

/** A peer's words go to logs and answers: no control characters. */
function clean(sentence: string): string {
  return sentence.replace(/\p{C}/gu, ' ')
}

const refusalNames: Readonly<Record<RefusalName, true>> = {
  BadHello: true,
  UnknownVersion: true,
  WrongSecret: true,
  OwnKey: true,
  OwnAddress: true,
  OtherCluster: true,
  TwinNode: true,
  AlreadyLinked: true,
  NoSession: true,
  TooManyPeers: true,
  Stopped: true,
  TooSlow: true,
  Lost: true,
}

function isRefusalName(name: string): name is RefusalName {
  return Object.hasOwn(refusalNames, name)
}
