/** Why a node has not met others, and what mends it, by what GetClusterStatus tells. */

import type { ClusterStatusAnswer } from '../../api/admin/answers.ts'

type Unmet = NonNullable<ClusterStatusAnswer['unmetPeers']>[number]
type Reason = NonNullable<Unmet['reason']>

/** Addresses that fail for one reason. */
export interface UnmetFinding {
  /** What is wrong, without a full stop. */
  readonly sentence: string
  readonly mend: string
  /** It may be over by itself, or not much waits for it. */
  readonly isMinor: boolean
}

interface Words {
  readonly what: (at: string) => string
  readonly mend: string
}

/** Addresses named in one sentence. */
const NAMED_MAX = 4

const words: Readonly<Record<Exclude<Reason, 'turned-away'>, Words>> = {
  refused: {
    what: (at) => `nobody listens at ${at} (connection refused)`,
    mend: 'Start the node there, or correct the address: its port is that of rpc_bind_addr.',
  },
  'unknown-name': {
    what: (at) => `the name of ${at} is not found`,
    mend: 'Correct the name in bootstrap_peers, or make it known: `getent hosts NAME` asks for it.',
  },
  'names-unanswered': {
    what: (at) => `no name server says where ${at} is`,
    mend: 'Look at /etc/resolv.conf and who is named there: `getent hosts NAME` asks again.',
  },
  timeout: {
    what: (at) => `no answer in time from ${at}`,
    mend: 'Is the machine up? Open its port in every firewall between: `nc -vz HOST PORT` tries it.',
  },
  unreachable: {
    what: (at) => `no way leads to ${at}`,
    mend: 'Look at the routes and the network of both machines: `ip route get ADDRESS`.',
  },
  certificate: {
    what: (at) => `whoever answers shows no certificate of a node: ${at}`,
    mend: 'Give the address of rpc_bind_addr there, not that of S3, the web or the admin API.',
  },
  'other-key': {
    what: (at) => `another node than the one that was named answers at ${at}`,
    mend: 'Correct the id or the address: `hangar node id` prints both there.',
  },
  'wrong-secret': {
    what: (at) => `another rpc_secret is used at ${at}`,
    mend: 'Give both nodes the same rpc_secret, and start them again.',
  },
  'other-cluster': {
    what: (at) => `a cluster with data of its own is at ${at}, and this node has data too`,
    mend: 'Start the node that shall join with empty folders.',
  },
}

/** One for each reason; none while the node looks for nobody. */
export function unmetFindings({ nodes, unmetPeers = [] }: ClusterStatusAnswer): UnmetFinding[] {
  // The node itself is one of those that are up.
  const isLinked = nodes.filter(({ isUp }) => isUp).length > 1
  const begin = isLinked ? 'not every node is met' : 'no other node is met'
  const groups = new Map<string, Unmet[]>()
  for (const peer of unmetPeers) {
    const { address, reason, isOnce } = peer
    const key = `${reason === 'turned-away' ? address : reason} ${isOnce}`
    groups.set(key, [...(groups.get(key) ?? []), peer])
  }
  return [...groups.values()].map((peers) => {
    const [first] = peers
    const { reason, isOnce } = first!
    return {
      sentence: `${begin}: ${whatOf(first!, namesOf(peers))}`,
      mend: mendOf(first!),
      isMinor: isLinked || isOnce || reason === null,
    }
  })
}

/** What to do about one address. */
export function mendOf({ address, node, reason, isOnce }: Unmet): string {
  if (reason === null) return 'It is being tried: ask again in some seconds.'
  const [, host = address, port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  const mend =
    reason === 'turned-away'
      ? 'The log of the node there says more.'
      : words[reason].mend.replace('PORT', port).replace(/\b(?:HOST|NAME|ADDRESS)\b/, host)
  const whole = node === undefined ? address : `${node}@${address}`
  return isOnce ? `${mend} Then: hangar join ${whole}` : mend
}

function whatOf({ reason, error }: Unmet, at: string): string {
  if (reason === null) return `no answer yet from ${at}`
  if (reason !== 'turned-away') return words[reason].what(at)
  return error === null ? `turned away at ${at}` : error[0]!.toLowerCase() + error.slice(1)
}

function namesOf(peers: readonly Unmet[]): string {
  const names = peers.slice(0, NAMED_MAX).map(({ address }) => address)
  const more = peers.length - names.length
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
