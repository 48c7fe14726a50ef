/** Speaks to a running node: finds its admin API and calls it. */

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { endpointOf } from '../config/endpoint.ts'
import { loadConfig } from '../config/load.ts'
import { CliError, settingsFileIn } from './command.ts'
import type { GlobalOptions, Terminal } from './command.ts'
import { httpCall, type Trust } from './http-call.ts'
import { DEV_FOLDER, readNodeFile } from './node-file.ts'

/** Where a node's admin API is, and the token for it. */
export interface AdminAccess {
  readonly endpoint: string
  readonly token: string
  /** How it was found, for messages. */
  readonly from: string
  /** Of an endpoint that speaks https. */
  readonly trust?: Trust
}

const ANSWER_MS_MAX = 60_000

/** What a node answered instead of what was asked for. */
export class AdminRefusal extends CliError {
  /** Of the admin API; undefined where the answer names none. */
  readonly code: string | undefined

  constructor(code: string | undefined, message: string, hint: string | undefined) {
    super(message, hint)
    this.code = code
  }
}

/**
 * Finds the node: by `--admin-url`, `--data` or `-c`, else by the environment, else the one of
 * `./hangar-data`.
 *
 * @throws {CliError} when nothing names a node
 */
export function findNode(options: GlobalOptions, terminal: Terminal): AdminAccess {
  const { environment, folder } = terminal
  if (options.adminUrl !== undefined) return accessOfUrl(options.adminUrl, options, terminal)
  if (options.data !== undefined) return accessOfFolder(resolve(folder, options.data))
  if (options.config !== undefined) return accessOfConfig(resolve(folder, options.config), terminal)
  const endpoint = environment['HANGAR_ADMIN_ENDPOINT']
  const token = environment['HANGAR_ADMIN_TOKEN']
  if (endpoint !== undefined && token !== undefined) return accessOfUrl(endpoint, options, terminal)
  const config = settingsFileIn(environment)
  if (config !== undefined) return accessOfConfig(resolve(folder, config), terminal)
  if (endpoint !== undefined || token !== undefined) {
    const missing = token === undefined ? 'HANGAR_ADMIN_TOKEN' : 'HANGAR_ADMIN_ENDPOINT'
    throw new CliError(`${missing} is not set`, 'Set it as well, or give --data FOLDER or -c FILE.')
  }
  const dev = resolve(folder, DEV_FOLDER)
  if (existsSync(dev)) return accessOfFolder(dev)
  throw new CliError(
    'no node is named',
    `Give --data FOLDER or -c FILE, or set HANGAR_ADMIN_ENDPOINT and HANGAR_ADMIN_TOKEN, or run this where ./${DEV_FOLDER} is.`,
  )
}

/** An address that was told: the token comes from the environment, or from a file. */
function accessOfUrl(text: string, options: GlobalOptions, terminal: Terminal): AdminAccess {
  const { environment, folder } = terminal
  const from = options.adminUrl === undefined ? 'HANGAR_ADMIN_ENDPOINT' : '--admin-url'
  if (!/^https?:\/\/[^/]/.test(text)) {
    throw new CliError(
      `${from} is "${text}"`,
      'Give the whole address, such as http://127.0.0.1:3903.',
    )
  }
  const { adminTokenFile } = options
  const token =
    adminTokenFile === undefined
      ? environment['HANGAR_ADMIN_TOKEN']
      : readGiven('--admin-token-file', resolve(folder, adminTokenFile)).trim()
  if (token === undefined) {
    throw new CliError(
      `no admin token is known for ${text}`,
      'Set HANGAR_ADMIN_TOKEN, or give --admin-token-file FILE.',
    )
  }
  const authority = options.adminCa ?? environment['HANGAR_ADMIN_CA_FILE']
  const trust =
    authority === undefined
      ? {}
      : { trust: { authority: readGiven('--admin-ca', resolve(folder, authority)) } }
  return { endpoint: text.replace(/\/+$/, ''), token, from, ...trust }
}

/** @throws {CliError} when the file that an option names cannot be read */
export function readGiven(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CliError(
      `cannot read the file of ${name}: ${(cause as Error).message}`,
      'Name a file that this user may read.',
    )
  }
}

function accessOfFolder(data: string): AdminAccess {
  const file = readNodeFile(data)
  if (file?.adminEndpoint === undefined) {
    throw new CliError(
      `no node runs on "${data}"`,
      `Start it with \`hangar dev --data ${data}\`, or name another with --data or -c.`,
    )
  }
  return { endpoint: file.adminEndpoint, token: file.adminToken, from: data }
}

function accessOfConfig(path: string, terminal: Terminal): AdminAccess {
  const { admin, metadataDir } = loadConfig(path, terminal.environment)
  if (admin.bind === undefined) {
    throw new CliError(
      `the settings file "${path}" gives no admin address`,
      'Add [admin] api_bind_addr = "127.0.0.1:3903" to it and start the node again.',
    )
  }
  return {
    endpoint: endpointOf(admin.bind, admin.tls !== undefined),
    token: admin.adminToken ?? tokenOfFolder(metadataDir),
    from: path,
    ...(admin.tls === undefined ? {} : { trust: trustOf(admin.tls.certificateFile) }),
  }
}

/**
 * On its own machine a node is reached by an address that its certificate need not name: it is
 * known by showing that very certificate. Where this user may not read it, names count.
 */
function trustOf(certificateFile: string): Trust {
  try {
    return { pinned: readFileSync(certificateFile, 'utf8') }
  } catch {
    return {}
  }
}

/** The token that a node without `admin_token` drew for itself. */
function tokenOfFolder(metadataDir: string): string {
  try {
    return readFileSync(join(metadataDir, 'admin-token'), 'utf8').trim()
  } catch {
    throw new CliError(
      `no admin token is known: "${join(metadataDir, 'admin-token')}" cannot be read`,
      'Start the node once, run this as the same user, or set [admin] admin_token.',
    )
  }
}

export interface AdminCallOptions {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Calls of one node's admin API. */
export class AdminClient {
  readonly #access: AdminAccess

  constructor(access: AdminAccess) {
    this.#access = access
  }

  /** An operation of the admin API v2, such as `ListKeys`. A body makes it a POST. */
  call<Answer>(name: string, options: AdminCallOptions = {}): Promise<Answer> {
    return this.#send(`/v2/${name}`, options) as Promise<Answer>
  }

  /** One of Hangar's own, such as `check`. */
  callOwn<Answer>(name: string, options: AdminCallOptions = {}): Promise<Answer> {
    return this.#send(`/hangar/v1/${name}`, options) as Promise<Answer>
  }

  async #send(path: string, { query, body }: AdminCallOptions): Promise<unknown> {
    const url = `${this.#access.endpoint}${path}?${new URLSearchParams(query).toString()}`
    let status: number
    let text: string
    try {
      const reply = await httpCall({
        url: new URL(url.replace(/\?$/, '')),
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${this.#access.token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        trust: this.#access.trust ?? {},
        msMax: ANSWER_MS_MAX,
      })
      status = reply.status
      text = reply.body.toString()
    } catch (cause) {
      throw this.#unreachable(cause)
    }
    if (status === 200) return JSON.parse(text)
    throw this.#refusal(status, text)
  }

  #unreachable(cause: unknown): CliError {
    const { code, message } = cause as { readonly code?: string; readonly message: string }
    const { endpoint, from } = this.#access
    const isOfTls = code !== undefined && /CERT|SSL|TLS|ISSUER|SIGNATURE/.test(code)
    return new CliError(
      `no answer from ${endpoint} (found by ${from}): ${isOfTls ? message : (code ?? message)}`,
      isOfTls
        ? 'Name the authority of its certificate with --admin-ca FILE, and the node as its certificate does; does the port speak https at all?'
        : 'Is the node running? Start it with `hangar dev` or `hangar server -c FILE`.',
    )
  }

  #refusal(status: number, text: string): AdminRefusal {
    const { code, message } = readError(text)
    const hint =
      status === 403
        ? `The token found by ${this.#access.from} is not this node's: is another node on that port?`
        : status === 503
          ? '`hangar status` says how the node is; try again when it serves.'
          : listings[code ?? '']
    return new AdminRefusal(code, message ?? `the node answered ${status} ${code ?? ''}`, hint)
  }
}

/** Where what there is can be seen, by the code that says that something is not. */
const listings: Readonly<Record<string, string>> = {
  NoSuchAccessKey: '`hangar key list` shows the keys that there are.',
  NoSuchAdminToken: '`hangar admin-token list` shows the tokens that there are.',
  NoSuchBucket: '`hangar bucket list` shows the buckets that there are.',
}

function readError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    return JSON.parse(text) as { code?: string; message?: string }
  } catch {
    return {}
  }
}
