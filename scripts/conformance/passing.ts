/** The list of tests that pass: kept in the repository, and it only grows. */

/** What a run did to the list. */
export interface Compared {
  /** On the list, and not passed in this run. */
  readonly lost: readonly string[]
  /** Passed in this run, and not yet on the list. */
  readonly gained: readonly string[]
}

/** One name a line; lines that begin with `#` are remarks. */
export function readList(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

export function compareLists(kept: readonly string[], passed: readonly string[]): Compared {
  const before = new Set(kept)
  const now = new Set(passed)
  return {
    lost: kept.filter((name) => !now.has(name)),
    gained: passed.filter((name) => !before.has(name)),
  }
}

/** The list with more names, sorted; remarks stay on top. */
export function grownList(text: string, gained: readonly string[]): string {
  const remarks = text.split('\n').filter((line) => line.startsWith('#'))
  const names = [...new Set([...readList(text), ...gained])].sort()
  return [...remarks, ...names, ''].join('\n')
}
