/** What a node is told at its start. */

import { join, resolve } from 'node:path'
import type { Log } from '../base/log.ts'
import type { Config, ListenAddress, TlsFiles } from '../config/schema.ts'
import type { GivenKey } from './cluster/first-key.ts'

export interface ListenOptions {
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0, the default, takes any free one. */
  readonly port?: number
  /** Takes the next free port when this one is taken. */
  readonly orNext?: boolean
  /** Serves https with these; they are read again when they change. @default plain http */
  readonly tls?: TlsFiles | undefined
}

export interface NodeOptions {
  /** Holds both folders below; instead of naming each. */
  readonly data?: string
  /** Rows and identity. @default `meta` in `data` */
  readonly metadataDir?: string
  /** Blocks. @default `blocks` in `data` */
  readonly dataDir?: string
  /** @default 1 */
  readonly replicationFactor?: number
  /** The settings name other nodes: then this one serves only with a layout. */
  readonly knowsPeers?: boolean
  /** Speaks to other nodes; absent: a node that knows none, and opens no port for them. */
  readonly rpc?: {
    /** Where links are taken; absent: this node only dials. */
    readonly bind?: ListenAddress | undefined
    /** The same as others see it, `host:port`. @default the host that its links come from */
    readonly publicAddress?: string | undefined
    /** What all nodes of the cluster share: 64 hex digits. */
    readonly secret: string
    /** Good beside it, newest first. */
    readonly previousSecrets?: readonly string[]
    /** `ID@host:port` or `host:port`. */
    readonly bootstrapPeers?: readonly string[] | undefined
  }
  /**
   * Makes the first layout with other nodes that wish for the same, without a command: once so
   * many are up, all of them empty. Means nothing to a node that has a layout.
   */
  readonly firstLayout?: {
    readonly nodes: number
    readonly zone: string
    /** @default what is free on its drive then */
    readonly capacityBytes?: number | undefined
    /** The new cluster begins with it, and with a key for it. @default none */
    readonly bucket?: string | undefined
  }
  /** Told once in a cluster's life, on one node: the key of `firstLayout.bucket`. */
  readonly onFirstKey?: (given: GivenKey) => void
  readonly s3?: ListenOptions & {
    /** @default 'us-east-1' */
    readonly region?: string
    /** Buckets are also served below these, and always below `s3.localhost`. */
    readonly rootDomains?: readonly string[]
    /** Lets pages of any localhost origin in. @default false */
    readonly devCors?: boolean
    /** For tests alone: when the answer to a long copy begins before its end. @default 10 s */
    readonly earlyAnswerMs?: number
  }
  readonly admin?: ListenOptions & {
    /** Bearer token. Absent: drawn once and kept in the metadata folder. */
    readonly token?: string
    readonly metricsToken?: string
    readonly metricsRequireToken?: boolean
  }
  readonly web?: ListenOptions & {
    /** Sites are also found below it, and always below `web.localhost` and `localhost`. */
    readonly rootDomain?: string | undefined
    /** Counts each site by itself. @default false */
    readonly addHostToMetrics?: boolean
  }
  /** How long blocks without references are kept. @default 10 minutes */
  readonly graceMs?: number
  /** For tests alone: what the rules of lifecycles count as a day. @default 24 hours */
  readonly lifecycleDayMs?: number
  /** Where log lines go. @default nowhere */
  readonly log?: 'stdout' | 'stderr' | Log
  /**
   * Told once, a sentence, when the node cannot go on: nothing is acknowledged any more, and the
   * caller should stop it. By default the sentence is only logged.
   */
  readonly onFatal?: (sentence: string) => void
}

export interface Folders {
  readonly metadata: string
  readonly blocks: string
  /** What people call the data of this node. */
  readonly data: string
}

/** @throws {TypeError} when the options name no folder */
export function foldersOf(options: NodeOptions): Folders {
  const { data } = options
  const metadata = options.metadataDir ?? (data === undefined ? undefined : join(data, 'meta'))
  const blocks = options.dataDir ?? (data === undefined ? undefined : join(data, 'blocks'))
  if (metadata === undefined || blocks === undefined) {
    throw new TypeError('Cannot start a node: give "data", or "metadataDir" and "dataDir"')
  }
  return { metadata: resolve(metadata), blocks: resolve(blocks), data: resolve(data ?? blocks) }
}

/** The options that a settings file comes to. */
export function optionsOf(config: Config): NodeOptions {
  const { rpc, s3, admin, web } = config
  const { bind, publicAddress, secret, previousSecrets, bootstrapPeers } = rpc
  const speaks = bind !== undefined || bootstrapPeers.length > 0
  return {
    metadataDir: config.metadataDir,
    dataDir: config.dataDir,
    replicationFactor: config.replicationFactor,
    knowsPeers: config.knowsPeers,
    ...(config.firstLayout === undefined ? {} : { firstLayout: config.firstLayout }),
    ...(speaks && secret !== undefined
      ? { rpc: { bind, publicAddress, secret, previousSecrets, bootstrapPeers } }
      : {}),
    ...part('s3', s3.bind, {
      tls: s3.tls,
      region: s3.region,
      ...(s3.rootDomain === undefined ? {} : { rootDomains: [s3.rootDomain] }),
    }),
    ...part('admin', admin.bind, {
      tls: admin.tls,
      metricsRequireToken: admin.metricsRequireToken,
      ...(admin.adminToken === undefined ? {} : { token: admin.adminToken }),
      ...(admin.metricsToken === undefined ? {} : { metricsToken: admin.metricsToken }),
    }),
    ...part('web', web.bind, {
      tls: web.tls,
      rootDomain: web.rootDomain,
      addHostToMetrics: web.addHostToMetrics,
    }),
  }
}

/** A door that has an address; nothing for one that has none. */
function part<Name extends string, More extends object>(
  name: Name,
  bind: ListenAddress | undefined,
  more: More,
): { readonly [N in Name]?: ListenAddress & More } {
  if (bind === undefined) return {}
  return { [name]: { ...bind, ...more } } as { readonly [N in Name]: ListenAddress & More }
}
