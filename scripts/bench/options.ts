/** The words after `npm run bench --`, read and checked. */

import { parseArgs } from 'node:util'
import { BAD_PEERS, type BadPeer } from './bad-peer.ts'
import { LOSSES, type Loss } from './lose.ts'
import { ROWS, type Row } from './rows.ts'

export const usage = `Usage: npm run bench -- [options]

Loads an S3 server and prints what it does: rates, latencies, CPU and memory. Without an endpoint it
starts a node on a temporary folder.

  --rows A,B          only these: ${ROWS.join(', ')
    .replace(/(.{1,54})(, |$)/g, '$1,\n                      ')
    .trim()
    .replace(/,$/, '')}
  --clients 1,16,64   connections, each with one request under way
  --large-clients 1,4,16
                      those of the rows of 64 MiB: each client moves a whole object, and the disk
                      holds what one row has put
  --seconds 3         for each row; what is under way then still counts
  --turns 1           how often each row runs; the figures are medians
  --json FILE         the figures, written after every row
  --data FOLDER       where the node keeps its data (default: a folder that is removed)
  --nodes 3           three nodes on this machine; the requests go to the first

Another server instead of a node:
  --endpoint URL --key-id ID --secret KEY [--bucket NAME] [--region NAME] [--pid N,N]

A peer beside it: each row runs on both by turns, and the table compares them. Its bucket must be
there; the bench leaves ${'`bench-list/`'}, 100,000 small objects, in it for the next run.
  --peer NAME --peer-endpoint URL --peer-key-id ID --peer-secret KEY [--peer-bucket NAME]
  [--peer-region NAME] [--peer-pid N,N]

Three nodes with faults:
  --lose kill,freeze            how long requests take while a node is lost
  --bad-peer none,slow,black    memory where one node is hard to reach
`

const DEFAULT_BUCKET = 'my-bucket'
const DEFAULT_REGION = 'us-east-1'

/** An option that cannot be taken. */
export class UsageError extends Error {}

/** A server that runs already. */
export interface Target {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly bucket: string
  readonly region: string
  readonly pids: readonly number[]
}

export interface Peer extends Target {
  readonly name: string
}

export interface Options {
  readonly isHelp: boolean
  readonly rows: readonly Row[]
  readonly clients: readonly number[]
  readonly largeClients: readonly number[]
  readonly seconds: number
  readonly turns: number
  readonly nodes: 1 | 3
  readonly json: string | undefined
  readonly data: string | undefined
  readonly target: Target | undefined
  readonly peer: Peer | undefined
  readonly losses: readonly Loss[] | undefined
  readonly badPeers: readonly BadPeer[] | undefined
}

const words = {
  help: { type: 'boolean', default: false },
  rows: { type: 'string', default: ROWS.join() },
  clients: { type: 'string', default: '1,16,64' },
  'large-clients': { type: 'string', default: '1,4,16' },
  seconds: { type: 'string', default: '3' },
  turns: { type: 'string', default: '1' },
  nodes: { type: 'string', default: '1' },
  json: { type: 'string' },
  data: { type: 'string' },
  endpoint: { type: 'string' },
  'key-id': { type: 'string' },
  secret: { type: 'string' },
  bucket: { type: 'string' },
  region: { type: 'string' },
  pid: { type: 'string' },
  peer: { type: 'string' },
  'peer-endpoint': { type: 'string' },
  'peer-key-id': { type: 'string' },
  'peer-secret': { type: 'string' },
  'peer-bucket': { type: 'string' },
  'peer-region': { type: 'string' },
  'peer-pid': { type: 'string' },
  lose: { type: 'string' },
  'bad-peer': { type: 'string' },
} as const

/** @throws UsageError whose message says which option, and what was wanted */
export function optionsOf(args: readonly string[]): Options {
  const values = parsed(args)
  const { lose, nodes } = values
  const target = targetOf(values, '')
  const theirs = targetOf(values, 'peer-')
  if (values.peer !== undefined && theirs === undefined) {
    throw new UsageError('--peer needs --peer-endpoint (a slow link to a node is --bad-peer)')
  }
  if (target !== undefined && (values.data !== undefined || nodes !== '1')) {
    throw new UsageError('--endpoint is a server that runs: without --data and --nodes')
  }
  const badPeer = values['bad-peer']
  return {
    isHelp: values.help,
    rows: chosen('rows', values.rows, ROWS),
    clients: counts('clients', values.clients),
    largeClients: counts('large-clients', values['large-clients']),
    seconds: positive('seconds', values.seconds),
    turns: count('turns', values.turns),
    nodes: chosen('nodes', nodes, ['1', '3'] as const)[0] === '3' ? 3 : 1,
    ...{ json: values.json, data: values.data, target },
    peer: theirs === undefined ? undefined : { ...theirs, name: values.peer ?? 'peer' },
    losses: lose === undefined ? undefined : chosen('lose', lose, LOSSES),
    badPeers: badPeer === undefined ? undefined : chosen('bad-peer', badPeer, BAD_PEERS),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: words }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.split('. ')[0])
  }
}

type Values = ReturnType<typeof parsed>

function targetOf(values: Values, prefix: '' | 'peer-'): Target | undefined {
  const endpoint = values[`${prefix}endpoint`]
  if (endpoint === undefined) {
    const others = ['key-id', 'secret', 'bucket', 'region', 'pid'] as const
    const lone = others.find((name) => values[`${prefix}${name}`] !== undefined)
    if (lone === undefined) return undefined
    throw new UsageError(`--${prefix}${lone} needs --${prefix}endpoint`)
  }
  if (!/^http:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new UsageError(`--${prefix}endpoint ${endpoint}: wanted http://HOST:PORT`)
  }
  const accessKeyId = values[`${prefix}key-id`]
  const secretAccessKey = values[`${prefix}secret`]
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UsageError(`--${prefix}endpoint needs --${prefix}key-id and --${prefix}secret`)
  }
  const pids = values[`${prefix}pid`]
  return {
    ...{ endpoint, accessKeyId, secretAccessKey },
    bucket: values[`${prefix}bucket`] ?? DEFAULT_BUCKET,
    region: values[`${prefix}region`] ?? DEFAULT_REGION,
    pids: pids === undefined ? [] : counts(`${prefix}pid`, pids),
  }
}

/** The words of an option, each one of those that are known. */
function chosen<Word extends string>(option: string, text: string, known: readonly Word[]): Word[] {
  return text.split(',').map((word) => {
    const found = known.find((one) => one === word.trim())
    if (found !== undefined) return found
    throw new UsageError(`--${option} ${word}: wanted ${known.join(', ')}`)
  })
}

function counts(option: string, text: string): number[] {
  return text.split(',').map((word) => count(option, word))
}

function count(option: string, text: string): number {
  const value = positive(option, text)
  if (Number.isSafeInteger(value)) return value
  throw new UsageError(`--${option} ${text}: wanted a whole number`)
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`--${option} ${text}: wanted a number above 0`)
}
