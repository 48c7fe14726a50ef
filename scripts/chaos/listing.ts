/** Lists the bucket of a cell page by page, and writes down what each page says of each key. */

import type { Recorded } from '../../src/simulation/history.ts'
import { childrenOf, parseXml, textAt } from '../../test/support/xml-tree.ts'
import { noteUnexpected } from './actions.ts'
import type { Client } from './client.ts'
import type { ChaosNode } from './cluster.ts'
import { inByteOrder } from './journal.ts'

export interface ListWish {
  readonly maxKeys?: number
  readonly delimiter?: string
  /** Every page through this node. @default the client's own turns */
  readonly node?: ChaosNode
}

/** What a page showed, and of which stretch of keys. */
export interface Page {
  readonly call: number
  readonly end: number
  /** Keys up to this, in byte order, were on earlier pages; undefined on the first. */
  readonly after: string | undefined
  /** The last key or prefix of the page; undefined where the listing ends. */
  readonly upTo: string | undefined
  readonly etags: ReadonlyMap<string, string>
  readonly prefixes: readonly string[]
}

/** A whole listing; undefined when a page had no answer. What shows in it is told to the journal. */
export async function list(client: Client, wish: ListWish = {}): Promise<Page[] | undefined> {
  const { journal } = client
  const pages: Page[] = []
  const began = performance.now()
  let token: string | undefined
  do {
    const query: Record<string, string> = { 'list-type': '2' }
    if (wish.maxKeys !== undefined) query['max-keys'] = `${wish.maxKeys}`
    if (wish.delimiter !== undefined) query['delimiter'] = wish.delimiter
    if (token !== undefined) query['continuation-token'] = token
    const call = performance.now()
    const outcome = await (wish.node === undefined
      ? client.ask({ method: 'GET', query })
      : client.askNode(wish.node, { method: 'GET', query }))
    if (outcome.kind !== 'ok') {
      if (outcome.kind === 'refused') noteUnexpected(journal, 'LIST', outcome)
      return undefined
    }
    const root = parseXml(outcome.answer.body)
    token = textAt(root, 'NextContinuationToken')
    const page = pageOf(root, { call, after: pages.at(-1)?.upTo, isLast: token === undefined })
    pages.push(page)
    if (token !== undefined && page.upTo === undefined) {
      journal.violations.push('LIST answers an empty page that is not the last')
      return undefined
    }
  } while (token !== undefined)
  const entries = pages.flatMap((page) =>
    [...page.etags.keys(), ...page.prefixes].sort(inByteOrder),
  )
  for (const [index, entry] of entries.entries()) {
    if (index > 0 && inByteOrder(entries[index - 1]!, entry) >= 0) {
      journal.violations.push(`LIST shows ${entry} behind ${entries[index - 1]}`)
    }
  }
  const keys = pages.flatMap((page) => [...page.etags.keys()])
  if (wish.delimiter === undefined) {
    journal.listings.push({ call: began, end: performance.now(), keys })
  }
  return pages
}

function pageOf(
  root: ReturnType<typeof parseXml>,
  where: { readonly call: number; readonly after: string | undefined; readonly isLast: boolean },
): Page {
  const etags = new Map<string, string>()
  for (const entry of childrenOf(root, 'Contents')) {
    etags.set(textAt(entry, 'Key') ?? '', (textAt(entry, 'ETag') ?? '').replaceAll('"', ''))
  }
  const prefixes = childrenOf(root, 'CommonPrefixes').map((entry) => textAt(entry, 'Prefix') ?? '')
  const { call, after, isLast } = where
  const last = [...etags.keys(), ...prefixes].sort(inByteOrder).at(-1)
  return { call, end: performance.now(), after, upTo: isLast ? undefined : last, etags, prefixes }
}

/** What a page says of the keys that might have been on it, in the words of the model. */
export function shownBy(page: Page, keys: readonly string[]): Recorded[] {
  const { call, end, etags, prefixes } = page
  return keys
    .filter((key) => isCovered(page, key) && !prefixes.some((prefix) => key.startsWith(prefix)))
    .map((key) => ({
      ...{ key, request: { kind: 'listed' }, call, end },
      answer: { kind: 'shows', version: etags.get(key) ?? '' },
    }))
}

function isCovered({ after, upTo }: Page, key: string): boolean {
  if (after !== undefined && (inByteOrder(key, after) <= 0 || isPrefixOf(after, key))) return false
  return upTo === undefined || inByteOrder(key, upTo) <= 0 || isPrefixOf(upTo, key)
}

function isPrefixOf(entry: string, key: string): boolean {
  return entry.endsWith('/') && key.startsWith(entry)
}
