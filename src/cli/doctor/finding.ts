/** One line of `hangar doctor`: what was looked at, how it is, and what mends it. */

export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped'

export interface Finding {
  readonly name: string
  readonly verdict: Verdict
  /** One sentence without a full stop. */
  readonly detail: string
  /** What to do; a command where there is one. */
  readonly mend?: string
}

/** What one look found, before it has a name. */
export type Look = Omit<Finding, 'name'>

export const ok = (detail: string): Look => ({ verdict: 'ok', detail })
export const skipped = (detail: string): Look => ({ verdict: 'skipped', detail })
export const warning = (detail: string, mend?: string): Look => ({
  ...{ verdict: 'warning', detail },
  ...(mend === undefined ? {} : { mend }),
})
export const failed = (detail: string, mend?: string): Look => ({
  ...{ verdict: 'failed', detail },
  ...(mend === undefined ? {} : { mend }),
})

/** Gathers findings and tells each as it comes. */
export class Findings {
  readonly all: Finding[] = []
  readonly #tell: (finding: Finding) => void

  constructor(tell: (finding: Finding) => void) {
    this.#tell = tell
  }

  add(name: string, look: Look): Look {
    const finding = { name, ...look }
    this.all.push(finding)
    this.#tell(finding)
    return look
  }

  /** A look that throws has failed. */
  async look(name: string, work: () => Promise<Look> | Look): Promise<Look> {
    try {
      return this.add(name, await work())
    } catch (error) {
      return this.add(name, failed(reasonOf(error)))
    }
  }

  get isWell(): boolean {
    return this.all.every(({ verdict }) => verdict !== 'failed')
  }
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string }
  // Several addresses were tried: their messages are within, the code says it.
  if (message === undefined || message === '') return String(code ?? error)
  return message
}

const signs: Readonly<Record<Verdict, string>> = {
  ok: 'ok  ',
  warning: 'warn',
  failed: 'FAIL',
  skipped: '-   ',
}
const NAME_CHARS = 18

/** As people read it; what mends stands below. */
export function findingText({ name, verdict, detail, mend }: Finding): string {
  const below = `\n${' '.repeat(NAME_CHARS + 8)}`
  const line = `${signs[verdict]}  ${name.padEnd(NAME_CHARS)}  ${detail.replaceAll(/\n\s*/g, below)}`
  return mend === undefined ? line : `${line}${below}${mend}`
}
