/** Reads one value of the settings file into what the program uses, or says what it wanted. Pure. */

import { bytesOfSize } from '../base/units.ts'
import {
  LAYOUT_NODES_MAX,
  NODE_CAPACITY_BYTES_MIN,
  ROLE_TEXT_CHARS_MAX,
  SECRETS_MAX,
} from '../base/limits.ts'
import type { KeyKind, ListenAddress } from './schema.ts'

/** Thrown by a reader; `load.ts` adds the key and the line. */
export class ValueFault extends Error {
  override readonly name = 'ValueFault'
}

/** Secrets that stand in published examples: as good as none. */
const publishedSecrets = new Set([
  '4425f5c26c5e11581d3223904324dcb5b5d5dfb14e5e7f35e38c595424f5f1e6',
  '1799bccfd7411eddcf9ebd316bc1f5287ad12a68094e1c6ac6abde7e6feae1ec',
  '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
])
/** A random secret of 64 hex digits has fewer different digits once in many millions. */
const SECRET_DIGITS_MIN = 8

/** One reader for each kind of value. */
export const readers: Readonly<Record<KeyKind, (value: unknown) => unknown>> = {
  path: (value) => readText(value, 'a path'),
  drives: readDrives,
  flag: (value) => {
    if (typeof value !== 'boolean') throw wanted('true or false', value)
    return value as unknown
  },
  factor: (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 7) {
      throw wanted('a whole number from 1 to 7', value)
    }
    return value as unknown
  },
  consistency: (value) => {
    if (value !== 'consistent') {
      throw wanted('"consistent", for the other modes lose acknowledged writes', value)
    }
    return value as unknown
  },
  secret: readSecret,
  secrets: (value) => {
    if (!Array.isArray(value) || value.length >= SECRETS_MAX) {
      throw new ValueFault(`wanted a list of at most ${SECRETS_MAX - 1} secrets`)
    }
    return value.map(readSecret)
  },
  token: (value) => {
    const text = readText(value, 'a token')
    if (!/^[\x21-\x7e]+$/.test(text)) {
      throw new ValueFault('wanted printable ASCII without spaces, for it travels in a header')
    }
    return text
  },
  address: readAddress,
  peerAddress: (value) => {
    const text = readText(value, 'host:port')
    if (!/^(?:\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(text)) throw wanted('host:port', value)
    return text
  },
  peers: (value) => {
    if (!Array.isArray(value)) throw wanted('a list of "id@host:port" or "host:port"', value)
    for (const peer of value as unknown[]) {
      if (typeof peer !== 'string' || !/^(?:[0-9a-f]{64}@)?[^\s@]+:\d{1,5}$/.test(peer)) {
        throw wanted(
          'entries of the form "id@host:port", the id 64 hex digits, or "host:port"',
          peer,
        )
      }
    }
    return value as unknown
  },
  region: (value) => {
    const text = readText(value, 'a region')
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/.test(text)) {
      throw wanted('letters, digits and hyphens, at most 64', value)
    }
    return text
  },
  domain: (value) => {
    const text = readText(value, 'a domain').replace(/^\./, '').toLowerCase()
    if (!/^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/.test(text)) throw wanted('a domain name', value)
    return text
  },
  nodeCount: (value) => {
    const isCount = typeof value === 'number' && Number.isInteger(value)
    if (isCount && value >= 2 && value <= LAYOUT_NODES_MAX) return value
    throw wanted(`a whole number from 2 to ${LAYOUT_NODES_MAX}`, value)
  },
  zone: (value) => {
    const text = readText(value, 'the name of a zone')
    if (text.length > ROLE_TEXT_CHARS_MAX)
      throw wanted(`at most ${ROLE_TEXT_CHARS_MAX} characters`, value)
    return text
  },
  capacity: (value) => {
    const bytes = typeof value === 'string' ? bytesOfSize(value) : value
    const isSize = typeof bytes === 'number' && Number.isSafeInteger(bytes)
    if (isSize && bytes >= NODE_CAPACITY_BYTES_MIN) return bytes
    throw wanted('a size such as "500G", "1.5TB" or "2TiB"', value)
  },
  bucket: (value) => {
    const text = readText(value, 'the name of a bucket')
    if (/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(text)) return text
    throw wanted('3 to 63 of a-z, 0-9 and "-"', value)
  },
}

function wanted(what: string, value: unknown): ValueFault {
  return new ValueFault(`${shown(value)}, wanted ${what}`)
}

function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function readText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw wanted(`${what} in quotes`, value)
  if (value.trim() === '') throw wanted(what, value)
  return value
}

/** The value itself never stands in a message. */
function readSecret(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-fA-F]{64}$/.test(value)) {
    throw new ValueFault('wanted 64 hex digits: make one with `openssl rand -hex 32`')
  }
  const digits = new Set(value.toLowerCase())
  if (publishedSecrets.has(value.toLowerCase()) || digits.size < SECRET_DIGITS_MIN) {
    throw new ValueFault('everybody knows this one: make one with `openssl rand -hex 32`')
  }
  return value.toLowerCase()
}

function readAddress(value: unknown): ListenAddress {
  const text = readText(value, 'an address')
  if (text.startsWith('/'))
    throw wanted('ip:port (sockets of the file system are not served)', value)
  const match =
    /^(?:\[([0-9a-fA-F:.]+)\]|([0-9]{1,3}(?:\.[0-9]{1,3}){3})|(localhost)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[4])
  if (match === null || port > 65_535) throw wanted('ip:port such as "127.0.0.1:3900"', value)
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
}

function readDrives(value: unknown): string {
  if (!Array.isArray(value)) return readText(value, 'a path')
  const entries = value as unknown[]
  if (entries.length !== 1) {
    throw new ValueFault(`${entries.length} drives, wanted 1: a node has one drive as yet`)
  }
  const entry = entries[0]
  if (typeof entry !== 'object' || entry === null) throw wanted('a list of { path = "…" }', value)
  const { path, read_only: readOnly, ...rest } = entry as Record<string, unknown>
  if (readOnly === true) throw new ValueFault('a read-only drive, and no other to write to')
  const unknown = Object.keys(rest).find((name) => name !== 'capacity')
  if (unknown !== undefined) {
    throw new ValueFault(`unknown key "${unknown}" in it, wanted path, capacity, read_only`)
  }
  return readText(path, 'a path')
}
