/**
 * Where each key of a TOML text stands, since the parser does not say. Pure.
 *
 * It reads a text that the parser has accepted, so it need not refuse anything: it only skips
 * strings, comments and brackets rightly.
 */

/** Line numbers, from 1, by path: `s3_api`, `s3_api.s3_region`, `data_dir.0.path`. */
export type KeyLines = ReadonlyMap<string, number>

export function keyLines(text: string): KeyLines {
  const lines = new Map<string, number>()
  const arrayCounts = new Map<string, number>()
  let table = ''
  for (const statement of statementsOf(text)) {
    const header = /^\[\[?/.exec(statement.text)?.[0]
    const [path] = readPath(statement.text, header?.length ?? 0)
    if (path === '') continue
    if (header === '[[') {
      const index = arrayCounts.get(path) ?? 0
      arrayCounts.set(path, index + 1)
      table = `${path}.${index}`
      if (index === 0) lines.set(path, statement.line)
      lines.set(table, statement.line)
    } else if (header === '[') {
      table = path
      noteParents(lines, path, statement.line)
    } else {
      noteParents(lines, table === '' ? path : `${table}.${path}`, statement.line)
    }
  }
  return lines
}

/** The line of the path, or of what it lies in. */
export function lineOf(lines: KeyLines, path: string): number | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const line = lines.get(at)
    if (line !== undefined) return line
  }
  return undefined
}

function noteParents(lines: Map<string, number>, path: string, line: number): void {
  const parts = path.split('.')
  for (let count = 1; count <= parts.length; count++) {
    const parent = parts.slice(0, count).join('.')
    if (!lines.has(parent)) lines.set(parent, line)
  }
}

interface Statement {
  readonly line: number
  readonly text: string
}

/** Cuts the text at the line ends that lie outside strings and brackets. */
function* statementsOf(text: string): Generator<Statement> {
  let line = 1
  let start = 0
  let startLine = 1
  let depth = 0
  let at = 0
  while (at <= text.length) {
    const char = text[at]
    const end = skipToken(text, at)
    if (char === undefined || (char === '\n' && depth === 0)) {
      const statement = text.slice(start, at).trim()
      if (statement !== '' && !statement.startsWith('#')) yield { line: startLine, text: statement }
      start = at + 1
      startLine = line + 1
    }
    if (char === '[' || char === '{') depth += 1
    if (char === ']' || char === '}') depth -= 1
    for (let inside = at; inside < end; inside++) if (text[inside] === '\n') line += 1
    at = end
  }
}

/** The position after the string, the comment or the one character at `at`. */
function skipToken(text: string, at: number): number {
  const char = text[at]
  if (char === '#') {
    const end = text.indexOf('\n', at)
    return end === -1 ? text.length : end
  }
  if (char !== '"' && char !== "'") return at + 1
  const fence = text.startsWith(char.repeat(3), at) ? char.repeat(3) : char
  let next = at + fence.length
  while (next < text.length && !text.startsWith(fence, next)) {
    next += char === '"' && text[next] === '\\' ? 2 : 1
  }
  return Math.min(text.length, next + fence.length)
}

/** A dotted path of bare or quoted keys that begins at `from`, and where it ends. */
function readPath(text: string, from: number): [path: string, end: number] {
  const part = /\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*/y
  const parts: string[] = []
  let at = from
  for (;;) {
    part.lastIndex = at
    const match = part.exec(text)
    if (match === null) break
    parts.push(match[1] ?? match[2] ?? match[3] ?? '')
    at = part.lastIndex
    if (text[at] !== '.') break
    at += 1
  }
  return [parts.join('.'), at]
}
