/** The law of who may import whom, and the check that holds it. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

interface Layer {
  /** Folders whose doors this one may name. */
  readonly uses: readonly string[]
  /** Files that other folders may name, without `.ts`; `all` where every file is a door. */
  readonly doors: readonly string[] | 'all'
}

const apiUses = ['base', 'api/http', 'api/auth', 'store', 'model']

/** Each folder of `src/`: what it may use of others, and its own doors. */
export const layers: Readonly<Record<string, Layer>> = {
  base: { uses: [], doors: 'all' },
  crdt: { uses: ['base'], doors: 'all' },
  config: { uses: ['base'], doors: ['endpoint', 'schema', 'load'] },
  db: {
    uses: ['base'],
    doors: ['db', 'engine', 'open', 'mark', 'state-file', 'identity', 'memory', 'errors'],
  },
  net: { uses: ['base'], doors: ['loopback', 'endpoints', 'mesh', 'errors'] },
  worker: { uses: ['base'], doors: 'all' },
  cluster: {
    uses: ['base', 'crdt', 'db', 'net', 'worker'],
    doors: [
      'cluster',
      'lone',
      'bereft',
      'served',
      'members',
      'votes',
      'layout/assignment',
      'layout/first',
      'layout/forming',
      'layout/giving-up',
      'layout/history',
      'layout/layout',
      'layout/staging',
      'layout/stored',
      'layout/trackers',
      'errors',
    ],
  },
  table: {
    uses: ['base', 'crdt', 'db', 'worker', 'cluster'],
    doors: ['table', 'schema', 'rules', 'errors', 'messages', 'row'],
  },
  block: {
    uses: ['base', 'db', 'worker', 'cluster'],
    doors: ['blocks', 'open', 'replicated', 'fetch', 'slab', 'errors'],
  },
  model: { uses: ['base', 'crdt', 'db', 'worker', 'cluster', 'table', 'block'], doors: 'all' },
  'model/commands': { uses: ['base', 'crdt', 'cluster', 'table', 'model'], doors: 'all' },
  store: {
    uses: ['base', 'crdt', 'worker', 'cluster', 'table', 'block', 'model', 'model/commands'],
    doors: 'all',
  },
  'api/http': { uses: ['base'], doors: 'all' },
  'api/auth': { uses: ['base', 'api/http'], doors: 'all' },
  'api/object': { uses: ['base', 'api/http', 'store', 'model'], doors: 'all' },
  'api/s3': { uses: [...apiUses, 'api/object'], doors: ['serve'] },
  'api/s3/operations': { uses: [...apiUses, 'api/s3', 'api/object'], doors: ['index'] },
  'api/admin': {
    uses: [...apiUses, 'api/object', 'cluster', 'worker', 'block'],
    doors: ['serve', 'operation', 'answers', 'job', 'workers'],
  },
  'api/admin/operations': {
    uses: [...apiUses, 'api/object', 'api/admin', 'cluster', 'worker', 'block'],
    doors: ['index'],
  },
  'api/web': { uses: [...apiUses, 'api/object'], doors: ['serve'] },
  'node/system': { uses: ['base'], doors: 'all' },
  node: {
    uses: [
      'base',
      'config',
      'db',
      'net',
      'worker',
      'cluster',
      'table',
      'block',
      'model',
      'store',
      'api/http',
      'api/auth',
      'api/object',
      'api/s3',
      'api/admin',
      'api/web',
      'node/system',
    ],
    doors: ['node', 'credentials', 'recover', 'product', 'ground', 'closers', 'tls/judge'],
  },
  simulation: {
    uses: [
      'base',
      'net',
      'cluster',
      'db',
      'table',
      'block',
      'model',
      'store',
      'node',
      'node/system',
    ],
    doors: ['simulate', 'plant', 'plants', 'minimise', 'seeded-rng'],
  },
  cli: { uses: ['base', 'config', 'node', 'api/admin'], doors: ['cli'] },
  'cli/commands': {
    uses: [
      ...['base', 'config', 'cluster', 'node', 'simulation', 'api/admin', 'api/admin/operations'],
      'cli',
    ],
    doors: 'all',
  },
  '.': { uses: ['base', 'cli'], doors: [] },
}

/** Folders that share the room of the one above them. */
const sameRoom = new Map([
  ['cluster/layout', 'cluster'],
  ['table/owner', 'table'],
  ['table/sync', 'table'],
  ['simulation/plants', 'simulation'],
  ['simulation/properties', 'simulation'],
  ['table/wire', 'table'],
  ['block/segment', 'block'],
  ['model/rows', 'model'],
  ['model/check', 'model'],
  ['model/release', 'model'],
  ['net/peers', 'net'],
  ['net/wire', 'net'],
  ['model/layout', 'model'],
  ['store/layout', 'store'],
  ['store/object', 'store'],
  ['store/upload', 'store'],
  ['store/bucket', 'store'],
  ['api/s3/contract', 'api/s3'],
  ['api/s3/settings', 'api/s3'],
  ['store/cluster', 'store'],
  ['node/cluster', 'node'],
  ['node/space', 'node'],
  ['node/buckets', 'node'],
  ['api/http/tls', 'api/http'],
  ['cli/doctor', 'cli'],
  ['node/tls', 'node'],
  ['node/cluster/check', 'node'],
])

interface Confined {
  readonly module: RegExp
  readonly places: RegExp
}

/** Packages and built-in modules that only these files may name. */
const confined: readonly Confined[] = [
  { module: /^(node:)?(fs|fs\/promises)$/, places: /^(node\/system\/|config\/load\.ts|cli\/)/ },
  {
    module: /^(node:)?(net|tls|dgram|dns|http2|https)$/,
    places: /^(node\/system\/|api\/http\/|cli\/)/,
  },
  { module: /^(node:)?http$/, places: /^(api\/http\/|cli\/)/ },
  { module: /^(node:)?worker_threads$/, places: /^node\/system\// },
  {
    module: /^(node:)?(timers|timers\/promises|child_process|perf_hooks)$/,
    places: /^(node\/system\/|cli\/)/,
  },
  { module: /^(level|classic-level|abstract-level)$/, places: /^db\/(level|repair)\.ts$/ },
  { module: /^koa$/, places: /^api\/(http|s3|admin|web)\// },
  { module: /^pino$/, places: /^node\/system\// },
  { module: /^commander$/, places: /^cli\// },
  { module: /^(aws4|ws)$/, places: /^(cli|net|node\/system)\// },
]

interface Banned {
  readonly pattern: RegExp
  readonly places: RegExp
  readonly instead: string
}

const banned: readonly Banned[] = [
  { pattern: /\bDate\.now\(/, places: /^(node\/system|cli)\//, instead: 'the Clock port' },
  { pattern: /\bnew Date\(\)/, places: /^(node\/system|cli)\//, instead: 'the Clock port' },
  { pattern: /\bMath\.random\(/, places: /^$/, instead: 'the Rng port' },
  {
    pattern: /\brandom(Bytes|UUID|Int|FillSync|Fill)\b/,
    places: /^node\/system\//,
    instead: 'the Rng port',
  },
  {
    pattern: /\bprocess\.(hrtime|nextTick|memoryUsage)\b/,
    // The heart of virtual time lets the promises of one event run to their end.
    places: /^(node\/|cli\/|simulation\/world\.ts$)/,
    instead: 'a port',
  },
]

/** Source files below a folder, relative to it, sorted. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

/** Every import of a source text: `import`, `export from`, and `import()`. */
export function importsOf(text: string): string[] {
  const statement = /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/g
  const bare = /(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
  return [statement, bare, dynamic].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => match[1]!),
  )
}

/** What is wrong with who imports whom below `src`, a sentence each; empty when all is well. */
export function layerFaults(src: string): string[] {
  return sourceFiles(src).flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8')
    const room = roomOf(file)
    if (layers[room] === undefined) {
      return [`${file}: the folder "${room}" has no row in scripts/layers.ts`]
    }
    return [
      ...importsOf(text).flatMap((name) => importFaults(file, resolveImport(src, file, name))),
      ...bannedFaults(file, text),
    ]
  })
}

function roomOf(file: string): string {
  const folder = dirname(file)
  return sameRoom.get(folder) ?? folder
}

/** A relative import as a path below `src`; a package's name as it is. */
function resolveImport(src: string, file: string, name: string): string {
  return name.startsWith('.') ? './' + relative(src, resolve(src, dirname(file), name)) : name
}

function importFaults(file: string, name: string): string[] {
  if (!name.startsWith('./')) {
    return confined
      .filter((rule) => rule.module.test(name) && !rule.places.test(file))
      .map((rule) => `${file}: imports "${name}", which only ${rule.places.source} may`)
  }
  const target = name.slice(2)
  const [room, other] = [roomOf(file), roomOf(target)]
  if (other === room) return siblingFaults(file, target)
  const ownList = other.startsWith(`${room}/`)
  if (!ownList && !layers[room]!.uses.includes(other)) {
    return [`${file}: imports ${target}, but ${room} may not use ${other}`]
  }
  const doors = layers[other]?.doors
  const door = target.replace(/\.ts$/, '').slice(other === '.' ? 0 : other.length + 1)
  const atHome = ownList || room.startsWith(`${other}/`)
  if (atHome || doors === 'all' || doors?.includes(door)) return []
  return [`${file}: imports ${target}, which is no door of ${other}`]
}

/** Operations and commands never import one another; only their list names them. */
function siblingFaults(file: string, target: string): string[] {
  const folder = dirname(file)
  const isList = /(^|\/)(operations|commands)$/.test(folder)
  if (!isList || file.endsWith('/index.ts') || dirname(target) !== folder) return []
  return [`${file}: imports its sibling ${target}`]
}

function bannedFaults(file: string, text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  return banned
    .filter((rule) => rule.pattern.test(code) && !rule.places.test(file))
    .map((rule) => `${file}: has ${rule.pattern.source}; take ${rule.instead}`)
}
