/** Speaks to a running node: finds its admin API and calls it. */

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { endpointOf } from '../config/endpoint.ts'
import { loadConfig } from '../config/load.ts'
import { CliError } from './command.ts'
import type { GlobalOptions, Terminal } from './command.ts'
import { DEV_FOLDER, readNodeFile } from './node-file.ts'

/** Where a node's admin API is, and the token for it. */
export interface AdminAccess {
  readonly endpoint: string
  readonly token: string
  /** How it was found, for messages. */
  readonly from: string
}

const ANSWER_MS_MAX = 60_000

/**
 * Finds the node: by `--data` or `-c`, else by the environment, else the one of `./hangar-data`.
 *
 * @throws {CliError} when nothing names a node
 */
export function findNode(options: GlobalOptions, terminal: Terminal): AdminAccess {
  const { environment, folder } = terminal
  if (options.data !== undefined) return accessOfFolder(resolve(folder, options.data))
  if (options.config !== undefined) return accessOfConfig(resolve(folder, options.config), terminal)
  const endpoint = environment['HANGAR_ADMIN_ENDPOINT']
  const token = environment['HANGAR_ADMIN_TOKEN']
  if (endpoint !== undefined && token !== undefined) {
    if (!/^https?:\/\//.test(endpoint)) {
      throw new CliError(
        `HANGAR_ADMIN_ENDPOINT is "${endpoint}"`,
        'Give the whole address, such as http://127.0.0.1:3903.',
      )
    }
    return { endpoint: endpoint.replace(/\/+$/, ''), token, from: 'HANGAR_ADMIN_ENDPOINT' }
  }
  const config = environment['HANGAR_CONFIG_FILE'] ?? environment['GARAGE_CONFIG_FILE']
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
    endpoint: endpointOf(admin.bind),
    token: admin.adminToken ?? tokenOfFolder(metadataDir),
    from: path,
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
      const response = await fetch(url.replace(/\?$/, ''), {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${this.#access.token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      })
      status = response.status
      text = await response.text()
    } catch (cause) {
      throw this.#unreachable(cause)
    }
    if (status === 200) return JSON.parse(text)
    throw this.#refusal(status, text)
  }

  #unreachable(cause: unknown): CliError {
    const inner = (cause as { cause?: { code?: string } }).cause?.code
    return new CliError(
      `no answer from ${this.#access.endpoint} (found by ${this.#access.from}): ${inner ?? String(cause)}`,
      'Is the node running? Start it with `hangar dev` or `hangar server -c FILE`.',
    )
  }

  #refusal(status: number, text: string): CliError {
    const { code, message } = readError(text)
    const hint =
      status === 403
        ? `The token found by ${this.#access.from} is not this node's: is another node on that port?`
        : status === 503
          ? '`hangar status` says how the node is; try again when it serves.'
          : undefined
    return new CliError(message ?? `the node answered ${status} ${code ?? ''}`, hint)
  }
}

function readError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    return JSON.parse(text) as { code?: string; message?: string }
  } catch {
    return {}
  }
}
