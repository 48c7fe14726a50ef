/**
 * One node of a chaos cluster, as a process of its own: the product as it is, but its dials go
 * through relays, its wall clock can be set apart, and its grace is short.
 */

import { Socket } from 'node:net'
import { startNode } from '../../src/node/node.ts'
import { optionsOf } from '../../src/node/options.ts'
import { loadConfig } from '../../src/config/load.ts'

/** What the process is told: as JSON in its arguments. */
export interface NodeOrders {
  readonly settings: string
  readonly graceMs: number
  readonly clockOffsetMs: number
  /** From the port that a peer listens on to that of the relay before it. */
  readonly relays: Readonly<Record<string, number>>
}

const orders = JSON.parse(process.argv[2]!) as NodeOrders

let clockOffsetMs = orders.clockOffsetMs
const wallMs = Date.now
Date.now = () => wallMs.call(Date) + clockOffsetMs
process.on('message', (message: { readonly clockOffsetMs: number }) => {
  clockOffsetMs = message.clockOffsetMs
})
process.channel?.unref()

interface Dial {
  port?: number
}

// Here and not by addresses: those travel among the nodes, and each dialler has relays of its own.
const prototype = Socket.prototype as unknown as { connect: (...words: unknown[]) => Socket }
// oxlint-disable-next-line typescript/unbound-method -- it is called on each socket, see below
const connect = prototype.connect
prototype.connect = function connectThroughRelay(this: Socket, ...words: unknown[]): Socket {
  const [first] = words
  const dial = (Array.isArray(first) ? (first[0] as unknown) : first) as Dial
  const relay = orders.relays[`${dial.port}`]
  if (relay !== undefined) dial.port = relay
  return connect.apply(this, words)
}

const end = (error: unknown): void => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}
process.on('uncaughtException', end)
process.on('unhandledRejection', end)

const node = await startNode({
  ...optionsOf(loadConfig(orders.settings, process.env)),
  graceMs: orders.graceMs,
  log: 'stdout',
  onFatal: end,
})
process.once('SIGTERM', () => {
  node.stop().then(() => process.exit(0), end)
})
