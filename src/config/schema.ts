/** Every key of the settings file: what it holds, its default, and one sentence for the reader. */

/** How a value is read; `load.ts` has one reader for each. */
export type KeyKind =
  | 'path'
  | 'drives'
  | 'flag'
  | 'factor'
  | 'consistency'
  | 'secret'
  | 'secrets'
  | 'token'
  | 'address'
  | 'peerAddress'
  | 'peers'
  | 'region'
  | 'domain'
  | 'nodeCount'
  | 'zone'
  | 'capacity'
  | 'bucket'

export interface KeyDefinition {
  /** With its section: `s3_api.s3_region`. */
  readonly path: string
  readonly kind: KeyKind
  readonly required?: true
  readonly default?: string | number | boolean
  readonly sentence: string
  /**
   * Name in the environment, which wins, without `HANGAR_`. Secrets and tokens are also found
   * after `GARAGE_`, and each in a file that its name with `_FILE` tells.
   */
  readonly environment?: string
}

/** A key of Garage's that has no meaning here, and why. */
export interface ForeignKey {
  readonly path: string
  readonly why: string
}

/** The keys that apply. Source: Garage v2's configuration reference, the same names and values. */
export const keys: readonly KeyDefinition[] = [
  {
    path: 'metadata_dir',
    kind: 'path',
    required: true,
    sentence: 'Folder of the rows and of the identity of the node',
  },
  {
    path: 'data_dir',
    kind: 'drives',
    required: true,
    sentence: 'Folder of the blocks: a path, or a list with one table `{ path = "…" }`',
  },
  {
    path: 'metadata_fsync',
    kind: 'flag',
    default: true,
    sentence: 'Always on; `false` is answered with a warning',
  },
  {
    path: 'data_fsync',
    kind: 'flag',
    default: true,
    sentence: 'Always on; `false` is answered with a warning',
  },
  {
    path: 'replication_factor',
    kind: 'factor',
    required: true,
    sentence:
      'Copies of each object. With 1 and no peers the node serves at once; with more it answers 503 until it has a layout, whose number counts from then on (a warning names both where they differ)',
  },
  {
    path: 'consistency_mode',
    kind: 'consistency',
    default: 'consistent',
    sentence: 'Only `consistent`; the other modes lose acknowledged writes and are refused',
  },
  {
    path: 'rpc_secret',
    kind: 'secret',
    environment: 'RPC_SECRET',
    sentence:
      'What the nodes of a cluster share: 64 hex digits, from `openssl rand -hex 32`. Whoever has it is one of them',
  },
  {
    path: 'rpc_secret_previous',
    kind: 'secrets',
    sentence:
      'Secrets from before, a list of up to 3, newest first: good beside `rpc_secret` while nodes go from one to the next, one after another',
  },
  {
    path: 'rpc_secret_create',
    kind: 'flag',
    default: false,
    sentence:
      'Draws a secret into `rpc_secret_file` where there is no such file: once, for all nodes that share its folder',
  },
  {
    path: 'rpc_bind_addr',
    kind: 'address',
    sentence:
      'Where other nodes reach this one; needs rpc_secret. Absent: nothing listens for them',
  },
  {
    path: 'rpc_public_addr',
    kind: 'peerAddress',
    environment: 'RPC_PUBLIC_ADDR',
    sentence:
      'The same as others see it, host:port. Absent: that port at the host that its links come from',
  },
  {
    path: 'bootstrap_peers',
    kind: 'peers',
    sentence:
      'Other nodes, `id@host:port` or `host:port`. A node that knows of peers serves only with a layout',
  },
  {
    path: 'allow_world_readable_secrets',
    kind: 'flag',
    default: false,
    sentence: 'Takes secret files that others than the owner may read',
  },
  {
    path: 'first_layout.nodes',
    kind: 'nodeCount',
    sentence:
      'Nodes that make the first layout of their cluster by themselves, once so many with this section see each other, all empty; with this set, zone and rpc_bind_addr are too. Means nothing to a node that has a layout',
  },
  {
    path: 'first_layout.zone',
    kind: 'zone',
    environment: 'FIRST_LAYOUT_ZONE',
    sentence: 'Where this node stands: copies lie in different zones',
  },
  {
    path: 'first_layout.capacity',
    kind: 'capacity',
    sentence:
      'What this node may hold, such as `"4T"`, or a number of bytes. Absent: what is free on its drive then',
  },
  {
    path: 'first_layout.bucket',
    kind: 'bucket',
    sentence:
      'A bucket that the new cluster begins with, and a key for it, printed once, by one node, with settings for clients',
  },
  {
    path: 's3_api.s3_region',
    kind: 'region',
    default: 'garage',
    sentence: 'The region that is told to clients; requests signed for any other are taken as well',
  },
  {
    path: 's3_api.api_bind_addr',
    kind: 'address',
    sentence: 'Where S3 is served; absent: nowhere',
  },
  {
    path: 's3_api.root_domain',
    kind: 'domain',
    sentence: 'Buckets are also served under `<bucket>.<root_domain>`',
  },
  {
    path: 's3_api.tls_certificate_file',
    kind: 'path',
    sentence:
      'Serves https with this certificate: PEM, the chain after it. Needs tls_key_file; read again when it changes',
  },
  {
    path: 's3_api.tls_key_file',
    kind: 'path',
    sentence: 'The private key of tls_certificate_file: PEM, without a passphrase',
  },
  {
    path: 's3_web.bind_addr',
    kind: 'address',
    sentence: 'Where buckets are served as sites; absent: nowhere',
  },
  {
    path: 's3_web.root_domain',
    kind: 'domain',
    sentence:
      'Sites are served under `<bucket>.<root_domain>`, besides the host that is the name of the bucket',
  },
  {
    path: 's3_web.add_host_to_metrics',
    kind: 'flag',
    default: false,
    sentence: 'Counts the requests of each site by itself',
  },
  {
    path: 's3_web.tls_certificate_file',
    kind: 'path',
    sentence:
      'Serves https with this certificate: PEM, the chain after it. Needs tls_key_file; read again when it changes',
  },
  {
    path: 's3_web.tls_key_file',
    kind: 'path',
    sentence: 'The private key of tls_certificate_file: PEM, without a passphrase',
  },
  {
    path: 'admin.api_bind_addr',
    kind: 'address',
    sentence: 'Where the admin API is served; absent: nowhere',
  },
  {
    path: 'admin.tls_certificate_file',
    kind: 'path',
    sentence:
      'Serves https with this certificate: PEM, the chain after it. Needs tls_key_file; read again when it changes',
  },
  {
    path: 'admin.tls_key_file',
    kind: 'path',
    sentence: 'The private key of tls_certificate_file: PEM, without a passphrase',
  },
  {
    path: 'admin.admin_token',
    kind: 'token',
    environment: 'ADMIN_TOKEN',
    sentence: 'Bearer token of the admin API. Absent: a random one, kept in `metadata_dir`',
  },
  {
    path: 'admin.metrics_token',
    kind: 'token',
    environment: 'METRICS_TOKEN',
    sentence: 'Bearer token of /metrics; absent: open to all',
  },
  {
    path: 'admin.metrics_require_token',
    kind: 'flag',
    default: false,
    sentence: 'Closes /metrics even where no token for it is set',
  },
]

const ownEngine = 'the rows lie in LevelDB, which needs no such setting'
const noDiscovery = 'there is no discovery yet; the node waits for a layout as with bootstrap_peers'

/** Keys of Garage v2 that a file may hold and that change nothing. */
export const foreignKeys: readonly ForeignKey[] = [
  { path: 'disable_scrub', why: 'a scrub runs only when `hangar scrub` asks for it' },
  { path: 'use_local_tz', why: 'the days of lifecycle rules end at midnight of UTC, as in S3' },
  { path: 'metadata_snapshots_dir', why: 'there are no snapshots of the rows yet' },
  { path: 'metadata_auto_snapshot_interval', why: 'there are no snapshots of the rows yet' },
  { path: 'block_size', why: 'a block is always 1 MiB' },
  { path: 'compression_level', why: 'blocks are stored as they come' },
  { path: 'block_ram_buffer_max', why: 'block buffers are a fixed part of the memory budget' },
  { path: 'rpc_bind_outgoing', why: 'links leave by the address that the system chooses' },
  { path: 'rpc_public_addr_subnet', why: 'others learn the address that links come from' },
  { path: 'rpc_ping_timeout_msec', why: 'a node is down after three seconds of silence' },
  { path: 'rpc_timeout_msec', why: 'each kind of call has its own deadline' },
  { path: 'db_engine', why: ownEngine },
  { path: 'lmdb_map_size', why: ownEngine },
  { path: 'allow_punycode', why: 'bucket names follow the rules of S3' },
  { path: 'consul_discovery', why: noDiscovery },
  { path: 'kubernetes_discovery', why: noDiscovery },
  { path: 'k2v_api', why: 'there is no K2V API yet; nothing listens there' },
  { path: 's3_web.index', why: 'each site names its own index document' },
  { path: 'admin.trace_sink', why: 'there are no traces yet' },
]

/** Where S3, the admin API or sites listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 to 65,535; 0 asks the system for a free one. */
  readonly port: number
}

/** Files of a certificate and its key, absolute paths. */
export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

/** How this node takes part in a first layout that is made without a command. */
export interface FirstLayoutConfig {
  readonly nodes: number
  readonly zone: string
  readonly capacityBytes: number | undefined
  readonly bucket: string | undefined
}

/** The settings of one node, complete and checked. Deeply frozen. */
export interface Config {
  readonly metadataDir: string
  readonly dataDir: string
  readonly replicationFactor: number
  /** The file names other nodes, or a way to find them. */
  readonly knowsPeers: boolean
  readonly rpc: {
    readonly bind: ListenAddress | undefined
    readonly publicAddress: string | undefined
    readonly secret: string | undefined
    readonly previousSecrets: readonly string[]
    readonly bootstrapPeers: readonly string[]
  }
  readonly firstLayout: FirstLayoutConfig | undefined
  readonly s3: {
    readonly bind: ListenAddress | undefined
    readonly tls: TlsFiles | undefined
    readonly region: string
    readonly rootDomain: string | undefined
  }
  readonly web: {
    readonly bind: ListenAddress | undefined
    readonly tls: TlsFiles | undefined
    readonly rootDomain: string | undefined
    readonly addHostToMetrics: boolean
  }
  readonly admin: {
    readonly bind: ListenAddress | undefined
    readonly tls: TlsFiles | undefined
    readonly adminToken: string | undefined
    readonly metricsToken: string | undefined
    readonly metricsRequireToken: boolean
  }
  /** For people: what the file says and this node does not do. */
  readonly warnings: readonly string[]
}
