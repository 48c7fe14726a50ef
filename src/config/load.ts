/** The one reading of settings: file, environment and secret files become a frozen Config. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { ConfigError } from './errors.ts'
import type { ConfigFault } from './errors.ts'
import { keyLines, lineOf } from './key-lines.ts'
import type { KeyLines } from './key-lines.ts'
import { nearestOf } from './nearest.ts'
import { foreignKeys, keys } from './schema.ts'
import type { Config, FirstLayoutConfig, KeyDefinition, ListenAddress, TlsFiles } from './schema.ts'
import { readers, ValueFault } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Draws a secret into a file that is not there yet; one that others drew meanwhile stays. */
export type DrawSecret = (file: string, metadataDir: string) => void

/** What is known while a file is being judged. */
interface Reading {
  readonly drawSecret: DrawSecret | undefined
  readonly environment: Environment
  readonly lines: KeyLines
  /** Every value of the file by its path; tables that are known sections are opened. */
  readonly found: Map<string, unknown>
  readonly values: Map<string, unknown>
  readonly faults: ConfigFault[]
  readonly warnings: string[]
}

const sections = new Set(
  [...keys, ...foreignKeys].flatMap(({ path }) =>
    path.includes('.') ? [path.split('.')[0]!] : [],
  ),
)
const secretKeys = keys.filter(({ kind }) => kind === 'secret' || kind === 'token')
const secretFilePaths = new Set(secretKeys.map((key) => `${key.path}_file`))

/**
 * Reads the settings file and everything that it points to.
 *
 * @param drawSecret called where the file asks for a secret that is not there yet
 * @throws {ConfigError} `Unreadable`, or `Invalid` with all faults and their lines
 */
export function loadConfig(
  path: string,
  environment: Environment = process.env,
  drawSecret?: DrawSecret,
): Config {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(
      'Unreadable',
      `Cannot read the settings file "${path}": ${reason(cause)}`,
      {
        cause,
      },
    )
  }
  return readConfig(text, path, environment, drawSecret)
}

/**
 * Judges the text of a settings file.
 *
 * @throws {ConfigError} `Invalid` with all faults and their lines
 */
export function readConfig(
  text: string,
  path: string,
  environment: Environment,
  drawSecret?: DrawSecret,
): Config {
  const reading: Reading = {
    environment,
    drawSecret,
    lines: keyLines(text),
    found: openSections(parseToml(text, path)),
    values: new Map(),
    faults: [],
    warnings: [],
  }
  judgeNames(reading)
  for (const key of keys) {
    if (!secretKeys.includes(key)) readKey(reading, key)
  }
  for (const key of secretKeys) readSecretKey(reading, key)
  judgeRelations(reading)
  if (reading.faults.length > 0) throw invalid(path, reading.faults)
  return freeze(assemble(reading))
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' })
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const firstLine = cause.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
    throw invalid(path, [{ line: cause.line, text: `this is not TOML: ${firstLine}` }])
  }
}

function invalid(path: string, faults: readonly ConfigFault[]): ConfigError {
  const sorted = faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const lines = sorted.map(({ line, text }) =>
    line === undefined ? `  ${path}: ${text}` : `  ${path}:${line}: ${text}`,
  )
  const count = sorted.length === 1 ? 'one fault' : `${sorted.length} faults`
  return new ConfigError('Invalid', `Cannot use the settings file: ${count}\n${lines.join('\n')}`, {
    faults: sorted,
  })
}

function openSections(document: Record<string, unknown>): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, value] of Object.entries(document)) {
    found.set(name, value)
    if (!sections.has(name) || !isTable(value)) continue
    found.delete(name)
    for (const [key, inner] of Object.entries(value)) found.set(`${name}.${key}`, inner)
  }
  return found
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Refuses unknown keys; warns of those that are Garage's alone. */
function judgeNames(reading: Reading): void {
  const known = new Set([...keys.map((key) => key.path), ...secretFilePaths])
  const foreign = new Map(foreignKeys.map((key) => [key.path, key.why]))
  const all = [...known, ...foreign.keys()]
  for (const path of reading.found.keys()) {
    const why = foreign.get(path) ?? foreign.get(path.split('.')[0]!)
    if (known.has(path)) continue
    if (why !== undefined) reading.warnings.push(`${path} means nothing here: ${why}`)
    else if (path === 'replication_mode') {
      fault(reading, path, 'replication_mode is of old: write replication_factor')
    } else if (sections.has(path)) fault(reading, path, `${path} is a section: write [${path}]`)
    else {
      const nearest = nearestOf(path, [...all, ...sections])
      const hint =
        nearest === undefined ? 'doc/configuration.md lists all' : `did you mean ${nearest}?`
      fault(reading, path, `unknown key ${path}: ${hint}`)
    }
  }
}

function fault(reading: Reading, path: string, text: string): void {
  reading.faults.push({ line: lineOf(reading.lines, path), text })
}

function readKey(reading: Reading, key: KeyDefinition): void {
  const name = `HANGAR_${key.environment}`
  const told = key.environment === undefined ? undefined : reading.environment[name]
  if (told !== undefined) {
    take(reading, key, told, name)
    return
  }
  const raw = reading.found.get(key.path)
  if (raw === undefined) {
    if (key.required) fault(reading, '', `${key.path} is missing: ${key.sentence}`)
    if (key.default !== undefined) reading.values.set(key.path, key.default)
    return
  }
  take(reading, key, raw, key.path)
}

/** Runs the reader of a key on a value that came from `source`. */
function take(reading: Reading, key: KeyDefinition, raw: unknown, source: string): void {
  try {
    reading.values.set(key.path, readers[key.kind](raw))
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error
    fault(reading, source, `${source}: ${error.message}`)
  }
}

/** A secret stands in the file, in a file of its own, or in the environment, which wins. */
function readSecretKey(reading: Reading, key: KeyDefinition): void {
  const fromEnvironment = ['HANGAR', 'GARAGE']
    .map((prefix) => `${prefix}_${key.environment}`)
    .flatMap((name) => [
      { source: name, text: reading.environment[name], file: undefined },
      { source: `${name}_FILE`, text: undefined, file: reading.environment[`${name}_FILE`] },
    ])
  const fileOfKey = reading.found.get(`${key.path}_file`)
  const inFile = [
    { source: key.path, text: reading.found.get(key.path), file: undefined },
    { source: `${key.path}_file`, text: undefined, file: fileOfKey },
  ]
  for (const places of [fromEnvironment, inFile]) {
    const given = places.filter(({ text, file }) => text !== undefined || file !== undefined)
    const [first, second] = given
    if (first === undefined) continue
    if (second !== undefined) {
      fault(reading, second.source, `${first.source} and ${second.source}: give one of them`)
      return
    }
    const text = first.file === undefined ? first.text : secretFrom(reading, first)
    if (text !== undefined) take(reading, key, text, first.source)
    return
  }
}

function secretFrom(
  reading: Reading,
  place: { readonly source: string; readonly file: unknown },
): string | undefined {
  const { source, file } = place
  if (typeof file !== 'string' || file === '') {
    fault(reading, source, `${source}: wanted the path of a file in quotes`)
    return undefined
  }
  try {
    if (/rpc_secret_file$/i.test(source)) drawMissing(reading, file)
    if ((statSync(file).mode & 0o077) !== 0 && !worldReadableAllowed(reading)) {
      fault(
        reading,
        source,
        `${source}: others may read "${file}": run \`chmod 600 ${file}\`, or set allow_world_readable_secrets = true`,
      )
      return undefined
    }
    return readFileSync(file, 'utf8').trimEnd()
  } catch (cause) {
    fault(reading, source, `${source}: cannot read "${file}": ${reason(cause)}`)
    return undefined
  }
}

/** @throws what it throws that draws */
function drawMissing({ values, drawSecret }: Reading, file: string): void {
  const folder = values.get('metadata_dir')
  if (values.get('rpc_secret_create') !== true || typeof folder !== 'string') return
  if (!existsSync(file)) drawSecret?.(resolve(file), resolve(folder))
}

function worldReadableAllowed(reading: Reading): boolean {
  const name = 'ALLOW_WORLD_READABLE_SECRETS'
  const word = reading.environment[`HANGAR_${name}`] ?? reading.environment[`GARAGE_${name}`]
  return word === undefined
    ? reading.values.get('allow_world_readable_secrets') === true
    : word === 'true' || word === '1'
}

/** What only two keys together can get wrong. */
function judgeRelations(reading: Reading): void {
  const { values, warnings } = reading
  for (const path of ['metadata_fsync', 'data_fsync']) {
    if (values.get(path) === false)
      warnings.push(`${path} = false changes nothing: syncing stays on`)
  }
  const metadata = values.get('metadata_dir') as string | undefined
  const data = values.get('data_dir') as string | undefined
  if (metadata !== undefined && data !== undefined && resolve(metadata) === resolve(data)) {
    fault(reading, 'data_dir', 'data_dir is the same folder as metadata_dir: give each its own')
  }
  judgePorts(reading)
  for (const section of ['s3_api', 's3_web', 'admin']) judgeTls(reading, section)
  const factor = values.get('replication_factor') as number | undefined
  const speaks = values.get('rpc_bind_addr') !== undefined
  const needsSecret = (factor ?? 1) > 1 || speaks || knowsPeers(reading)
  if (needsSecret && values.get('rpc_secret') === undefined && !secretIsFaulty(reading)) {
    fault(
      reading,
      '',
      'rpc_secret is missing: a node that speaks to others needs one, make it with `openssl rand -hex 32`',
    )
  }
  judgeFirstLayout(reading)
  const token = values.get('admin.admin_token') as string | undefined
  if (token !== undefined && token.length < 16) {
    warnings.push('admin.admin_token is shorter than 16 characters: it can be guessed')
  }
}

function judgeTls(reading: Reading, section: string): void {
  const [certificate, key] = ['tls_certificate_file', 'tls_key_file'].map((n) => `${section}.${n}`)
  for (const [given, missing] of [
    [certificate!, key!],
    [key!, certificate!],
  ] as const) {
    if (reading.values.get(given) === undefined || reading.values.get(missing) !== undefined)
      continue
    if (reading.found.has(missing)) continue
    fault(reading, given, `${given} needs ${missing}: give both, or neither for plain http`)
  }
}

function judgeFirstLayout(reading: Reading): void {
  const { values, found } = reading
  const wants = (path: string, needs: string, why: string): void => {
    if (values.get(path) === undefined || values.get(needs) !== undefined) return
    fault(reading, path, `${path} needs ${needs}: ${why}`)
  }
  wants('first_layout.nodes', 'first_layout.zone', 'where this node stands')
  wants('first_layout.nodes', 'rpc_bind_addr', 'the others must reach this node')
  for (const path of ['zone', 'capacity', 'bucket'].map((name) => `first_layout.${name}`)) {
    wants(path, 'first_layout.nodes', 'how many nodes make the first layout')
  }
  const nodes = values.get('first_layout.nodes') as number | undefined
  const factor = values.get('replication_factor') as number | undefined
  if (nodes !== undefined && factor !== undefined && nodes < factor) {
    fault(
      reading,
      'first_layout.nodes',
      `first_layout.nodes is ${nodes}: ${factor} copies want as many nodes`,
    )
  }
  if (values.get('rpc_secret_create') === true && !found.has('rpc_secret_file')) {
    const isInEnvironment = ['HANGAR', 'GARAGE'].some(
      (prefix) => reading.environment[`${prefix}_RPC_SECRET_FILE`] !== undefined,
    )
    if (isInEnvironment) return
    fault(reading, 'rpc_secret_create', 'rpc_secret_create needs rpc_secret_file: where it lies')
  }
}

function secretIsFaulty(reading: Reading): boolean {
  return reading.faults.some(({ text }) => /rpc_secret/i.test(text))
}

function knowsPeers(reading: Reading): boolean {
  if (reading.values.get('first_layout.nodes') !== undefined) return true
  const peers = (reading.values.get('bootstrap_peers') as readonly string[] | undefined) ?? []
  const discovers = [...reading.found.keys()].some((path) => /^\w+_discovery(?:\.|$)/.test(path))
  return peers.length > 0 || discovers
}

function judgePorts(reading: Reading): void {
  const listeners = keys
    .filter((key) => key.kind === 'address')
    .flatMap(({ path }) => {
      const address = reading.values.get(path) as ListenAddress | undefined
      return address === undefined || address.port === 0 ? [] : [{ path, ...address }]
    })
  for (const [index, one] of listeners.entries()) {
    const other = listeners.slice(0, index).find((earlier) => collide(earlier, one))
    if (other === undefined) continue
    fault(reading, one.path, `${one.path}: port ${one.port} is also that of ${other.path}`)
  }
}

function collide(a: ListenAddress, b: ListenAddress): boolean {
  const everywhere = (host: string): boolean => host === '0.0.0.0' || host === '::'
  return a.port === b.port && (a.host === b.host || everywhere(a.host) || everywhere(b.host))
}

function assemble(reading: Reading): Config {
  const { values } = reading
  const text = (path: string): string | undefined => values.get(path) as string | undefined
  const address = (path: string): ListenAddress | undefined =>
    values.get(path) as ListenAddress | undefined
  return {
    metadataDir: resolve(text('metadata_dir')!),
    dataDir: resolve(text('data_dir')!),
    replicationFactor: values.get('replication_factor') as number,
    knowsPeers: knowsPeers(reading),
    rpc: {
      bind: address('rpc_bind_addr'),
      publicAddress: text('rpc_public_addr'),
      secret: text('rpc_secret'),
      previousSecrets: (values.get('rpc_secret_previous') as readonly string[] | undefined) ?? [],
      bootstrapPeers: (values.get('bootstrap_peers') as readonly string[] | undefined) ?? [],
    },
    firstLayout: firstLayoutOf(values),
    s3: {
      bind: address('s3_api.api_bind_addr'),
      tls: tlsFilesOf(values, 's3_api'),
      region: text('s3_api.s3_region')!,
      rootDomain: text('s3_api.root_domain'),
    },
    web: {
      bind: address('s3_web.bind_addr'),
      tls: tlsFilesOf(values, 's3_web'),
      rootDomain: text('s3_web.root_domain'),
      addHostToMetrics: values.get('s3_web.add_host_to_metrics') as boolean,
    },
    admin: {
      bind: address('admin.api_bind_addr'),
      tls: tlsFilesOf(values, 'admin'),
      adminToken: text('admin.admin_token'),
      metricsToken: text('admin.metrics_token'),
      metricsRequireToken: values.get('admin.metrics_require_token') as boolean,
    },
    warnings: reading.warnings,
  }
}

function tlsFilesOf(values: ReadonlyMap<string, unknown>, section: string): TlsFiles | undefined {
  const certificate = values.get(`${section}.tls_certificate_file`) as string | undefined
  const key = values.get(`${section}.tls_key_file`) as string | undefined
  if (certificate === undefined || key === undefined) return undefined
  return { certificateFile: resolve(certificate), keyFile: resolve(key) }
}

function firstLayoutOf(values: ReadonlyMap<string, unknown>): FirstLayoutConfig | undefined {
  const of = (name: string): unknown => values.get(`first_layout.${name}`)
  const nodes = of('nodes') as number | undefined
  if (nodes === undefined) return undefined
  return {
    ...{ nodes, zone: of('zone') as string },
    capacityBytes: of('capacity') as number | undefined,
    bucket: of('bucket') as string | undefined,
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}

function reason(cause: unknown): string {
  const code = (cause as { code?: unknown }).code
  if (code === undefined && cause instanceof Error) return cause.message
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'this user may not read it'
  if (code === 'EISDIR') return 'it is a folder'
  return typeof code === 'string' ? code : String(cause)
}
